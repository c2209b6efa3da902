"""Blocks of backbones, by the names of their parameters."""

import pytest
import torchvision

from kpplugins.engine.depth.depth_groups import depth_groups


def test_stem_blocks_and_what_is_between():
    names = ["conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "layer1.0.bn1.bias", "layer1.1.conv1.weight",
             "transition.weight", "layer2.0.conv1.weight", "norm.weight"]  # fmt: skip
    assert depth_groups(names) == [names[:2], names[2:4], names[4:6], names[6:]]


def test_transformers_and_blocks_inside_of_stages():
    vit = ["model.cls_token", "model.pos_embed", "model.blocks.0.norm1.weight", "model.blocks.10.norm1.weight",
           "model.norm.weight"]  # fmt: skip
    assert depth_groups(vit) == [vit[:2], vit[2:3], vit[3:]]
    stages = [
        "stem_0.weight",
        "stages_0.blocks.0.a",
        "stages_0.blocks.1.a",
        "stages_1.downsample.0.a",
        "stages_1.blocks.0.a",
    ]
    assert depth_groups(stages) == [[name] for name in stages]


@pytest.mark.parametrize(
    ("name", "number"), [("resnet18", 9), ("mobilenet_v2", 19), ("convnext_tiny", 8), ("regnet_y_400mf", 18)]
)
def test_networks(name: str, number: int):
    import torch

    with torch.device("meta") if not name.startswith("regnet") else torch.device("cpu"):
        net = torchvision.models.get_model(name)
    names = [n for n, _ in net.named_parameters() if not n.startswith(("fc.", "classifier."))]
    groups = depth_groups(names)
    assert len(groups) == number and [n for group in groups for n in group] == names


def test_a_backbone_without_numbers_is_one_group():
    assert depth_groups(["a.weight", "b.weight"]) == [["a.weight", "b.weight"]] and depth_groups([]) == []
