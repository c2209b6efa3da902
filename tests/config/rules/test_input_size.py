"""``input_size`` where there is no codec that has it, and where there are several."""

import pytest
from mmengine.config import Config

from kpplugins.config.load import load_config
from kpplugins.structures import BadInputError


def detector() -> Config:
    """A config with one loader, with sizes of 320 in MMDetection's steps."""
    steps = [
        dict(type="LoadImage"),
        dict(type="mmdet.RandomResize", scale=(320, 320)),
        dict(type="mmdet.RandomCrop", crop_size=(320, 320)),
        dict(type="mmdet.Pad", size=(320, 320)),
        dict(type="Resize", scale=(9, 9)),
    ]
    return Config(dict(input_size=(320, 320), train_dataloader=dict(dataset=dict(type="x", pipeline=steps))))


def rcnn() -> Config:
    steps = [dict(type="RandomImageAffine", input_size=(320, 320)), dict(type="PackImageInputs")]
    loader = dict(dataset=dict(type="x", pipeline=steps))
    return Config(dict(train_dataloader=loader, model=dict(type="KeypointRCNN", min_size=800)))


def resized(cfg: Config, size: object) -> Config:
    return load_config(cfg, cfg_options={"input_size": size})


def test_the_size_goes_to_the_detectors_steps_alone():
    cfg = detector()
    steps = resized(cfg, (416, 256)).train_dataloader.dataset.pipeline
    assert [steps[1].scale, steps[2].crop_size, steps[3].size, steps[4].scale] == [(416, 256)] * 3 + [(9, 9)]
    assert cfg.input_size == (320, 320)  # a config that is given as an object stays as it is


@pytest.mark.parametrize("size", [320, (320,), (320, 300), ("a", 32), (0, 32)])
def test_what_is_no_size_is_refused(size: object):
    with pytest.raises(BadInputError, match=r"input_size: not a size; expected \(width, height\).*of 32"):
        resized(detector(), size)


def test_keypoint_rcnn_resizes_by_it_in_the_model_and_before():
    cfg = resized(rcnn(), (512, 300))
    assert (cfg.model.min_size, cfg.model.max_size) == (300, 512)
    assert cfg.train_dataloader.dataset.pipeline[0].input_size == (512, 300)
    with pytest.raises(BadInputError, match=r"not a size.*expected \(width, height\) in pixels; found"):
        resized(rcnn(), (512, 0))


def test_a_config_that_has_no_place_for_it():
    plain = Config(dict(train_dataloader=dict(dataset=dict(type="x", pipeline=[dict(type="LoadImage")]))))
    with pytest.raises(
        BadInputError, match="--cfg-options: input_size would change nothing; expected a codec"
    ):
        resized(plain, (64, 64))


def test_several_codecs_and_steps_of_whole_images_follow():
    codec = [dict(type="MegviiHeatmap", input_size=(192, 256), heatmap_size=(48, 64)) for _ in range(2)]
    steps = [
        dict(type="Mosaic", img_scale=(192, 256)),
        dict(type="GenerateTarget", multilevel=True, encoder=codec),
    ]
    cfg = resized(
        Config(
            dict(
                codec=codec,
                train_dataloader=dict(dataset=dict(type="x", pipeline=steps)),
                model=dict(head=dict(type="MSPNHead", decoder=codec[-1])),
            )
        ),
        (96, 128),
    )
    mosaic, target = cfg.train_dataloader.dataset.pipeline
    assert mosaic.img_scale == (96, 128)
    assert [c.heatmap_size for c in target.encoder] == [(24, 32)] * 2
    assert cfg.model.head.decoder == cfg.codec[-1] == target.encoder[-1]


def test_sizes_that_batches_get_at_random_keep_their_proportion(tmp_path):
    base = "mmpose::body_2d_keypoint/rtmo/coco/rtmo-s_8xb32-600e_coco-640x640.py"
    file = tmp_path / "mine.py"
    file.write_text(f'_base_ = "{base}"\ninput_size = (256, 256)\n')
    step = load_config(file).model.data_preprocessor.batch_augments[0]
    assert step.random_size_range == (192, 320)  # 480 and 800 by 256 / 640


@pytest.mark.parametrize(
    ("more", "features"), [("", (2, 3)), ("model = dict(head=dict(in_featuremap_size=(4, 4)))", (4, 4))]
)
def test_a_head_that_states_only_its_features_follows_unless_they_are_stated(
    tmp_path, more: str, features: tuple
):
    base = "mmpose::body_2d_keypoint/integral_regression/coco/ipr_res50_dsnt-8xb64-210e_coco-256x256.py"
    file = tmp_path / "mine.py"
    file.write_text(f'_base_ = "{base}"\ninput_size = (64, 96)\n{more}\n')
    cfg = load_config(file)
    assert cfg.codec.heatmap_size == (16, 24) and cfg.model.head.in_featuremap_size == features  # 8 of 256 px
