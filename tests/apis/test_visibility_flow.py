"""What a run learns about visibility and uncertainty: from training to test, prediction and demo."""

import json
import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.apis.test import test as run_test
from kpplugins.apis.train import train
from kpplugins.config.load import load_config
from kpplugins.inference.predictor import Predictor
from kpplugins.structures import BadInputError, VisibilityCalibration
from kpplugins.structures.visibility.visibility_calibration import OF_HEAD
from kpplugins.weights.checkpoints import default_checkpoint, read_checkpoint
from kpplugins.weights.run_record import CALIBRATIONS, record_of

NAMES = ("bright", "dark")
OPTIONS = {
    "input_size": (32, 32),
    "max_epochs": 3,
    "lr": 0.02,
    "amp": False,  # what the processor can must not decide what so short a training learns
    "train_cfg.val_interval": 1,
    "model.backbone.channels": 16,
    "model.head.in_channels": 16,
    "model.head.depth": 1,
    **{
        f"{split}_dataloader.{key}": value
        for split in ("train", "val", "test")
        for key, value in (("num_workers", 0), ("persistent_workers", False), ("batch_size", 16))
    },
}


def draw(folder: Path) -> Path:
    """Grey images of 40×40 with a bright spot and a dark one; in half of them one of the two is not there."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    category = {"id": 1, "name": "spots", "keypoints": list(NAMES), "flip_pairs": [], "flips": "known"}
    number = 0
    for split, size in (("train", 96), ("val", 96), ("test", 64)):
        images, annotations = [], []
        for _ in range(size):
            number += 1
            image = rng.integers(110, 140, (40, 40, 3), dtype=np.uint8)
            there = [True, True] if rng.random() < 0.5 else [True, False][:: rng.choice([1, -1])]
            points = rng.uniform(6, 34, (2, 2))
            for (x, y), shown, colour in zip(points, there, (255, 0), strict=True):
                if shown:
                    cv2.circle(image, (round(x), round(y)), 4, (colour,) * 3, -1)
            cv2.imwrite(str(folder / f"images/{number}.png"), image)
            flat = [
                [*p, 2.0] if shown else [0, 0, 0] for p, shown in zip(points.tolist(), there, strict=True)
            ]
            images.append({"id": number, "file_name": f"{number}.png", "width": 40, "height": 40})
            annotations.append({
                "id": number, "image_id": number, "category_id": 1, "bbox": [0, 0, 39, 39], "area": 1600,
                "iscrowd": 0, "num_keypoints": sum(there), "keypoints": [v for point in flat for v in point],
            })  # fmt: skip
        content = {"images": images, "annotations": annotations, "categories": [category]}
        (folder / f"annotations/{split}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def spots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data."""
    return draw(tmp_path_factory.mktemp("spots") / "data")


