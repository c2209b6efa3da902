"""The way of a user of CenterNet and of Keypoint R-CNN, by the command lines: train, resume, test, demo, export."""

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from kpplugins.inference.predictor import Predictor
from kpplugins.weights.checkpoints import default_checkpoint, read_checkpoint
from kpplugins.weights.run_record import KEY

ALONE = """
alone = dict(num_workers=0, persistent_workers=False, batch_size=2)
train_dataloader = alone
val_dataloader = alone
test_dataloader = alone
train_cfg = dict(val_interval=1)
max_epochs = 1
"""
CONFIGS = {
    "centernet": """
_base_ = "{root}/configs/custom_centernet.py"
input_size = (64, 64)
num_stacks = 2
model = dict(backbone=dict(channels=16, depth=2), head=dict(in_channels=16, feat_channels=16),
             test_cfg=dict(score_thr=0.0))
""",
    "keypoint_rcnn": """
_base_ = "{root}/configs/_base_/keypoint_rcnn.py"
few = dict(box_batch_size_per_image=16, rpn_pre_nms_top_n_train=100, rpn_pre_nms_top_n_test=50)
model = dict(weights=None, backbone="mobilenet_v3_small", min_size=96, max_size=128, fpn_channels=32,
             keypoint_layers=(16, 16), torchvision_args=few, test_cfg=dict(score_thr=0.0, max_per_img=10))
""",
}
"""Small children of the configs that users have."""
LOSSES = {
    "centernet": ("loss_hm", "loss_wh", "loss_off", "loss_hp", "loss_hm_hp", "loss_hp_offset"),
    "keypoint_rcnn": (
        "loss_classifier",
        "loss_box_reg",
        "loss_keypoint",
        "loss_objectness",
        "loss_rpn_box_reg",
    ),
}


@pytest.fixture(scope="module", params=CONFIGS)
def kind(root: Path, tool, request: pytest.FixtureRequest) -> str:
    """The name of a config in the tool's folder."""
    text = CONFIGS[request.param].format(root=root) + ALONE
    (tool.folder / f"{request.param}.py").write_text(text)
    return request.param


@pytest.fixture(scope="module")
def trained(tool, kind: str, cups_and_plates: Path) -> Path:
    """One epoch of training; the work dir."""
    done = tool("train.py", f"{kind}.py", "--data", cups_and_plates)
    for name in LOSSES[kind]:
        assert f" {name}: " in done.stdout + done.stderr
    return tool.folder / "work_dirs" / kind


def test_training_leaves_all_that_is_needed_later(trained: Path, kind: str):
    for name in ("schema.json", "curves.png", "last_checkpoint", f"{kind}.py"):
        assert (trained / name).is_file(), name
    assert json.loads((trained / "classes.json").read_text()) == ["cup", "plate"]
    assert list(trained.glob("best_AP_epoch_1.pth"))
    assert not (trained / "boxes.json").exists()  # it finds them


def test_a_checkpoint_alone_finds_the_same(trained: Path, kind: str, cups_and_plates: Path, tmp_path: Path):
    best = next(trained.glob("best_AP_epoch_1.pth"))
    moved = Path(shutil.copy(best, tmp_path / "moved.pth"))
    image = cups_and_plates / "images/1.png"
    ours = Predictor(checkpoint=moved, device="cpu", box_thr=0.0)
    theirs = Predictor(trained / f"{kind}.py", best, "cpu", box_thr=0.0)
    assert ours.classes == ("cup", "plate") and ours.schema == theirs.schema
    assert (ours(image).keypoints == theirs(image).keypoints).all() and len(ours(image).boxes)


def test_it_goes_on_where_it_stopped(tool, trained: Path, kind: str, cups_and_plates: Path):
    options = ["--data", cups_and_plates, "--resume", "--cfg-options", "max_epochs=2"]
    done = tool("train.py", f"{kind}.py", *options)
    assert (
        "Epoch(train) [2]" in done.stderr + done.stdout
        and "Epoch(train) [1]" not in done.stderr + done.stdout
    )
    assert (trained / "epoch_2.pth").is_file()


def test_the_test_gives_both_tables(tool, trained: Path, kind: str, cups_and_plates: Path):
    done = tool(
        "test.py", f"{kind}.py", "--data", cups_and_plates, "--predictions", "found.json", processes=2
    )
    said = done.stdout + done.stderr
    assert said.count("Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all |") == 2
    numbers = json.loads((trained / "metrics.json").read_text())
    assert {"AP", "AR", "box/AP", "box/AP50", "box/AR@100", "matched", "missed"} <= numbers.keys()
    assert numbers["instances"] == 4 == numbers["matched"] + numbers["missed"]
    assert set(numbers["per_category"]) == {"cup", "plate"}
    assert cv2.imread(str(trained / "best_and_worst.jpg")) is not None  # missed ones are in it too
    written = json.loads((tool.folder / "found.json").read_text())
    assert sorted((Path(i["image"]).name, i["category"]) for i in written["instances"]) == [
        ("6.png", "cup"), ("6.png", "plate"), ("7.png", "cup"), ("7.png", "plate"),
    ]  # fmt: skip
    assert sum(i["prediction"] is None for i in written["instances"]) == numbers["missed"]
    assert all([v for _, _, v in i["truth"]["keypoints"]] == [2, 2] for i in written["instances"])
    assert written["unmatched"] and {"image", "category", "bbox", "score", "keypoints"} == set(
        written["unmatched"][0]
    )


