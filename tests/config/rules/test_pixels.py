"""``pixels`` reaches every step that reads images, in training, test and prediction."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from kpplugins.config.load import load_config
from kpplugins.data.images import read_image
from kpplugins.data.pixel_rule import PixelRule
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.inference.predictor import Predictor
from kpplugins.inference.trained.trained_model import TrainedModel
from kpplugins.structures import BadInputError

RULE = {"percentile": (0, 100)}


def loading_steps(cfg) -> list[dict]:
    loaders = (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
    return [loader.dataset.pipeline[0] for loader in loaders]


@pytest.mark.parametrize(
    "name", ["custom_hourglass", "custom_rtmpose_t", "custom_centernet", "detector_rtmdet_tiny"]
)
def test_it_reaches_training_validation_and_test(root: Path, name: str):
    cfg = load_config(root / f"configs/{name}.py", schema=CAT_SCHEMA, cfg_options={"pixels": RULE})
    assert [(s.type.split(".")[-1], dict(s.pixels)) for s in loading_steps(cfg)] == [
        ("LoadCachedImage", RULE)
    ] * 3
    plain = load_config(root / f"configs/{name}.py", schema=CAT_SCHEMA)
    assert [s.type.split(".")[-1] for s in loading_steps(plain)][1:] == ["LoadImage"] * 2


def test_the_keypoint_rcnn_and_mmposes_own_pipelines_too(root: Path, tmp_path: Path):
    own = tmp_path / "own.py"
    base = "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py"
    own.write_text(f'_base_ = "{base}"\npixels = dict(range=(0, 4095))\n')
    assert [s.type for s in loading_steps(load_config(own, schema=CAT_SCHEMA))] == [
        "mmpose.LoadCachedImage"
    ] * 3
    loaded = load_config(
        root / "configs/_base_/keypoint_rcnn.py", schema=CAT_SCHEMA, cfg_options={"pixels": RULE}
    )
    assert all(s.pixels == RULE for s in loading_steps(loaded))


def test_what_cannot_be_is_one_line(root: Path, tmp_path: Path):
    config = root / "configs/custom_hourglass.py"
    with pytest.raises(BadInputError, match="not a rule for pixels"):
        load_config(config, schema=CAT_SCHEMA, cfg_options={"pixels": {"bits": 12}})
    own = tmp_path / "own.py"
    step = "dict(type='LoadImage', imdecode_backend='pillow')"
    own.write_text(
        f"_base_ = {str(config)!r}\npixels = dict(range=(0, 4095))\n"
        f"val_dataloader = dict(dataset=dict(pipeline=[{step}]))\n"
    )
    with pytest.raises(
        BadInputError, match="MMPose's arguments .imdecode_backend.*leave them out of the LoadImage"
    ):
        load_config(own, schema=CAT_SCHEMA)


def test_training_test_and_prediction_see_the_same(root: Path, tmp_path: Path):
    """A thermal image: values 7,300 to 7,540 of 16 bits, of which the range of the type leaves two grey levels."""
    deep = np.linspace(7300, 7540, 8000).reshape(80, 100).astype(np.uint16)
    image = tmp_path / "a.png"
    cv2.imwrite(str(image), deep)
    expected = read_image(image, PixelRule(percentile=(0, 100)))
    assert len(np.unique(expected)) > 200 and len(np.unique(read_image(image))) == 2
    cfg = load_config(root / "configs/custom_hourglass.py", schema=CAT_SCHEMA, cfg_options={"pixels": RULE})
    init_default_scope("mmpose")
    for step in loading_steps(cfg):
        assert (Compose([step])({"img_path": str(image)})["img"] == expected).all()
    trained = TrainedModel(cfg, None, Compose([]), CAT_SCHEMA, (), "cpu", "run")
    assert trained.pixels == PixelRule(percentile=(0, 100))
    for given in (image, deep, np.dstack([deep] * 4)):
        assert (Predictor.read(SimpleNamespace(model=trained), given) == expected).all()
