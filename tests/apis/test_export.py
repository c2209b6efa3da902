"""Runs to folders: the folder finds what the run finds, in kpplugins, in docs/onnx_alone.py and in every runtime."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS

from kpplugins.apis import export as export_module
from kpplugins.apis.export import export
from kpplugins.apis.exporting.proof import lost_ap, proof_lines, require_parity
from kpplugins.config.load import load_config, schema_of
from kpplugins.deploy.exported_folder import ExportedFolder
from kpplugins.deploy.runtimes import open_runtime
from kpplugins.deploy.runtimes.onnx_runtime import OnnxRuntime
from kpplugins.deploy.runtimes.torchscript_runtime import TorchscriptRuntime
from kpplugins.formats.load_annotations import load_annotations
from kpplugins.inference.predictor import Predictor
from kpplugins.structures import BadInputError, BoxLayout, MachineError

SMALL = {"input_size": (64, 96)}
HOURGLASS = {
    "model.backbone.channels": 16, "model.head.in_channels": 16, "model.head.depth": 2, "model.head.num_stacks": 2,
}  # fmt: skip
ON_CATS = {"dataset_type": "CatDataset"}
RUNS: dict[str, tuple[dict, int, float]] = {
    "custom_hourglass": ({**SMALL, **HOURGLASS, **ON_CATS}, 60, 0.2),
    "facial_resnet18_fc": ({**SMALL, **ON_CATS}, 3, 0.0),
    "cat_heatmap_circle": ({"keypoints": ["left_eye", "right_eye", "mouth"]}, 3, -np.inf),
    "custom_rtmpose_t": ({"input_size": (96, 128), **ON_CATS}, 3, 0.0),
}
"""Options; how many steps are learnt; least score that is compared: in a map without a peak, rounding moves DARK's."""
FLIPPED = "custom_rtmpose_t"
"""Exported with its flip test."""