def test_the_demo_shows_boxes_with_their_classes(
    tool, trained: Path, kind: str, cups_and_plates: Path, clip: Path
):
    images = sorted((cups_and_plates / "images").glob("[01].png"))
    where = ["--config", f"{kind}.py", "--out", f"{kind}_shown", "--box-thr", "0"]
    tool("demo.py", *images, clip, *where)
    counts = []
    for name, image in (("0", images[0]), ("1", images[1])):
        content = json.loads((tool.folder / f"{kind}_shown/{name}.json").read_text())
        counts.append(len(content["instances"]))
        assert {one["category"] for one in content["instances"]} <= {"cup", "plate"} and content["instances"]
        assert all(len(one["keypoints"]) == 2 and "score" in one for one in content["instances"])
        drawn = cv2.imread(str(tool.folder / f"{kind}_shown/{name}.png"))
        assert (drawn != cv2.imread(str(image))).any()
    frames = json.loads((tool.folder / f"{kind}_shown/clip.json").read_text())["frames"]
    assert [one["frame"] for one in frames] == [0, 1, 2, 3]
    back = [
        f"{kind}_shown",
        "--to",
        "coco",
        "--images",
        cups_and_plates / "images",
        "--out",
        f"{kind}_coco",
    ]
    said = tool("dataset.py", "export", *back, "--skip-bad").stdout  # the video is no annotation tool's
    left_out = re.search(r"without a sure point and without a box, left out (\d+)", said)
    exported = json.loads((tool.folder / f"{kind}_coco/annotations/keypoints.json").read_text())
    assert len(exported["annotations"]) + int(left_out[1] if left_out else 0) == sum(counts)
    assert exported["annotations"]


def test_the_webcam_in_a_real_window(tool, trained: Path, kind: str, clip: Path, screen):
    done = tool("demo.py", "--webcam", clip, "--max-frames", "1", "--config", f"{kind}.py")
    assert "1 image shown" in done.stdout


def test_a_damaged_image_is_one_line_and_can_be_skipped(tool, kind: str, cups_and_plates: Path):
    """Also where a data worker meets it."""
    data = tool.folder / f"{kind}_damaged"
    shutil.copytree(cups_and_plates, data)
    image = data / "images/1.png"
    image.write_bytes(image.read_bytes()[:60])
    options = [f"{kind}.py", "--data", data, "--work-dir", f"{kind}_damaged_run"]
    workers = ["--cfg-options", "train_dataloader.num_workers=1"]
    said = tool("train.py", *options, *workers, status=2).stderr
    (line,) = [one for one in said.splitlines() if one.startswith("error: ")]
    assert line.startswith(f"error: {image}: image is truncated") and "--skip-bad" in line
    assert "Traceback" not in said
    said = tool("train.py", *options, "--skip-bad")
    assert "1 × image" in said.stdout + said.stderr


def test_what_does_not_belong_to_the_weights_is_one_line(
    tool, trained: Path, kind: str, cups_and_plates: Path
):
    other = tool.folder / f"{kind}_other"
    other.mkdir()
    content = read_checkpoint(default_checkpoint(trained))
    content["meta"][KEY]["classes"] = ("plate", "cup")
    torch.save(content, other / "epoch_1.pth")
    test = ["test.py", f"{kind}.py", other / "epoch_1.pth", "--data", cups_and_plates, "--work-dir", other]
    assert (
        "trained on other categories; expected plate, cup; found cup, plate" in tool(*test, status=2).stderr
    )
    (other / "classes.json").write_text('["plate", ')
    said = tool(*test, status=2).stderr
    assert "classes.json: not JSON" in said and "Traceback" not in said


def test_half_precision_trains(tool, kind: str, cups_and_plates: Path):
    done = tool("train.py", f"{kind}.py", "--data", cups_and_plates, "--amp", "--work-dir", f"{kind}_amp")
    losses = [line for line in (done.stdout + done.stderr).splitlines() if " loss: " in line]
    assert losses and "nan" not in "".join(losses)


def test_two_processes_of_which_one_may_see_only_background(tool, kind: str, cups_and_plates: Path):
    """A batch of one image each: the empty one goes to one of them, alone."""
    together = [f"{kind}.py", "--data", cups_and_plates, "--work-dir", f"{kind}_ddp"]
    tool("train.py", *together, "--cfg-options", "train_dataloader.batch_size=1", processes=2)
    tool("test.py", *together, processes=2)
    numbers = json.loads((tool.folder / f"{kind}_ddp/metrics.json").read_text())
    assert numbers["instances"] == 4 and np.isfinite(numbers["box/AP"])
