"""The way of a user, by the command lines: train, resume, test, demo; on a few drawn cats, in one work dir.

Each of them is once ``fresh``, an interpreter that imports all by itself; torchrun is, too.
"""

import json
import math
import re
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import kpplugins.apis.test as apis_test
from kpplugins.apis.demo import demo_files
from kpplugins.apis.export import export
from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.inference.predictor import Predictor
from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import default_checkpoint, read_checkpoint
from kpplugins.weights.run_record import KEY

TINY = [
    "input_size=(64,64)",
    "model.backbone.channels=16",
    "model.head.in_channels=16",
    "model.head.depth=2",
    "train_dataloader.batch_size=4",
    "train_dataloader.num_workers=0",
    "train_dataloader.persistent_workers=False",
    "val_dataloader.num_workers=0",
    "val_dataloader.persistent_workers=False",
    "test_dataloader.num_workers=0",
    "test_dataloader.persistent_workers=False",
    "train_cfg.val_interval=1",
]
"""The sample config, smaller still."""


@pytest.fixture(scope="module")
def trained(root: Path, tool, drawn_cats: Path) -> Path:
    """One epoch of training; the config that was trained and its work dir."""
    config = root / "configs/cat_hourglass_sample.py"
    tool("train.py", config, "--data", drawn_cats, "--cfg-options", "max_epochs=1", *TINY, fresh=True)
    return tool.folder / "work_dirs/cat_hourglass_sample"


def test_training_leaves_all_that_is_needed_later(trained: Path):
    for name in (
        "schema.json",
        "boxes.json",
        "curves.png",
        "last_checkpoint",
        "cat_hourglass_sample.py",
        "epoch_1.pth",
    ):
        assert (trained / name).is_file(), name
    assert list(trained.glob("best_AP_epoch_*.pth"))


def test_resume_goes_on_where_it_stopped(root: Path, tool, trained: Path, drawn_cats: Path):
    config = root / "configs/cat_hourglass_sample.py"
    done = tool("train.py", config, "--data", drawn_cats, "--resume", "--cfg-options", "max_epochs=2", *TINY)
    assert "resumed epoch: 1" in done.stdout + done.stderr
    assert "no visibility is predicted: of 36 keypoints 0 are absent" in done.stdout + done.stderr
    assert "Epoch(train) [2]" in (done.stdout + done.stderr).replace("  ", " ")
    assert (trained / "epoch_2.pth").is_file()


def test_resuming_a_finished_run_says_so_and_changes_nothing(
    root: Path, tool, trained: Path, drawn_cats: Path
):
    def state() -> dict:
        return {path: path.stat().st_mtime_ns for path in sorted(trained.rglob("*"))}

    config, before = root / "configs/cat_hourglass_sample.py", state()
    done = tool("train.py", config, "--data", drawn_cats, "--resume", "--cfg-options", "max_epochs=1", *TINY)
    assert "nothing to resume, epoch 2 of 1 is done" in done.stdout + done.stderr
    assert state() == before


def test_a_learning_rate_and_a_frozen_part(root: Path, tool, trained: Path, drawn_cats: Path):
    """Under the one-cycle schedule of the base."""
    start = next(trained.glob("best_*.pth"))
    options = ["--data", drawn_cats, "--work-dir", "frozen", "--cfg-options", *TINY, "max_epochs=1"]
    options += [f"load_from={start}", "default_hooks.logger.interval=1", "lr=1e-6"]
    config = root / "configs/cat_hourglass_sample.py"
    done = tool("train.py", config, *options, "freeze=['backbone']")
    rates = [float(rate) for rate in re.findall(r"\]\s+lr: (\S+)", done.stdout + done.stderr)]
    assert len(rates) > 2 and max(rates) == pytest.approx(1e-6, rel=0.1)
    assert "frozen: backbone" in done.stdout + done.stderr
    before, after = (
        read_checkpoint(path)["state_dict"] for path in (start, tool.folder / "frozen/epoch_1.pth")
    )
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head"}
    done = tool("train.py", config, *options, "freeze=['bakbone']", status=2)
    assert "error: freeze: no part 'bakbone' in the model; expected a module, e.g. backbone" in done.stderr