@pytest.fixture(scope="module")
def cats(drawn_cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty drawn cats, and before them two photographs, where the real data are."""
    out = tmp_path_factory.mktemp("cats") / "cats"
    shutil.copytree(drawn_cats, out)
    real = (
        Path(os.environ.get("KPPLUGINS_REAL_DATA", Path(__file__).parents[3] / "shared/data")) / "cat/CAT_00"
    )
    for file in sorted(real.glob("*")) if real.is_dir() else []:
        shutil.copy(file, out / "CAT_00" / f"0{file.name}")
    return out


@pytest.fixture(scope="module")
def make_run(root: Path, cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder as training leaves it, whose network has learnt four cats, more or less."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="extra 'export' is not installed")

    @functools.cache
    def make(name: str) -> Path:
        torch.manual_seed(0)
        np.random.seed(0)
        folder = tmp_path_factory.mktemp("export") / "work_dirs" / name
        folder.mkdir(parents=True)
        options, steps, _ = RUNS[name]
        cfg = load_config(root / f"configs/{name}.py", data=cats, cfg_options=options)
        train = cfg.train_dataloader.dataset
        train.pop("subset", None)  # of the Kaggle faces
        train.pipeline = [s for s in train.pipeline if s.type not in ("RandomBoxTransform", "RandomCutout")]
        cfg.model.backbone.init_cfg = None  # from scratch: nothing is downloaded
        init_default_scope("mmpose")
        learn(cfg, folder, steps)
        schema = schema_of(cfg)
        schema.save(folder / "schema.json")
        places = tuple((i / 20, -i / 30) for i in range(schema.num_keypoints))
        BoxLayout(places, (1.0, 0.8)).save(folder / "boxes.json")
        return folder

    return make


def learn(cfg: Config, folder: Path, steps: int) -> None:
    dataset, model = DATASETS.build(cfg.train_dataloader.dataset), MODELS.build(cfg.model).train()
    batch = [dataset[i % 4] for i in range(8)]  # mirrored or not
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(steps):
        ready = model.data_preprocessor(pseudo_collate(batch), True)
        samples = ready["data_samples"]
        if "heatmaps" not in samples[0].get("gt_fields", {}):
            losses = model.loss(ready["inputs"], samples)
            loss = sum(v for key, v in losses.items() if "loss" in key)
        else:  # the recipe's loss first learns that maps are empty
            targets = torch.stack([one.gt_fields.heatmaps for one in samples])
            maps = model.head(model.extract_feat(ready["inputs"]))
            maps = maps if isinstance(maps, list) else [maps]
            loss = sum(((one - targets) ** 2 * (1 + 100 * targets)).mean() for one in maps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    cfg.dump(folder / f"{folder.name}.py")
    torch.save({"state_dict": model.state_dict()}, folder / "epoch_1.pth")


@pytest.fixture(scope="module")
def exported(root: Path, make_run: Callable[[str], Path]) -> Callable[[str], Path]:
    """The folder of a run; the first one is written by the command."""

    @functools.cache
    def of(name: str) -> Path:
        run = make_run(name)
        if name == "custom_hourglass":
            by_the_command(root, run)
        else:
            made, _ = export(run / f"{name}.py", run / "epoch_1.pth", flip_test=name == FLIPPED)
            assert made == run / f"{name}_onnx"
        return run / f"{name}_onnx"

    return of


def by_the_command(root: Path, run: Path) -> None:
    """Without arguments, where the run is the newest."""
    command = [sys.executable, str(root / "tools/export.py")]
    done = subprocess.run(command, cwd=run.parent.parent, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (
        "instances of the val split\nkeypoints: " in done.stdout
        and " px apart, 99.9 % within " in done.stdout
    )
    assert "\nAP: " in done.stdout and " exported, " in done.stdout
    assert "work_dirs/custom_hourglass/custom_hourglass_onnx (0." in done.stdout


def predictor_of(folder: Path, flip_test: bool | None = None) -> Predictor:
    run = folder.parent
    return Predictor(run / f"{run.name}.py", run / "epoch_1.pth", "cpu", flip_test=flip_test)


@pytest.mark.parametrize("name", RUNS)
def test_the_folder_finds_what_the_run_finds(exported: Callable[[str], Path], cats: Path, name: str):
    """On real images, if there are any, and drawn ones, of other sizes than the graph was traced with."""
    folder = exported(name)
    proof = json.loads((folder / "parity.json").read_text())
    assert proof["keypoints"]["max_px"] <= 0.1 and proof["images"].endswith("instances of the val split")
    assert proof["keypoints"]["compared"] > proof["keypoints"]["unsteady"]
    assert proof["metrics"]["exported"]["EPE"] == pytest.approx(proof["metrics"]["trained"]["EPE"], rel=1e-3)
    assert sorted(p.name for p in folder.iterdir()) == [
        "model.json",
        "model.onnx",
        "parity.json",
        "schema.json",
    ]
    facts = ExportedFolder.read(folder).facts
    k = len(facts["schema"]["keypoints"])
    assert [o["shape"] for o in facts["outputs"]] == [["N", k, 2], ["N", k]]
    assert facts["flip_test"] is (name == FLIPPED) and facts["kind"] == "keypoints in boxes"
    of_run, of_folder = predictor_of(folder, name == FLIPPED), Predictor(folder)
    compared = 0
    for record in load_annotations(cats).records[:4]:  # those that it has learnt
        image, box = cv2.imread(str(record.image)), record.bbox + [0.3, -0.4, 0.7, 0.1]
        boxes = np.stack([box, box + [-9, -9, 12, 12], box])
        expected, found = of_run(image, boxes), of_folder(image, boxes)
        peaked = expected.scores >= RUNS[name][2]
        away = np.linalg.norm(found.keypoints - expected.keypoints, axis=-1)
        assert away[peaked].max(initial=0) <= 0.1 and np.abs(found.scores - expected.scores).max() <= 1e-4
        compared += peaked.sum()
    assert compared >= 0.7 * 3 * 4 * k
    nothing = OnnxRuntime(folder / "model.onnx").run({"image": image, "boxes": np.zeros((0, 4), np.float32)})
    assert nothing["keypoints"].shape == (0, k, 2) and nothing["scores"].shape == (0, k)


def test_the_program_in_the_docs_finds_it_too(root: Path, exported: Callable[[str], Path], cats: Path):
    folder, record = exported("custom_hourglass"), load_annotations(cats).records[0]
    found = Predictor(folder)(str(record.image), record.bbox[None])
    command = [sys.executable, root / "docs/onnx_alone.py", folder, record.image, *map(str, record.bbox)]
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    assert lines == [
        f"{n} {x:.2f} {y:.2f} {s:.3f}"
        for n, (x, y), s in zip(found.names, found.keypoints[0], found.scores[0], strict=True)
    ]


def test_other_formats_find_it_too(make_run: Callable[[str], Path], cats: Path):
    run = make_run("custom_hourglass")
    folder, report = export(run / "custom_hourglass.py", run / "epoch_1.pth", to="torchscript")
    assert folder == run / "custom_hourglass_torchscript" and report["keypoints"]["max_px"] <= 0.1
    read, record = ExportedFolder.read(folder), load_annotations(cats).records[1]
    assert read.target == "torchscript"
    image = cv2.imread(str(record.image))
    found = open_runtime(read.target, read.file).run({"image": image, "boxes": np.float32([record.bbox] * 3)})
    expected = predictor_of(folder, False)(image, record.bbox[None])
    peaked = expected.scores[0] >= RUNS["custom_hourglass"][2]
    assert np.abs(found["keypoints"] - expected.keypoints)[:, peaked].max() <= 0.1


def test_int8_is_calibrated_on_labelled_images(make_run: Callable[[str], Path], cats: Path):
    import onnx

    run = make_run("facial_resnet18_fc")
    folder, report = export(run / f"{run.name}.py", run / "epoch_1.pth", int8=cats, accept_loss=True)
    assert folder == run / f"{run.name}_onnx_int8" and report["precision"] == "int8"
    lost = lost_ap(report)
    assert (
        lost is not None and report["metrics"]["trained"]["AP"] - lost == report["metrics"]["exported"]["AP"]
    )
    nodes = onnx.load(folder / "model.onnx").graph.node
    assert sum(n.op_type == "QuantizeLinear" for n in nodes) > 10
    assert report["keypoints"]["max_px"] > 0 and proof_lines(report)[2].endswith(" points")


@pytest.mark.parametrize(
    ("lost", "fine"), [(0.0099, True), (-0.2, True), (0.023, False), (float("nan"), False)]
)
def test_a_precision_that_costs_more_than_a_point_of_ap_is_refused(lost: float, fine: bool):
    points = {"compared": 90, "unsteady": 0, "max_px": 3.0, "p99_9_px": 2.0, "tolerance_px": 0.1}
    metrics = {"trained": {"AP": 0.9}, "exported": {"AP": 0.9 - lost}}
    report = {"images": "ten", "keypoints": points, "scores": {"max_difference": 0.1}, "metrics": metrics}
    require_parity(report, "int8", True, "here")
    if fine:
        require_parity(report, "fp16", False, "here")
        return
    words = r"costs too much.*at most 1 point of AP.*2\.3 points: AP 90\.0 became 87\.7 on ten.*--accept-loss"
    with pytest.raises(BadInputError, match="was not measured" if lost != lost else words):
        require_parity(report, "int8", False, "here")


class Shifted(TorchscriptRuntime):
    """Finds everything a fifth of a pixel further right."""

    def run(self, inputs: Any) -> dict[str, np.ndarray]:
        found = super().run(inputs)
        return {**found, "keypoints": found["keypoints"] + np.float32([0.2, 0])}


def test_what_disagrees_is_not_written_and_an_earlier_folder_stays(
    make_run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
):
    name = "facial_resnet18_fc"
    run = make_run(name)
    folder, _ = export(run / f"{name}.py", run / "epoch_1.pth", to="torchscript")
    before = {p: p.read_bytes() for p in folder.iterdir()}
    monkeypatch.setattr(export_module, "open_runtime", lambda target, file: Shifted(file))
    with pytest.raises(
        BadInputError, match=r"disagree; nothing was written; expected keypoints within 0\.1 px.*0\.2 px"
    ):
        export(run / f"{name}.py", run / "epoch_1.pth", to="torchscript")
    assert {p: p.read_bytes() for p in folder.iterdir()} == before
    assert [p for p in folder.parent.iterdir() if p.name.startswith(".")] == []


def test_without_the_data_it_says_that_drawn_images_were_compared(
    make_run: Callable[[str], Path], tmp_path: Path
):
    name = "facial_resnet18_fc"
    run = make_run(name)
    moved = tmp_path / "moved.py"
    moved.write_text(f"_base_ = {str(run / name)!r} + '.py'\ndata_root = 'gone'\n".replace("' + '", ""))
    _, report = export(moved, run / "epoch_1.pth", tmp_path / "out", to="torchscript")
    assert "12 drawn cats and 4 images of noise, NOT on the val split" in proof_lines(report)[0]
    assert report["metrics"] is None
    with pytest.raises(BadInputError, match="what int8 costs was not measured.*--data DIR, or --accept-loss"):
        require_parity(report, "int8", False, "here")
    with pytest.raises(BadInputError):
        export(moved, run / "epoch_1.pth", tmp_path / "other", data=tmp_path / "gone too")
    assert not (tmp_path / "other").exists()


def test_what_it_refuses(make_run: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = make_run("custom_hourglass")
    before = sorted(run.iterdir())
    config, checkpoint = run / "custom_hourglass.py", run / "epoch_1.pth"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match="no trained run here"):
        export()
    (tmp_path / "there").mkdir()
    (tmp_path / "there/notes.txt").write_text("mine")
    with pytest.raises(BadInputError, match="there: something else is there already.*--out DIR"):
        export(config, checkpoint, "there")
    with pytest.raises(BadInputError, match="--to: unknown format; expected onnx, .*found tensorrt"):
        export(config, checkpoint, to="tensorrt")
    with pytest.raises(BadInputError, match="torchscript is not written in fp16"):
        export(config, checkpoint, to="torchscript", fp16=True)
    with pytest.raises(BadInputError, match="two precisions"):
        export(config, checkpoint, fp16=True, int8=tmp_path)
    other = tmp_path / "other.py"
    other.write_text(config.read_text().replace("num_stacks=2", "num_stacks=1"))
    with pytest.raises(BadInputError, match="checkpoint of another model"):
        export(other, checkpoint)
    padded = tmp_path / "padded.py"
    padded.write_text(
        f"_base_ = {str(config)!r}\nmodel = dict(data_preprocessor=dict(pad_size_divisor=128))\n"
    )
    with pytest.raises(BadInputError, match=r"pad_size_divisor.*divides 64×96; found 128"):
        export(padded, checkpoint)
    kind = tmp_path / "kind.py"
    kind.write_text(f"_base_ = {str(config)!r}\nmodel = dict(type='BottomupPoseEstimator')\n")
    with pytest.raises(BadInputError, match="only top-down.*found BottomupPoseEstimator with UDPHeatmap"):
        export(kind, checkpoint)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MachineError, match=r"onnxscript is not installed.*kpplugins\[export\]"):
        export(config, checkpoint)
    assert sorted(run.iterdir()) == before and not list(tmp_path.glob("*_onnx*"))
