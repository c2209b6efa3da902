"""``last_epochs``: other augmentation at the end, by one name."""

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError


@pytest.fixture
def settled(root: Path):
    def load(name: str = "custom_hourglass_small", **options: Any) -> Config:
        return load_config(root / f"configs/{name}.py", schema=CAT_SCHEMA, cfg_options=options)

    return load


def hooks(cfg: Config) -> list:
    return [hook for hook in cfg.custom_hooks if hook["type"] == "LastEpochsHook"]


@pytest.mark.parametrize(
    ("recipe", "augment", "step"),
    [
        ("custom_hourglass_small", "box_augment", "RandomBoxTransform"),
        ("custom_centernet_resnet18", "image_augment", "RandomImageAffine"),
    ],
)
def test_it_becomes_one_hook(settled, recipe: str, augment: str, step: str):
    argument = {"box_augment": "rotate_prob", "image_augment": "degrees"}[augment]
    cfg = settled(recipe, last_epochs={"share": 0.2, augment: {argument: 0.0}})
    (hook,) = hooks(cfg)
    assert hook["share"] == 0.2 and hook["steps"] == {step: {argument: 0.0}}
    assert hooks(load_config(Config(cfg.to_dict()), schema=CAT_SCHEMA)) == [hook]


def test_none_takes_it_away(settled):
    assert hooks(settled("facial_heatmap")) and not hooks(settled("facial_heatmap", last_epochs=None))


@pytest.mark.parametrize(
    "value",
    [
        0.2,
        dict(share=0.2),
        dict(share=0.2, size=3),
        dict(box_augment={}),
        dict(share=2, box_augment={}),
        "0.2",
    ],
)
def test_what_is_no_share_with_augmentation(settled, value: Any):
    with pytest.raises(BadInputError, match="last_epochs: not a share with augmentation; expected dict"):
        settled(last_epochs=value)


def test_what_would_have_no_effect_stops(settled):
    with pytest.raises(BadInputError, match="last_epochs would change nothing"):
        settled("custom_centernet", last_epochs=dict(share=0.2, box_augment=dict(rotate_prob=0.0)))
    with pytest.raises(BadInputError, match="last_epochs: features that are computed once"):
        settled(
            last_epochs=dict(share=0.2, box_augment=dict(rotate_prob=0.0)),
            freeze=["backbone"],
            feature_cache=1,
        )
