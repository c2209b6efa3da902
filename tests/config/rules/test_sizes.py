import pytest
from mmengine.config import Config

from kpplugins.config.rules.sizes import spread_size, takes_size
from kpplugins.structures import BadInputError


def config(size: object, **more: object) -> Config:
    """A config with one loader."""
    steps = [
        dict(type="LoadImage"),
        dict(type="mmdet.RandomResize", scale=(320, 320)),
        dict(type="mmdet.RandomCrop", crop_size=(320, 320)),
        dict(type="mmdet.Pad", size=(320, 320)),
        dict(type="Resize", scale=(9, 9)),
    ]
    return Config(dict(input_size=size, train_dataloader=dict(dataset=dict(pipeline=steps)), **more))


def sizes(cfg: Config) -> list:
    steps = cfg.train_dataloader.dataset.pipeline
    return [steps[1].scale, steps[2].crop_size, steps[3].size, steps[4].scale]


def test_the_size_goes_to_the_detectors_steps_alone():
    cfg = config((416, 256))
    spread_size(cfg)
    assert sizes(cfg) == [(416, 256)] * 3 + [(9, 9)]
    for other in (config(None), config((64, 64), codec=dict(type="MSRAHeatmap"))):
        spread_size(other)
        assert sizes(other)[0] == (320, 320)


@pytest.mark.parametrize("size", [320, (320,), (320, 300), ("a", 32), (0, 32)])
def test_what_is_no_size_is_refused(size: object):
    with pytest.raises(BadInputError, match="not a size of a detector's input"):
        spread_size(config(size))


def rcnn(size: object) -> Config:
    steps = [dict(type="RandomImageAffine", input_size=(320, 320)), dict(type="PackImageInputs")]
    loader = dict(dataset=dict(pipeline=steps))
    return Config(
        dict(input_size=size, train_dataloader=loader, model=dict(type="KeypointRCNN", min_size=800))
    )


def test_keypoint_rcnn_resizes_by_it_in_the_model_and_before():
    cfg = rcnn((512, 300))
    spread_size(cfg)
    assert (cfg.model.min_size, cfg.model.max_size) == (300, 512)
    assert cfg.train_dataloader.dataset.pipeline[0].input_size == (512, 300)
    with pytest.raises(BadInputError, match=r"not a size.*expected \(width, height\) in pixels; found"):
        spread_size(rcnn((512, 0)))


def test_who_takes_a_size():
    assert takes_size(rcnn(None)) and takes_size(config(None))
    assert takes_size(Config(dict(codec=dict(type="MSRAHeatmap"))))
    assert not takes_size(
        Config(dict(train_dataloader=dict(dataset=dict(pipeline=[dict(type="LoadImage")]))))
    )
