"""``backbone_lr``, ``layer_decay`` and ``unfreeze`` by one name each."""

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


def test_both_factors_go_to_one_constructor(settled):
    wrapper = settled(backbone_lr=0.1, layer_decay=0.75).optim_wrapper
    assert wrapper.constructor == "DepthOptimWrapperConstructor"
    assert wrapper.paramwise_cfg == dict(backbone_lr=0.1, layer_decay=0.75)


def test_what_the_recipe_has_already_stays(settled):
    before = settled("custom_rtmpose_t").optim_wrapper.paramwise_cfg
    assert settled("custom_rtmpose_t", layer_decay=0.9).optim_wrapper.paramwise_cfg == dict(
        before, layer_decay=0.9
    )


def test_it_takes_the_place_of_mmposes_for_transformers(settled):
    pytest.importorskip("mmpretrain")
    assert "num_layers" in settled("custom_vitpose_s").optim_wrapper.paramwise_cfg
    wrapper = settled("custom_vitpose_s", layer_decay=0.9).optim_wrapper
    assert wrapper.constructor == "DepthOptimWrapperConstructor"
    assert "num_layers" not in wrapper.paramwise_cfg and wrapper.paramwise_cfg.layer_decay == 0.9


@pytest.mark.parametrize("name", ["backbone_lr", "layer_decay"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "0.1", True])
def test_a_factor_that_is_none(settled, name: str, value: Any):
    with pytest.raises(
        BadInputError, match=f"{name}: not a factor of the learning rate; expected > 0, at most 1"
    ):
        settled(**{name: value})


def test_a_model_without_a_backbone(settled):
    with pytest.raises(
        BadInputError, match="layer_decay would change nothing; expected a model with a backbone"
    ):
        settled("glue_tubes_keypoint_rcnn", layer_decay=0.5)


def test_unfreezing_is_a_hook_once(settled):
    cfg = settled(unfreeze=5)
    assert [h.epochs for h in cfg.custom_hooks if h.type == "UnfreezeHook"] == [
        5
    ] and cfg.find_unused_parameters
    again = load_config(Config(cfg.to_dict()), schema=CAT_SCHEMA)
    assert again.custom_hooks == cfg.custom_hooks
    with pytest.raises(BadInputError, match="unfreeze: not a number of epochs; expected ≥ 1; found 0"):
        settled(unfreeze=0)
    with pytest.raises(
        BadInputError, match="unfreeze: the whole backbone would never be trained; expected less than 24"
    ):
        settled(unfreeze=24)