@pytest.fixture(scope="module")
def run(root: Path, spots: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work dir of three epochs."""
    config = root / "configs/custom_hourglass_small.py"
    options = {**OPTIONS, "default_hooks.checkpoint.max_keep_ckpts": 3}
    return train(config, data=spots, work_dir=tmp_path_factory.mktemp("run"), cfg_options=options)


def stored(checkpoint: Path) -> VisibilityCalibration | None:
    return record_of(read_checkpoint(checkpoint), checkpoint).visibility


def test_a_checkpoint_has_the_calibration_of_its_own_weights(run: Path):
    best, found = default_checkpoint(run), stored(default_checkpoint(run))
    assert found is not None and found.keypoints == NAMES
    assert (found.occluded, found.absent + found.visible) == (0, 2 * 96)
    each = [stored(run / f"epoch_{i}.pth") for i in (1, 2, 3)]
    assert each[2] is not None  # the last one is saved after its validation
    known = [one for one in each if one is not None]
    assert all(a != b for i, a in enumerate(known) for b in known[:i])
    beside = json.loads((run / "visibility.json").read_text())
    assert beside.pop("checkpoint") == best.name
    assert VisibilityCalibration.from_dict(beside, NAMES, "beside") == found
    log = next(run.glob("2*/*.log")).read_text()
    assert "visibility learnt from the keypoint scores of" in log and "uncertainty learnt from" in log
    record = record_of(read_checkpoint(best), best)
    assert record.uncertainty is not None and record.uncertainty.instances == 96
    assert json.loads((run / "uncertainty.json").read_text())["checkpoint"] == best.name


def test_a_checkpoint_that_lost_it_takes_the_file_beside_or_learns_it_again(
    run: Path, spots: Path, tmp_path: Path
):
    import torch

    best = default_checkpoint(run)
    content = read_checkpoint(best)
    found = stored(best)
    for name in CALIBRATIONS:
        content["meta"]["kpplugins"].pop(name)
    alone = tmp_path / best.name
    torch.save(content, alone)
    assert stored(alone) is None
    (tmp_path / "visibility.json").write_text((run / "visibility.json").read_text())
    assert stored(alone) == found
    (tmp_path / "visibility.json").unlink()
    assert record_of(read_checkpoint(alone), alone).uncertainty is None
    _, out, table = run_test(alone, data=spots, calibrate=True)
    assert record_of(read_checkpoint(alone), alone).uncertainty is not None
    assert "| within the radius of |" in table and (out / "reliability.png").stat().st_size > 5000
    assert stored(alone) == found  # the same weights on the same val split
    assert "| visibility of |" in table and "visibility" in json.loads((out / "metrics.json").read_text())


def test_nothing_to_calibrate_with_is_one_line(run: Path, spots: Path, tmp_path: Path):
    alone = Path(shutil.copy(default_checkpoint(run), tmp_path))
    options = {"val_dataloader.dataset.unlabelled_is_absent": False}
    with pytest.raises(
        BadInputError,
        match=r"no visibility is predicted: of \d+ keypoints 0 are absent.*no uncertainty.*label more",
    ):
        few = {"val_dataloader.dataset.indices": list(range(8))}
        run_test(alone, data=spots, calibrate=True, cfg_options=options | few)
    options = {"val_dataloader": None, "val_evaluator": None, "val_cfg": None}
    with pytest.raises(BadInputError, match="nothing to calibrate with"):
        run_test(alone, data=spots, calibrate=True, cfg_options=options)
    assert list(tmp_path.glob("*.json")) == []


def test_a_test_measures_it_on_other_images(run: Path, spots: Path, tmp_path: Path):
    run_test(run, data=spots, work_dir=None)
    numbers = json.loads((run / "metrics.json").read_text())["visibility"]
    labels = json.loads((spots / "annotations/test.json").read_text())["annotations"]
    counted = Counter(v for a in labels for v in a["keypoints"][2::3])
    assert (numbers["absent"], numbers["visible"]) == (counted[0], counted[2])
    assert [row["keypoint"] for row in numbers["per_keypoint"]] == list(NAMES)
    assert numbers["ECE"] < numbers["ECE_of_scores"]
    assert numbers["precision"] > counted[2] / (
        counted[0] + counted[2]
    )  # better than calling all of them visible


def test_a_prediction_says_it_and_stays_consistent(run: Path, spots: Path):
    predictor = Predictor(run, device="cpu")
    result = predictor(spots / "images/1.png", np.array([[0.0, 0, 39, 39]]))
    found, errors = predictor.model.visibility, predictor.model.uncertainty
    assert (result.sigmas == errors.sigmas(result.scores, result.boxes)).all()
    assert (result.radii == errors.radius(0.9) * result.sigmas).all()
    assert result.to_dict()["instances"][0]["radii"] == np.round(result.radii[0], 2).tolist()
    plain, circled = result.draw(), result.draw(radii=True)
    assert (plain != circled).any()
    assert (result.visibility == found.probabilities(result.scores)).all()
    assert (result.states == found.states(result.scores)).all() and set(result.states.ravel()) <= {0, 2}
    searched = predictor(spots / "images/1.png")
    assert searched.states.shape == (1, 2)


def test_without_anything_absent_the_training_says_why_nothing_is_learnt(
    root: Path, spots: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    config = root / "configs/custom_hourglass_small.py"
    options = {**OPTIONS, "max_epochs": 1, "val_dataloader.dataset.unlabelled_is_absent": False}
    run = train(config, data=spots, work_dir=tmp_path / "run", cfg_options=options)
    log = next(run.glob("2*/*.log")).read_text()
    assert "no visibility is predicted: of" in log and "without a label may be either" in log
    assert stored(run / "epoch_1.pth") is None and not (run / "visibility.json").exists()
    run_test(run, data=spots)
    assert "visibility" not in json.loads((run / "metrics.json").read_text())
    assert Predictor(run, device="cpu")(spots / "images/1.png").visibility is None


def test_kaggles_rows_of_four_points_say_nothing_about_the_others(root: Path, kaggle_folder: Path):
    from mmpose.registry import DATASETS

    cfg = load_config(root / "configs/facial_heatmap.py", data=kaggle_folder)
    assert DATASETS.build(cfg.val_dataloader.dataset).metainfo["unlabelled_is_absent"] is False


def test_mmposes_head_that_predicts_visibility_is_asked_itself(root: Path, spots: Path, tmp_path: Path):
    (tmp_path / "own.py").write_text(f"""
_base_ = "{root}/configs/custom_hourglass_small.py"
pose = dict(
    type="HeatmapHead", in_channels=16, out_channels=2, deconv_out_channels=None,
    loss=dict(type="KeypointMSELoss", use_target_weight=True), decoder=_base_.codec,
)
model = dict(head=dict(_delete_=True, type="VisPredictHead", pose_cfg=pose))
""")
    options = {key: value for key, value in OPTIONS.items() if "head" not in key} | {"max_epochs": 1}
    run = train(tmp_path / "own.py", data=spots, work_dir=tmp_path / "run", cfg_options=options)
    found = stored(default_checkpoint(run))
    assert found.of == OF_HEAD
    predictor = Predictor(run, device="cpu")
    image, box = spots / "images/1.png", np.array([[0.0, 0, 39, 39]])
    result = predictor(image, box)
    (output,) = predictor.model.trained.predict([predictor.model.prepare(predictor.read(image), box[0])[1]])
    own = output.pred_instances.keypoints_visible
    assert (own > 0).all() and (own < 1).all() and (own != result.scores).all()
    assert result.visibility == pytest.approx(found.probabilities(own))
    predictor.model.visibility = None  # as of weights that were never compared with labels
    assert predictor(image, box).visibility == pytest.approx(own)
    assert predictor(image, box).states.tolist() == np.where(own >= 0.5, 2, 0).tolist()
