"""Detectors of boxes: trained beside a keypoint model, tested, used by the demo; by the command lines and Python."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS

from kpplugins.config.load import load_config
from kpplugins.inference.box_detector import BoxDetector
from kpplugins.inference.pose_result import PoseResult
from kpplugins.inference.predictor import Predictor
from kpplugins.inference.trained.trained_top_down import TrainedTopDown
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import default_checkpoint

DETECTOR = """
_base_ = "{root}/configs/detector_rtmdet_tiny.py"
input_size = (64, 64)
alone = dict(num_workers=0, persistent_workers=False, batch_size=4)
train_dataloader = alone
val_dataloader = alone
test_dataloader = alone
train_cfg = dict(val_interval=1)
model = dict(
    backbone=dict(widen_factor=0.125),
    neck=dict(in_channels=[32, 64, 128], out_channels=32),
    bbox_head=dict(in_channels=32, feat_channels=32, exp_on_reg=True),  # else boxes of random weights turn over
)
"""
POSE = """
_base_ = "{root}/configs/custom_hourglass_small.py"
input_size = (64, 64)
alone = dict(num_workers=0, persistent_workers=False, batch_size=4)
train_dataloader = alone
val_dataloader = alone
test_dataloader = alone
train_cfg = dict(val_interval=1)
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=2))
"""
PLAIN = """
_base_ = "mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py"
model = dict(
    backbone=dict(widen_factor=0.125),
    neck=dict(in_channels=[32, 64, 128], out_channels=32),
    bbox_head=dict(in_channels=32, feat_channels=32, exp_on_reg=True),  # else boxes of random weights turn over
)
"""
SCHEMA = KeypointSchema("thing", ("head", "tail"))
IMAGE = np.full((60, 100, 3), 127, np.uint8)


@pytest.fixture(scope="module")
def run(root: Path, tool):
    """``tool``, in a folder that holds the two configs."""
    (tool.folder / "detector.py").write_text(DETECTOR.format(root=root))
    (tool.folder / "pose.py").write_text(POSE.format(root=root))
    return tool


@pytest.fixture(scope="module")
def trained(run, cups_and_plates: Path) -> Path:
    """Both models, by one command; the folder of their work dirs."""
    done = run("train.py", "detector.py", "pose.py", "--data", cups_and_plates, "--from-scratch", "--cfg-options",
               "max_epochs=2")  # fmt: skip
    assert "1 of 2: detector.py" in done.stdout and "2 of 2: pose.py" in done.stdout
    return run.folder / "work_dirs"


def left_by(work_dirs: Path, name: str) -> tuple[Path, Path]:
    """The config that training has kept, and the best checkpoint."""
    return work_dirs / name / f"{name}.py", default_checkpoint(work_dirs / name)


def test_detector_and_pose_model_train_with_one_command(run, trained: Path, cups_and_plates: Path):
    assert list((trained / "detector").glob("best_box_AP_epoch_*.pth"))
    assert json.loads((trained / "detector/classes.json").read_text()) == ["cup", "plate"]
    assert list((trained / "pose").glob("best_AP_epoch_*.pth"))
    assert (
        "with several configs, --work-dir"
        in run("train.py", "a.py", "b.py", "--work-dir", "x", status=2).stderr
    )
    assert "gone.py: no such config" in run("train.py", "gone.py", "pose.py", status=2).stderr


def test_a_detector_trains_on_two_processes_in_half_precision(run, cups_and_plates: Path):
    options = ["--work-dir", "together", "--from-scratch", "--amp", "--cfg-options", "max_epochs=1"]
    run("train.py", "detector.py", "--data", cups_and_plates, *options, processes=2)
    assert (run.folder / "together/epoch_1.pth").is_file()


def test_a_detectors_test_gives_the_ap_of_boxes(run, trained: Path, cups_and_plates: Path):
    done = run("test.py", "detector.py", "--data", cups_and_plates)
    numbers = json.loads((trained / "detector/metrics.json").read_text())
    assert 0 <= numbers["box/AP"] <= 1 and "box/AR@100" in numbers and "box/AP " in done.stdout


def test_the_demo_looks_into_the_detectors_boxes(run, trained: Path, cups_and_plates: Path):
    options = ["--config", "pose.py", "--detector", "detector.py", "--box-thr", "0"]
    classes = ["--detector-classes", "plate", "cup"]
    done = run(
        "demo.py",
        cups_and_plates / "images/0.png",
        cups_and_plates / "images/1.png",
        *options,
        *classes,
        "--out",
        "both",
    )
    assert "detector detector.py, checkpoint" in done.stdout
    found = json.loads((run.folder / "both/0.json").read_text())["instances"]
    assert found and {one["category"] for one in found} <= {"cup", "plate"}
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)
    drawn, before = (
        cv2.imread(str(p)).astype(int) for p in (run.folder / "both/0.png", cups_and_plates / "images/0.png")
    )
    assert np.abs(drawn - before).max() > 100
    done = run("demo.py", "x.png", "--detector", "detector.py", "--bbox", "1", "1", "9", "9", status=2)
    assert "either --bbox or --detector" in done.stderr
    assert "needs --detector" in run("demo.py", "x.png", "--detector-classes", "plate", status=2).stderr


def test_a_checkpoint_alone_finds_the_same_boxes(trained: Path, tmp_path: Path):
    config, best = left_by(trained, "detector")
    moved = tmp_path / "moved.pth"
    moved.write_bytes(best.read_bytes())
    square = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    ours = BoxDetector(checkpoint=moved, device="cpu", box_thr=0.0)
    assert ours.classes == ("cup", "plate")
    assert (ours(square)[0] == BoxDetector(config, best, "cpu", 0.0)(square)[0]).all()


def test_what_does_not_go_together_is_said(run, trained: Path):
    pose, found = left_by(trained, "pose"), left_by(trained, "detector")
    with pytest.raises(BadInputError, match=r"a detector finds boxes, not keypoints.*--detector"):
        Predictor(*found, "cpu")
    with pytest.raises(BadInputError, match="not a detector of boxes"):
        BoxDetector(*pose, "cpu")
    with pytest.raises(BadInputError, match="does not know this category.*cup, plate.*cow"):
        BoxDetector(*found, "cpu", categories=["cow"])
    with pytest.raises(BadInputError, match=r"gone\.py: no such config"):
        BoxDetector("gone.py", found[1], "cpu")


def weights_of(folder: Path, text: str, root: Path, meta: dict | None = None) -> tuple[Path, Path]:
    """A config, and a checkpoint that was not trained."""
    from mmengine.config import Config
    from mmengine.registry import DefaultScope

    config, checkpoint = folder / "run.py", folder / "epoch_1.pth"
    config.write_text(text.format(root=root))
    torch.manual_seed(0)
    if "mmdet::" in text:
        from mmdet.registry import MODELS as DETECTORS

        with DefaultScope.overwrite_default_scope("mmdet"):
            network = DETECTORS.build(Config.fromfile(config).model)
    else:
        SCHEMA.save(folder / "schema.json")
        (folder / "classes.json").write_text('["cup", "plate"]')
        network = MODELS.build(load_config(config, schema=SCHEMA, classes=["cup", "plate"]).model)
    for layer in network.bbox_head.rtm_reg if hasattr(network, "bbox_head") else ():
        torch.nn.init.constant_(
            layer.bias, 1.0
        )  # a stride to every side; what is random would be turned over
    torch.save({"state_dict": network.state_dict(), "meta": meta or {}}, checkpoint)
    return config, checkpoint


def finding(detector: BoxDetector, boxes: list, scores: list[float], labels: list[int]) -> BoxDetector:
    """The detector with a network that finds these."""
    tensors = dict(bboxes=torch.tensor(boxes), scores=torch.tensor(scores), labels=torch.tensor(labels))

    class Sample:
        pred_instances = InstanceData(**tensors)

    detector.model.trained.network.test_step = lambda batch: [Sample()]
    return detector


def test_boxes_are_chosen_by_score_and_class_and_lie_in_the_image(root: Path, tmp_path: Path):
    config, checkpoint = weights_of(tmp_path, DETECTOR, root)
    boxes = [[1.0, 1, 20, 20], [-9, 5, 30, 99], [50, 5, 60, 30], [99.5, 5, 140, 30]]
    detector = finding(BoxDetector(config, checkpoint, "cpu"), boxes, [0.2, 0.4, 0.9, 0.8], [0, 1, 0, 0])
    found, scores, labels = detector(IMAGE)  # the last has no area within
    assert found.tolist() == [[50, 5, 60, 30], [0, 5, 30, 59]]
    assert scores == pytest.approx([0.9, 0.4]) and labels.tolist() == [0, 1]
    detector.categories = ("plate",)
    assert detector(IMAGE)[0].tolist() == [[0, 5, 30, 59]]
    with pytest.raises(BadInputError, match="not an image"):
        detector(IMAGE[..., 0])


def test_a_real_network_finds_boxes(root: Path, tmp_path: Path):
    square = np.random.default_rng(0).integers(
        0, 256, (80, 80, 3), np.uint8
    )  # without padding to find things in
    found, scores, labels = BoxDetector(*weights_of(tmp_path, DETECTOR, root), "cpu", box_thr=0.0)(square)
    assert len(found) and found.min() >= 0 and found.max() <= 79
    assert (np.diff(scores) <= 0).all() and set(labels.tolist()) <= {0, 1}


def test_mmdetections_own_configs_and_weights_serve_too(root: Path, tmp_path: Path):
    names = [f"kind {i}" for i in range(80)]
    config, checkpoint = weights_of(tmp_path, PLAIN, root, {"dataset_meta": {"classes": tuple(names)}})
    published = torch.load(checkpoint)
    published["state_dict"]["data_preprocessor.mean"] = torch.zeros(3, 1, 1)
    torch.save(published, checkpoint)
    detector = BoxDetector(config, checkpoint, "cpu", box_thr=0.0, categories=["kind 3"])
    assert detector.classes == tuple(names)
    found, _, labels = detector(IMAGE)
    assert found.shape[1] == 4 and set(labels.tolist()) <= {3}
    torch.save({"state_dict": published["state_dict"]}, checkpoint)
    assert BoxDetector(config, checkpoint, "cpu").classes[:2] == ("person", "bicycle")  # the config's dataset


def corners(predictor: Predictor) -> Predictor:
    """The predictor with a model that finds the corners of each box."""
    predictor.model.run = lambda units, quick=False: [
        PoseResult(box.reshape(1, 2, 2), np.ones((1, 2)), box[None], SCHEMA) for box, _ in units
    ]
    return predictor


def test_points_are_looked_for_in_the_boxes_that_are_found(root: Path, tmp_path: Path):
    for name in ("boxes", "points"):
        (tmp_path / name).mkdir()
    detector = BoxDetector(*weights_of(tmp_path / "boxes", DETECTOR, root), "cpu")
    finding(detector, [[1.0, 2, 30, 40], [5, 6, 50, 55]], [0.5, 0.7], [0, 1])
    both = corners(Predictor(*weights_of(tmp_path / "points", POSE, root), "cpu", detector=detector))
    result = both(IMAGE)
    assert result.keypoints.tolist() == [[[5, 6], [50, 55]], [[1, 2], [30, 40]]]
    assert result.box_scores == pytest.approx([0.7, 0.5]) and result.categories == ("plate", "cup")
    assert both.follow(IMAGE, None).categories == ("plate", "cup")
    given = both(IMAGE, np.array([[0.0, 0, 9, 9]]))
    assert given.box_scores is None and len(given.boxes) == 1
    found = list(both.predict([IMAGE, IMAGE, IMAGE], [None, np.zeros((0, 4)), [[0, 0, 9, 9]]]))
    assert [len(one) for one in found] == [2, 0, 1] and found[1].categories is None


def test_a_top_down_model_with_a_detector_becomes_both(trained: Path, run):
    pose, found = left_by(trained, "pose"), left_by(trained, "detector")
    detector = BoxDetector(*found, "cpu")
    both = Predictor(*pose, "cpu", detector=detector)
    assert isinstance(both.model, TrainedTopDown) and both.classes == ("cup", "plate")
    finding(detector, [[1.0, 2, 30, 40]], [0.1], [0])
    assert both(IMAGE).keypoints.shape == (0, 2, 2)
