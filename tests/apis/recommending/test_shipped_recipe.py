"""The table of recipes agrees with the configs."""

import pytest
import torch
from mmpose.registry import MODELS
from torch.utils.flop_counter import FlopCounterMode

from kpplugins.apis.recommending.shipped_recipe import ONE_STAGE, SHIPPED, ShippedRecipe
from kpplugins.config.load import load_config
from kpplugins.config.source import file_of
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.weights.pretrained import drop_pretrained, pretrained_of


@pytest.mark.parametrize("recipe", SHIPPED, ids=lambda recipe: recipe.name)
def test_a_recipe_is_what_the_table_says(recipe: ShippedRecipe):
    cfg = load_config(file_of(f"kpplugins::{recipe.name}.py"), schema=CAT_SCHEMA)
    assert tuple(cfg.codec.input_size) == recipe.input_size
    assert cfg.train_dataloader.batch_size == recipe.batch
    assert bool(pretrained_of(cfg)) == recipe.pretrained
    assert (cfg.model.type == "BottomupPoseEstimator") == (recipe.kind == ONE_STAGE)
    drop_pretrained(cfg)
    model = MODELS.build(cfg.model).eval()
    image = torch.zeros(1, 3, *recipe.input_size[::-1])
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(image, None, mode="tensor")
    assert counter.get_total_flops() / 2 == pytest.approx(recipe.multiply_adds, rel=0.05)


def test_every_kind_ends_with_a_recipe_that_needs_nothing():
    for kind in {recipe.kind for recipe in SHIPPED}:
        last = [recipe for recipe in SHIPPED if recipe.kind == kind][-1]
        assert not last.pretrained and last.samples == last.images == 0


def test_configs_for_a_datasets_own_files_are_there():
    for recipe in SHIPPED:
        for kind, name in recipe.own.items():
            cfg = load_config(file_of(recipe.config_of(kind)), schema=CAT_SCHEMA)
            assert cfg.dataset_type == kind and recipe.config_of(kind) == f"kpplugins::{name}.py"
            assert tuple(cfg.codec.input_size) == recipe.input_size


def test_speed_falls_with_the_area(laptop):
    (small,) = (recipe for recipe in SHIPPED if recipe.name == "custom_hourglass_small")
    assert small.speed(laptop(), (256, 256)) == pytest.approx(small.speed(laptop()) / 4)
