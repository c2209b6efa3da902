"""A backbone by one name: what of model, codec and pipelines follows it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS

from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.models.heads.output_size import require_output_size
from kpplugins.structures import BadInputError

NET = "torchvision:mobilenet_v3_small"
FITTING = [
    "cat_heatmap_circle", "cat_hourglass_sample", "coco_hourglass", "custom_centernet", "custom_centernet_resnet18",
    "custom_hourglass_small", "custom_hrnet_w32", "custom_rtmpose_t", "custom_simplebaseline_r50", "facial_heatmap",
    "facial_resnet18_fc", "facial_vgg16_fc", "glue_tubes_centernet",
]  # fmt: skip
"""Recipes of every kind of head: heatmaps, SimCC, coordinates, CenterNet."""


def settled(config: Path, **options: Any) -> Config:
    return load_config(config, schema=CAT_SCHEMA, cfg_options=options)


def child(folder: Path, root: Path, base: str, text: str) -> Path:
    file = folder / "child.py"
    file.write_text(f"_base_ = '{root / 'configs' / base}.py'\n{text}\n")
    return file


@pytest.mark.parametrize("name", FITTING)
def test_one_line_fits_any_recipe(root: Path, name: str):
    cfg = settled(root / f"configs/{name}.py", backbone=NET)
    model = MODELS.build(cfg.model)
    require_output_size(model)  # a black image through the network: features, neck, head and codec agree
    assert type(model.backbone).__name__ == "TorchvisionBackbone"
    assert cfg.model.backbone.init_cfg.checkpoint == "torchvision://mobilenet_v3_small"


def test_the_head_of_an_hourglass_becomes_a_heatmap_head_with_as_many_deconvolutions_as_are_needed(
    root: Path,
):
    cfg = settled(root / "configs/custom_hourglass_small.py", backbone=NET)
    head = cfg.model.head
    assert (head.type, head.in_channels, head.out_channels) == ("HeatmapHead", 576, 9)
    assert (head.deconv_out_channels, head.deconv_kernel_sizes) == ((64, 64, 64), (4, 4, 4))
    finer = settled(root / "configs/custom_hourglass_small.py", backbone=dict(name=NET, stride=8))
    assert finer.model.head.deconv_out_channels == (64,)
    assert finer.model.head.decoder == cfg.model.head.decoder


def test_a_line_in_a_file_does_what_the_command_line_does(root: Path, tmp_path: Path):
    line = settled(child(tmp_path, root, "custom_hourglass_small", f"backbone = {NET!r}"))
    option = settled(root / "configs/custom_hourglass_small.py", backbone=NET)
    assert line.model == option.model and line.codec == option.codec


def test_what_the_file_states_itself_stays(root: Path, tmp_path: Path):
    said = "model = dict(head=dict(deconv_out_channels=(32, 32, 32)), data_preprocessor=dict(mean=[1.0, 2.0, 3.0]))"
    cfg = settled(child(tmp_path, root, "custom_simplebaseline_r50", f"backbone = {NET!r}\n{said}"))
    assert cfg.model.head.deconv_out_channels == (32, 32, 32)
    assert cfg.model.data_preprocessor.mean == [1.0, 2.0, 3.0]
    none = settled(
        root / "configs/custom_hourglass_small.py", backbone=NET, **{"model.backbone.init_cfg": None}
    )
    assert none.model.backbone.init_cfg is None


def test_a_settled_config_stays_as_it_is(root: Path):
    once = settled(root / "configs/custom_hourglass_small.py", backbone=NET)
    again = load_config(Config(once.to_dict()), schema=CAT_SCHEMA)
    assert again.model == once.model and again.codec == once.codec


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("resnet18", "backbone: not a backbone; expected \"timm:NAME\""),
        (dict(name=NET, layers=3), "backbone: not a backbone"),
        ("torchvision:resnet17", "torchvision has no network 'resnet17'; expected e.g. resnet101"),
        (dict(name=NET, stride=64), "has no features of stride 64; expected 2 or 4 or 8 or 16 or 32"),
        ("torchvision:vit_b_16", "torchvision's vit_b_16 gives no feature maps; to do: try \"timm:vit_b_16\""),
    ],
)  # fmt: skip
def test_what_is_no_backbone_is_one_line(root: Path, value: Any, words: str):
    with pytest.raises(BadInputError) as raised:
        settled(root / "configs/custom_hourglass_small.py", backbone=value)
    assert words in str(raised.value)


def test_models_that_cannot_take_it_say_so(root: Path, tmp_path: Path):
    with pytest.raises(
        BadInputError, match="backbone would change nothing; expected a model that has the backbone"
    ):
        settled(root / "configs/glue_tubes_keypoint_rcnn.py", backbone=NET)
    rtmo = tmp_path / "rtmo.py"
    rtmo.write_text("_base_ = 'mmpose::body_2d_keypoint/rtmo/coco/rtmo-s_8xb32-600e_coco-640x640.py'\n"
                    f"dataset_type = 'CustomKeypointDataset'\ndata_root = 'x'\nbackbone = {NET!r}\n")  # fmt: skip
    with pytest.raises(
        BadInputError, match="model.head: backbone does not fit RTMOHead; expected HeatmapHead"
    ):
        settled(rtmo)
    with pytest.raises(BadInputError, match="num_stacks would change nothing.*2 stacks"):
        settled(root / "configs/custom_hourglass.py", backbone=NET, num_stacks=2)


def test_norm_and_size_follow_timms_networks(root: Path):
    pytest.importorskip("timm")
    cfg = settled(root / "configs/custom_hourglass_small.py", backbone="timm:vit_tiny_patch16_224")
    assert cfg.model.data_preprocessor.mean == [127.5] * 3 and cfg.model.backbone.img_size == (128, 128)
    assert cfg.model.head.deconv_out_channels == (64, 64)
    other = settled(
        root / "configs/custom_hourglass_small.py", backbone="timm:vit_tiny_patch16_224", input_size=(96, 64)
    )
    assert other.model.backbone.img_size == (64, 96) and other.codec.heatmap_size == (24, 16)


def test_a_patch_of_14_pixels_changes_the_inherited_input_size_and_refuses_a_stated_one(root: Path):
    pytest.importorskip("timm")
    dino = dict(backbone="timm:vit_small_patch14_dinov2.lvd142m")
    cfg = settled(root / "configs/custom_hourglass.py", **dino)
    assert cfg.codec.input_size == (252, 252) and cfg.codec.heatmap_size == (72, 72)
    assert cfg.model.head.decoder.input_size == (252, 252)
    steps = cfg.train_dataloader.dataset.pipeline
    assert next(s for s in steps if s.type == "TopdownAffine").input_size == (252, 252)
    assert next(s for s in steps if s.type == "GenerateTarget").encoder.heatmap_size == (72, 72)
    with pytest.raises(
        BadInputError, match=r"multiples of 14; found 256×192; to do: input_size = \(252, 196\)"
    ):
        settled(root / "configs/custom_hourglass.py", **dino, input_size=(256, 192))


def test_a_recipe_with_it_trains(root: Path, drawn_cats: Path, tmp_path: Path):
    from kpplugins.apis.train import train

    out = train(
        root / "configs/custom_mobilenetv2.py", work_dir=tmp_path / "run", data=drawn_cats, from_scratch=True,
        cfg_options={
            "dataset_type": "CatDataset", "max_epochs": 1, "input_size": (32, 32), "train_dataloader.num_workers": 0,
            "val_dataloader.num_workers": 0, "train_dataloader.persistent_workers": False,
            "val_dataloader.persistent_workers": False, "model.head.deconv_out_channels": (16, 16, 16),
        },
    )  # fmt: skip
    weights = torch.load(next(out.glob("best*.pth")), weights_only=False)["state_dict"]
    assert "backbone.net.features.18.0.weight" in weights
