"""Weights of single keypoints reach the targets and the loss."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS, TRANSFORMS

from kpplugins.config.load import load_config
from kpplugins.config.parts import steps_of
from kpplugins.datasets.transforms import WeighKeypoints
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError

NAMES = CAT_SCHEMA.keypoints
WEIGHTS = "keypoint_weights = dict(mouth=4, left_eye=0.5)\n"


def child(folder: Path, base: Path | str, text: str = WEIGHTS) -> Path:
    file = folder / "child.py"
    file.write_text(f"_base_ = {str(base)!r}\n{text}")
    return file


def loaded(path: Path, **options: Any) -> Config:
    return load_config(path, schema=CAT_SCHEMA, cfg_options=options)


def weighing(cfg: Config) -> list[Any]:
    return [step for step in steps_of(cfg) if step.type == "WeighKeypoints"]


@pytest.mark.parametrize(
    "base", ["cat_hourglass.py", "custom_rtmpose_t.py", "custom_centernet.py", "facial_resnet18_fc.py"]
)
def test_the_step_follows_the_targets_of_training(root: Path, tmp_path: Path, base: str):
    cfg = loaded(child(tmp_path, root / "configs" / base))
    kinds = [str(step.type) for step in cfg.train_dataloader.dataset.pipeline]
    assert kinds[kinds.index("GenerateTarget") + 1] == "WeighKeypoints" and len(weighing(cfg)) == 1
    (step,) = weighing(cfg)
    assert step.weights == dict(mouth=4, left_eye=0.5) and tuple(step.keypoints) == NAMES
    built = TRANSFORMS.build(step)
    expected = [{"mouth": 4.0, "left_eye": 0.5}.get(name, 1.0) for name in NAMES]
    assert built.factors.tolist() == expected


def test_a_settled_config_gets_no_second_step(root: Path, tmp_path: Path):
    first = loaded(child(tmp_path, root / "configs/cat_hourglass.py"))
    first.dump(tmp_path / "settled.py")
    again = loaded(tmp_path / "settled.py")
    assert weighing(again) == weighing(first)
    (step,) = weighing(loaded(child(tmp_path, tmp_path / "settled.py", "keypoint_weights = dict(mouth=2)")))
    assert step.weights == dict(mouth=2, left_eye=0.5)


def test_losses_are_switched_on(tmp_path: Path):
    base = "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py"
    text = "keypoint_weights = dict(nose=2)\nmodel = dict(head=dict(loss=dict(use_target_weight=False)))\n"
    cfg = load_config(child(tmp_path, base, text))
    assert cfg.model.head.loss.use_target_weight is True
    assert weighing(cfg)[0].keypoints[0] == "nose" and len(weighing(cfg)[0].keypoints) == 17


def test_each_codec_of_several_is_weighed(tmp_path: Path):
    """MMPose's own ``use_dataset_keypoint_weights`` changes nothing there."""
    base = "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_2xmspn50_8xb32-210e_coco-256x192.py"
    cfg = load_config(child(tmp_path, base, "keypoint_weights = dict(nose=2)"))
    step = TRANSFORMS.build(weighing(cfg)[0])
    found = step({"keypoint_weights": [np.ones((1, 17), np.float32), np.zeros((1, 17), np.float32)]})
    assert [w[0, :2].tolist() for w in found["keypoint_weights"]] == [[2, 1], [0, 0]]


def test_the_loss_of_a_keypoint_is_multiplied(root: Path, tmp_path: Path):
    """Hand-made: only the mouth is wrong, so the loss is four times as large."""
    cfg = loaded(child(tmp_path, root / "configs/cat_hourglass.py"))
    step = TRANSFORMS.build(weighing(cfg)[0])
    loss = MODELS.build(dict(type="KeypointMSELoss", use_target_weight=True))
    target = torch.zeros(1, len(NAMES), 4, 4)
    output = target.clone()
    output[0, NAMES.index("mouth")] = 1.0
    plain = np.ones((1, len(NAMES)), np.float32)
    weighed = step({"keypoint_weights": plain.copy()})["keypoint_weights"]
    ratio = loss(output, target, torch.from_numpy(weighed)) / loss(output, target, torch.from_numpy(plain))
    assert float(ratio) == pytest.approx(4.0)


@pytest.mark.parametrize("value", ["[1, 2]", "dict(mouth=-1)", "dict(mouth='2')", "dict(mouth=True)", "2"])
def test_what_is_no_weight_is_one_line(root: Path, tmp_path: Path, value: str):
    with pytest.raises(BadInputError, match="keypoint_weights: not weights by keypoint"):
        loaded(child(tmp_path, root / "configs/cat_hourglass.py", f"keypoint_weights = {value}"))


def test_a_keypoint_that_is_not_there_is_one_line(root: Path, tmp_path: Path):
    with pytest.raises(BadInputError, match="nose"):
        loaded(child(tmp_path, root / "configs/cat_hourglass.py", "keypoint_weights = dict(nose=2)"))
    with pytest.raises(BadInputError, match="keypoint_weights: no such keypoint.*found nose"):
        WeighKeypoints(dict(nose=2), NAMES)


@pytest.mark.parametrize("base", ["coco_keypoint_rcnn", "ae"])
def test_a_model_without_such_weights_is_one_line(root: Path, tmp_path: Path, base: str):
    path = {
        "ae": "mmpose::body_2d_keypoint/associative_embedding/coco/ae_hrnet-w32_8xb24-300e_coco-512x512.py"
    }.get(base, root / f"configs/{base}.py")
    with pytest.raises(BadInputError, match="keypoint_weights would change nothing"):
        load_config(child(tmp_path, path, "keypoint_weights = dict(nose=2)"), schema=CAT_SCHEMA)


def test_a_codec_without_weights_is_one_line():
    with pytest.raises(BadInputError, match="the codec gives no weights per keypoint"):
        WeighKeypoints({}, NAMES)({})