def test_test_writes_numbers_table_and_images(tool, trained: Path):
    done = tool("test.py", trained / "cat_hourglass_sample.py", "--work-dir", trained, fresh=True)
    metrics = json.loads((trained / "metrics.json").read_text())
    for key in ("AP", "AP50", "PCK@0.1", "NME"):
        assert isinstance(metrics[key], float), key
    assert [row["keypoint"] for row in metrics["per_keypoint"]][:3] == ["left_eye", "right_eye", "mouth"]
    assert metrics["instances"] == 4
    assert "Average Precision  (AP) @[ IoU=0.50:0.95" in done.stdout + done.stderr
    assert "OKS sigmas" in done.stdout + done.stderr
    assert "| left_ear_2" in (trained / "per_keypoint.md").read_text()
    assert cv2.imread(str(trained / "best_and_worst.jpg")) is not None


def test_without_a_config_the_newest_run_is_tested_and_every_instance_written(
    tool, trained: Path, drawn_cats: Path
):
    assert "AP50" in tool("test.py", "--predictions", "new/found.json").stdout
    written = json.loads((tool.folder / "new/found.json").read_text())
    numbers = json.loads((trained / "metrics.json").read_text())
    assert written["metrics"]["EPE"] == numbers["EPE"] and written["checkpoint"].endswith(".pth")
    assert written["keypoint_names"] == [row["keypoint"] for row in numbers["per_keypoint"]]
    assert len(written["instances"]) == 4 and "unmatched" not in written
    for row in written["instances"]:
        points = np.array(Path(f"{row['image']}.cat").read_text().split()[1:], float).reshape(-1, 2)
        assert row["truth"]["keypoints"] == [[x, y, 2] for x, y in points.tolist()]
        found = [math.dist(a, b[:2]) for a, b in zip(points, row["prediction"]["keypoints"], strict=True)]
        assert row["error"] == pytest.approx(found, abs=1e-3)


def alone(run: Path, folder: Path) -> Path:
    """The best checkpoint of a run, in an empty folder."""
    folder.mkdir()
    return Path(shutil.copy(next(run.glob("best_*.pth")), folder / "moved.pth"))


def test_a_checkpoint_alone_predicts_is_tested_and_exported(trained: Path, drawn_cats: Path, tmp_path: Path):
    """What it finds, and its figures, are those of the run."""
    image = sorted((drawn_cats / "CAT_00").glob("*.jpg"))[0]
    moved = alone(trained, tmp_path / "empty")
    ours = Predictor(checkpoint=moved, device="cpu")
    theirs = Predictor(trained / "cat_hourglass_sample.py", next(trained.glob("best_*.pth")), "cpu")
    assert ours.schema == theirs.schema and ours.model.layout == theirs.model.layout is not None
    assert (ours(image).keypoints == theirs(image).keypoints).all()
    numbers, out, _ = apis_test.test(checkpoint=moved, data=drawn_cats)
    assert out == moved.parent and (out / "per_keypoint.md").is_file()
    expected, _, _ = apis_test.test(trained / "cat_hourglass_sample.py", work_dir=trained, data=drawn_cats)
    assert numbers == expected
    pytest.importorskip("onnxscript", reason="extra 'export' is not installed")
    assert export(moved)[0] == moved.parent / "cat_hourglass_sample_onnx"


def test_the_command_lines_take_a_checkpoint_alone(tool, trained: Path, drawn_cats: Path, tmp_path: Path):
    moved = alone(trained, tmp_path / "empty")
    image = sorted((drawn_cats / "CAT_00").glob("*.jpg"))[0]
    said = tool("demo.py", image, "--checkpoint", moved, "--out", tmp_path / "shown").stdout
    assert "config in the checkpoint" in said and (tmp_path / f"shown/{image.stem}.json").is_file()
    options = ["--data", drawn_cats, "--cfg-options", "test_dataloader.batch_size=2"]
    assert "AP50" in tool("test.py", moved, *options).stdout


