import pytest
from mmengine.config import Config

from kpplugins.apis.config_detector import spread_detector_size
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
    spread_detector_size(cfg)
    assert sizes(cfg) == [(416, 256)] * 3 + [(9, 9)]
    for other in (config(None), config((64, 64), codec=dict(type="MSRAHeatmap"))):
        spread_detector_size(other)
        assert sizes(other)[0] == (320, 320)


@pytest.mark.parametrize("size", [320, (320,), (320, 300), ("a", 32), (0, 32)])
def test_what_is_no_size_is_refused(size: object):
    with pytest.raises(BadInputError, match="not a size of a detector's input"):
        spread_detector_size(config(size))
