"""The weights that Keypoint R-CNN names: asked for before training, left out when asked, not read when resuming."""

from types import SimpleNamespace

import pytest
from mmengine.config import Config

from kpplugins.structures import BadInputError
from kpplugins.weights.pretrained import drop_pretrained, forget_weights, pretrained_of, require_pretrained


def config(**more) -> Config:
    return Config(dict(model=dict(type="KeypointRCNN", weights="gone.pth"), **more))


def test_they_are_asked_for_before_training():
    assert pretrained_of(config()) == [("model.weights", "gone.pth", "")]
    (named,) = pretrained_of(Config(dict(model=dict(type="KeypointRCNN", weights="coco"))))
    assert named[1].endswith("keypointrcnn_resnet50_fpn_coco-fc266e95.pth")
    with pytest.raises(
        BadInputError, match="model.weights: pretrained weights fail.*gone.pth.*--from-scratch"
    ):
        require_pretrained(config())


def test_from_scratch_leaves_them_out():
    cfg = config()
    assert drop_pretrained(cfg) == ["model.weights (gone.pth)"]
    assert cfg.model.weights is None and pretrained_of(cfg) == []


def test_a_resumed_run_keeps_their_name_and_does_not_read_them():
    """Which layers are frozen depends on the name."""
    cfg = config(resume=True)
    drop_pretrained(cfg)
    assert cfg.model.weights == "gone.pth"
    model = SimpleNamespace(weights="gone.pth")
    forget_weights(model)
    assert model.weights is None
    forget_weights(SimpleNamespace())  # a model that has none