def test_demo_on_images_and_folders(tool, trained: Path, drawn_cats: Path):
    image = sorted((drawn_cats / "CAT_00").glob("*.jpg"))[0]
    tool("demo.py", image, drawn_cats / "CAT_01", "--out", "shown", fresh=True)
    content = json.loads((tool.folder / "shown" / f"{image.stem}.json").read_text())
    assert content["keypoint_names"][2] == "mouth"
    assert np.array(content["instances"][0]["keypoints"]).shape == (9, 3)
    drawn = cv2.imread(str(tool.folder / "shown" / image.name))
    original = cv2.imread(str(image))
    assert drawn.shape == original.shape
    assert np.abs(drawn.astype(int) - original).max() > 100
    assert len(list((tool.folder / "shown").glob("*.jpg"))) == 1 + len(
        list((drawn_cats / "CAT_01").glob("*.jpg"))
    )


def test_demo_on_a_video_given_boxes(tool, trained: Path, clip: Path):
    tool("demo.py", clip, "--bbox", "10", "10", "60", "70", "--out", "video")
    content = json.loads((tool.folder / "video/clip.json").read_text())
    assert [f["frame"] for f in content["frames"]] == [0, 1, 2, 3]
    assert content["frames"][0]["instances"][0]["bbox"] == [10, 10, 60, 70]
    capture = cv2.VideoCapture(str(tool.folder / "video/clip.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 4
    assert (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (96, 80)


def test_a_video_that_ends_too_early_is_told_and_kept(tool, trained: Path, clip: Path, drawn_cats: Path):
    content, cut = clip.read_bytes(), clip.with_name("cut.avi")
    cut.write_bytes(
        content[: content.rfind(b"00dc", 0, content.rfind(b"idx1"))]
    )  # without its last frame and its index
    image = sorted((drawn_cats / "CAT_00").glob("*.jpg"))[0]
    inputs = [cut, image, "--bbox", "10", "10", "60", "70"]
    done = tool("demo.py", *inputs, "--out", "early", status=1)
    assert f"error: {cut}: only 3 of 4 frames could be read" in done.stderr and "Traceback" not in done.stderr
    kept = json.loads((tool.folder / "early/cut.json").read_text())
    assert [f["frame"] for f in kept["frames"]] == [0, 1, 2]
    assert (kept["fps"], kept["frame_count"], kept["frames_read"]) == (10, 4, 3)
    assert (tool.folder / f"early/{image.stem}.json").is_file() and "early/cut.mp4" in done.stdout
    accepted = tool("demo.py", clip, *inputs, "--out", "accepted", "--skip-bad", "--max-frames", "4")
    assert "only 3 of 4 frames" in accepted.stderr
    tool("demo.py", clip, "--bbox", "10", "10", "60", "70", "--out", "first", "--max-frames", "2")
    assert len(json.loads((tool.folder / "first/clip.json").read_text())["frames"]) == 2


def test_weights_or_predictions_that_are_not_finite_are_refused(
    tool, trained: Path, drawn_cats: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    broken = tmp_path / "broken.pth"
    checkpoint = default_checkpoint(trained)
    content = torch.load(checkpoint, weights_only=False)
    name = next(name for name in content["state_dict"] if name.endswith("weight"))
    content["state_dict"][name][0] = float("nan")
    torch.save(content, broken)
    image = sorted((drawn_cats / "CAT_00").glob("*.jpg"))[0]
    done = tool("demo.py", image, "--out", "nan", "--checkpoint", broken, status=2)
    assert "weights that are not finite" in done.stderr and "Traceback" not in done.stderr
    assert not (tool.folder / "nan").exists()
    predictor = Predictor(None, checkpoint, "cpu")
    network = predictor.model.trained.network
    monkeypatch.setattr(network, "test_step", _nan_of(network.test_step))
    with pytest.raises(BadInputError, match="predictions are not finite.*NaN or infinity in keypoints"):
        demo_files(predictor, [image], RunSettings(tmp_path / "out"))
    assert not list((tmp_path / "out").glob(f"{image.stem}.*"))


def _nan_of(step):
    def changed(batch):
        outputs = step(batch)
        outputs[0].pred_instances.keypoints[0, 0] = np.nan
        return outputs

    return changed


def test_training_that_diverges_stops_and_keeps_its_weights(root: Path, tool, drawn_cats: Path):
    config = root / "configs/cat_hourglass_sample.py"
    options = ["max_epochs=2", "param_scheduler.eta_max=1e12", *TINY]
    arguments = ["--data", drawn_cats, "--work-dir", "diverged", "--cfg-options", *options]
    done = tool("train.py", config, *arguments, status=2)
    line = next(line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert "training stopped, the loss is" in line and "CAT_0" in line and "a lower learning rate" in line
    assert "Traceback" not in done.stderr
    (kept,) = (tool.folder / "diverged").glob("*.pth")
    weights = read_checkpoint(kept)["state_dict"]
    assert all(torch.isfinite(v).all() for v in weights.values()) and str(kept.name) in line


def test_a_checkpoint_with_nan_is_not_exported(tool, trained: Path):
    pytest.importorskip("onnxscript", reason="extra 'export' is not installed")
    content = torch.load(default_checkpoint(trained), weights_only=False)
    next(v for name, v in content["state_dict"].items() if name.endswith("weight"))[0] = torch.nan
    torch.save(content, tool.folder / "nan.pth")
    done = tool("export.py", "nan.pth", "--out", "nan.onnx", status=2)
    (line,) = [text for text in done.stderr.splitlines() if text.startswith("error: ")]
    assert "nan.pth: weights that are not finite" in line and "Traceback" not in done.stderr
    assert [p.name for p in tool.folder.glob("nan*")] == ["nan.pth"]


def test_a_batch_larger_than_the_set_that_is_dropped_is_one_line(root: Path, tool, drawn_cats: Path):
    config = root / "configs/cat_hourglass_sample.py"
    arguments = ["--data", drawn_cats, "--work-dir", "none", "--cfg-options", *TINY]
    more = ["train_dataloader.batch_size=64", "train_dataloader.drop_last=True"]
    done = tool("train.py", config, *arguments, *more, status=2)
    assert "error: train_dataloader: no batch" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a screen always")
def test_the_webcam_without_a_screen(tool, trained: Path, clip: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = tool("demo.py", "--webcam", "77", status=2)
    assert "no screen here" in done.stdout and "camera 77 cannot be opened" in done.stderr
    done = tool("demo.py", "--webcam", clip, "--max-frames", "1", "--out", "unseen")
    assert "no screen here (DISPLAY is not set): the video is written to unseen instead" in done.stdout
    assert (tool.folder / "unseen/clip.mp4").is_file() and (tool.folder / "unseen/clip.jsonl").is_file()


def test_the_webcam_in_a_real_window(tool, trained: Path, clip: Path, screen):
    assert "camera 77 cannot be opened" in tool("demo.py", "--webcam", "77", status=2).stderr
    assert "1 image shown" in tool("demo.py", "--webcam", clip, "--max-frames", "1").stdout


def test_demo_goes_on_after_bad_images_and_writes_every_format(
    tool, trained: Path, drawn_cats: Path, clip: Path, tmp_path: Path
):
    """Three images by a pattern, one of them empty, and a video."""
    for image in sorted((drawn_cats / "CAT_00").glob("*.jpg"))[:2]:
        shutil.copy(image, tmp_path)
    (tmp_path / "a.jpg").touch()
    pattern = f"{tmp_path}/*.jpg"
    where = ["--format", "json", "coco", "csv", "--smooth"]
    done = tool("demo.py", pattern, *where, status=2)
    assert "--smooth: has no effect on images" in done.stderr
    done = tool("demo.py", pattern, clip, *where, "--out", "bad", status=1)
    assert "a.jpg: image cannot be decoded" in done.stderr and "Traceback" not in done.stderr
    assert "6 frames in" in done.stdout and "1 bad" in done.stdout and "smoothed: jitter" in done.stdout
    names = {path.name for path in (tool.folder / "bad").iterdir()}
    ends = (".jsonl", ".csv", "_coco.json", "_coco_results.json")
    assert {f"{stem}{end}" for stem in ("predictions", "clip") for end in ends} | {
        "clip.mp4",
        "clip.json",
    } < names
    assert not names & {"a.json", "a.jpg"}
    assert "6 frames in" in tool("demo.py", pattern, clip, *where, "--out", "skipped", "--skip-bad").stdout
    for words, options in {
        "unknown format": ["--format", "xml"],
        "--tracker needs --track": ["--tracker", "ocsort"],
        "either --webcam or INPUT": ["--webcam"],
        "are for --webcam": ["--config", "a.py", "--config", "b.py"],
        "as many --checkpoint as --config": ["--config", "a.py", "--config", "b.py", "--checkpoint", "c.pth"],
        "an address is no file": ["http://127.0.0.1/x"],
    }.items():
        assert words in tool("demo.py", clip, *options, status=2).stderr


def test_demo_on_the_test_split_of_a_dataset(tool, trained: Path, drawn_cats: Path):
    tool("demo.py", "--data", drawn_cats, "--out", "split")
    assert len(list((tool.folder / "split").glob("0*.json"))) == 4


def test_what_the_demo_found_goes_to_an_annotation_tool_and_comes_back(tool, trained: Path, drawn_cats: Path):
    tool("demo.py", drawn_cats / "CAT_01", "--out", "found")
    tool("dataset.py", "export", "found", "--images", drawn_cats / "CAT_01", "--to", "labelme", "--out", "labelme",
         "--score-thr", "0")  # fmt: skip
    tool("dataset.py", "convert", "labelme", "--out", "corrected")
    kept = [json.loads((tool.folder / f / "schema.json").read_text()) for f in ("found", "corrected")]
    assert (
        kept[0]["flip_pairs"] == kept[1]["flip_pairs"]
        and ["left_ear_1", "right_ear_3"] in kept[1]["flip_pairs"]
    )
    assert json.loads((tool.folder / "corrected/report.json").read_text())["categories"].keys() == {"cat"}


def test_demo_on_the_photographs(tool, trained: Path, real_data: Path):
    tool("demo.py", real_data / "cat/CAT_00/MissingCat.jpg", "--out", "photo")
    assert (tool.folder / "photo/MissingCat.jpg").is_file()
    assert (tool.folder / "photo/MissingCat.json").is_file()


def test_a_checkpoint_of_another_model_is_refused(root: Path, tool, trained: Path, drawn_cats: Path):
    checkpoint = next(trained.glob("best_*.pth"))
    config = root / "configs/cat_hourglass_sample.py"
    error = tool("test.py", config, checkpoint, "--data", drawn_cats, "--work-dir", "other", status=2).stderr
    assert "checkpoint of another model" in error
    assert "of another shape" in error
    image = next((drawn_cats / "CAT_00").glob("*.jpg"))
    error = tool("demo.py", image, "--config", config, "--checkpoint", checkpoint, status=2).stderr
    assert "checkpoint of another model" in error
    error = tool(
        "train.py", config, "--data", drawn_cats, "--work-dir", "other", "--resume", checkpoint, status=2
    ).stderr
    assert "checkpoint of another model" in error


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["train.py", "gone.py"], "gone.py: no such config"),
        (["test.py", "{sample}", "gone.pth", "--data", "{cats}"], "gone.pth: no such checkpoint"),
        (["test.py", "{sample}", "--data", "{cats}", "--work-dir", "empty"], "no checkpoint here"),
        (["test.py", "{sample}", "--predictions", "found.csv"], "not the name of a JSON file"),
        (
            [
                "test.py",
                "{run}",
                "--data",
                "{cats}",
                "--predictions",
                "p.json",
                "--cfg-options",
                "test_evaluator.type=CocoMetric",
            ],
            "keeps every instance; expected KeypointMetric or BoxKeypointMetric; found CocoMetric",
        ),
        (["demo.py", "gone.jpg"], "gone.jpg: no such file or folder"),
        (["train.py", "{real}"], "kpplugins dataset sample cat"),
        (["train.py", "{sample}", "--data", "{cats}", "--resume", "--work-dir", "new"], "nothing to resume"),
        (["train.py", "{sample}", "--data", "{cats}", "--cfg-options", "train_cfg.max_epoch=3"], "max_epoch"),
        (["train.py", "{sample}", "--data", "{cats}", "--cfg-options", "model.head.depht=3"], "depht"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    root: Path, tool, trained: Path, drawn_cats: Path, args: list, words: str
):
    names = {
        "{sample}": root / "configs/cat_hourglass_sample.py",
        "{real}": root / "configs/cat_hourglass.py",
        "{cats}": drawn_cats,
        "{run}": trained / "cat_hourglass_sample.py",
    }
    done = tool(*(names.get(a, a) for a in args), status=2)
    (line,) = [text for text in done.stderr.splitlines() if text.startswith("error: ")]
    assert words in line
    assert "Traceback" not in done.stderr


def test_two_processes_train_resume_and_test_together(root: Path, tool, drawn_cats: Path):
    config = root / "configs/cat_hourglass_sample.py"
    together = [config, "--data", drawn_cats, "--work-dir", "ddp"]
    tool("train.py", *together, "--cfg-options", "max_epochs=1", *TINY, processes=2)
    tool("train.py", *together, "--resume", "--cfg-options", "max_epochs=2", *TINY, processes=2)
    tool("test.py", *together, "--predictions", "ddp.json", "--cfg-options", *TINY, processes=2, fresh=True)
    meta = read_checkpoint(tool.folder / "ddp/epoch_2.pth")["meta"][KEY]
    assert meta["schema"]["keypoints"][2] == "mouth" and meta["config"]["resume"] and meta["box_layout"]
    numbers = json.loads((tool.folder / "ddp/metrics.json").read_text())
    written = json.loads((tool.folder / "ddp.json").read_text())
    assert numbers["instances"] == 4 == len({row["image"] for row in written["instances"]})
    assert np.mean([row["mean_error"] for row in written["instances"]]) == pytest.approx(
        numbers["EPE"], abs=1e-3
    )


def test_a_second_training_sets_the_first_aside(root: Path, tool, drawn_cats: Path):
    config = root / "configs/cat_hourglass_sample.py"
    options = ["--data", drawn_cats, "--work-dir", "twice", "--cfg-options", "max_epochs=1", *TINY]
    tool("train.py", config, *options)
    first = (tool.folder / "twice/epoch_1.pth").read_bytes()
    tool(
        "train.py", config, *options, "model.head.depht=3", status=2
    )  # cannot start: the first stays where it is
    assert (tool.folder / "twice/epoch_1.pth").read_bytes() == first
    tool("train.py", config, *options)
    assert (tool.folder / "twice/earlier_1/epoch_1.pth").read_bytes() == first
    assert (tool.folder / "twice/epoch_1.pth").is_file()


def test_results_never_lie_among_the_inputs(tool, trained: Path, tmp_path: Path, drawn_cats: Path):
    image = tmp_path / "a.jpg"
    image.write_bytes(next((drawn_cats / "CAT_00").glob("*.jpg")).read_bytes())
    (tmp_path / "a.json").write_text("mine")
    assert "among the inputs" in tool("demo.py", image, "--out", tmp_path, status=2).stderr
    assert (tmp_path / "a.json").read_text() == "mine"


def test_amp_trains(root: Path, tool, drawn_cats: Path):
    config = root / "configs/cat_hourglass_sample.py"
    options = ["--amp", "--work-dir", "amp", "--cfg-options", "max_epochs=1", *TINY]
    done = tool("train.py", config, "--data", drawn_cats, *options)
    losses = [line for line in (done.stdout + done.stderr).splitlines() if "loss:" in line]
    assert "nan" not in "".join(losses)


def test_kaggles_faces_from_the_csv_to_the_submission(root: Path, tool, kaggle_folder: Path):
    config, where = root / "configs/facial_heatmap.py", ["--data", kaggle_folder, "--work-dir", "faces"]
    tool("train.py", config, *where, "--cfg-options", "max_epochs=1", *TINY)
    options = ["--cfg-options", *TINY]
    done = tool("test.py", config, *where, "--submission", "answer.csv", *options)
    assert "3 faces, 46 rows" in done.stdout + done.stderr
    lines = (tool.folder / "answer.csv").read_text().splitlines()
    assert lines[0] == "RowId,Location" and len(lines) == 47
    assert all(0 <= float(line.split(",")[1]) <= 96 for line in lines[1:])
    metrics = json.loads((tool.folder / "faces/metrics.json").read_text())
    assert metrics["RMSE"] > 0 and metrics["instances"] == 2
    assert cv2.imread(str(tool.folder / "faces/best_and_worst.jpg")) is not None
    error = tool(
        "test.py", config, *where, "--submission", "no.csv", *options, "keypoints=['nose_tip']", status=2
    )
    assert "error: " in error.stderr and not (tool.folder / "no.csv").exists()
    settled = tool.folder / "faces/facial_heatmap.py"
    best = next((tool.folder / "faces").glob("best_*.pth"))
    tool("demo.py", "--config", settled, "--checkpoint", best, "--data", kaggle_folder, "--out", "faces_demo")
    assert len(list((tool.folder / "faces_demo").glob("0*.json"))) == 2


def test_predict_in_shards_and_at_once_gives_the_same_lines(
    tool, torchrun, root: Path, trained: Path, drawn_cats: Path
):
    """With the newest run; killed and resumed in test_predict.py, where no model has to be loaded."""
    images = [drawn_cats / "CAT_00", f"{drawn_cats}/CAT_0[12]/*.jpg"]
    said = tool("predict.py", *images, "--out", "all.jsonl").stdout
    lines = (tool.folder / "all.jsonl").read_text().splitlines()
    assert f"{len(lines)} images predicted; results: all.jsonl" in said and len(lines) > 4
    assert all(len(json.loads(line)["instances"][0]["keypoints"]) == 9 for line in lines)
    command = [str(root / "tools/predict.py"), *map(str, images), "--out", "some.jsonl"]
    done = tool.forks.run(command, tool.folder, torchrun(2))
    assert done.returncode == 0, done.stderr[-2000:]
    shards = [f"some.{number}-of-2.jsonl" for number in (1, 2)]
    tool("predict.py", "--merge", *shards, "--out", "some.jsonl")
    assert sorted((tool.folder / "some.jsonl").read_text().splitlines()) == sorted(lines)


def test_predict_lists_bad_images_and_refuses_another_model(tool, trained: Path, drawn_cats: Path):
    image, bad = next(drawn_cats.rglob("*.jpg")), tool.folder / "bad.jpg"
    bad.write_bytes(b"no image")
    (tool.folder / "names.txt").write_text(f"{image}\n{bad}\n{image}\n")
    words = ["--list", "names.txt", "--out", "mixed.jsonl"]
    done = tool("predict.py", *words, "--config", trained, status=1)
    assert "1 could not be predicted: mixed.bad.jsonl says why" in done.stderr
    assert "given more than once" in done.stdout and "1 images predicted" in done.stdout
    assert json.loads((tool.folder / "mixed.bad.jsonl").read_text())["image"] == str(bad)
    other = tool("predict.py", *words, "--checkpoint", trained / "epoch_1.pth", status=2)
    assert (
        other.stderr.startswith("error: mixed.jsonl: these results are of another model")
        and other.stderr.count("\n") == 1
    )
    assert (
        "of other options"
        in tool("predict.py", *words, "--config", trained, "--no-flip-test", status=2).stderr
    )
