"""Each setting and its reason."""

import pytest

from kpplugins.apis.recommending.choice import choose
from kpplugins.apis.recommending.settings import (
    augmentation,
    batch,
    flips,
    padding,
    precision,
    settings_of,
    stacks,
    validation,
)


def test_batches_are_small_where_time_or_images_are_few(cats, laptop):
    def size(changes: dict, minutes: float) -> int:
        advice = batch(cats(**changes), choose(cats(**changes), laptop(minutes=minutes)))
        assert f"batches of {advice.settings.get('batch_size', 16)}:" in advice.reason
        return advice.settings.get("batch_size", 16)

    assert size({}, 60) == 16
    assert size({}, 1) == 8
    assert size({"instances": 4000, "images": 4000}, 1) == 16  # less than a pass
    assert size({"instances": 40}, 60) == 8
    assert size({"instances": 7}, 60) == 3


def test_two_hourglasses_where_one_would_see_everything_very_often(cats, laptop):
    def of(minutes: float, fps: float | None = None, **changes):
        facts = cats(**{"instances": 600, "images": 600, **changes})
        choice = choose(facts, laptop(minutes=minutes))
        return choice.seen / facts.instances, stacks(facts, choice, fps)

    passes, advice = of(60)
    assert passes > 100 and advice.settings == {"num_stacks": 2} and f"{passes:.0f} times" in advice.reason
    assert of(60, fps=30)[1] is None
    assert of(60, instances=400)[1] is None
    assert of(60, dataset_type="CatDataset")[1] is None
    passes, advice = of(5)
    assert passes < 100 and advice is None


def test_half_precision_on_a_gpu_only(laptop):
    assert precision(laptop()) is None
    assert precision(laptop(device="cuda", device_name="X")).settings == {"amp": True}


def test_validation(cats):
    assert validation(cats()) is None and validation(cats(validated=None)) is None
    few = validation(cats(validated=49))
    assert (
        few.settings == {"default_hooks": {"checkpoint": {"save_best": None}}}
        and "49 validated" in few.reason
    )
    assert validation(cats(validated=50)) is None
    none = validation(cats(validated=0))
    assert none.settings["val_dataloader"] is None and none.settings["default_hooks"]["checkpoint"] == {
        "save_best": None
    }


@pytest.mark.parametrize(
    ("turned", "degrees"), [(0, 30), (9, 30), (21, 50), (59, 120), (70, 180), (130, 180)]
)
def test_boxes_turn_as_much_as_the_instances(cats, laptop, turned: float, degrees: int):
    facts = cats(turned=turned)
    advice = augmentation(facts, choose(facts, laptop()))
    assert advice.settings["box_augment"]["rotate_factor"] == degrees and f"{degrees}°" in advice.reason


def test_unknown_turns_leave_the_augmentation_alone(cats, laptop):
    facts = cats(turned=None)
    assert augmentation(facts, choose(facts, laptop())) is None


def test_whole_images_are_not_padded(cats, laptop):
    facts = cats(whole_images=1.0)
    assert padding(facts, choose(facts, laptop())).settings == {"box_padding": 1.0}
    assert augmentation(facts, choose(facts, laptop())).settings["box_augment"]["shift_factor"] == 0.08
    assert padding(cats(), choose(cats(), laptop())) is None


def test_images_of_things_that_lie_any_way_are_mirrored_in_every_direction(cats, laptop):
    tubes = cats(crowded=0.6, turned=120.0, paired=False)
    advice = augmentation(tubes, choose(tubes, laptop()))
    assert '"diagonal"' in advice.before[1]
    paired = cats(crowded=0.6, turned=120.0)
    assert "diagonal" not in augmentation(paired, choose(paired, laptop())).before[1]
    for other in (cats(crowded=0.6), cats(crowded=0.6, turned=120.0, unflipped="nobody knows")):
        assert augmentation(other, choose(other, laptop())) is None


def test_flips(cats):
    assert not flips(cats()).is_caution
    unknown = flips(cats(unflipped="the pairs are unknown"))
    assert (
        unknown.is_caution and "the pairs are unknown" in unknown.reason and "--flip-pairs" in unknown.reason
    )


def test_a_recipe_for_these_very_files_keeps_its_augmentation(cats, laptop):
    facts = cats(whole_images=1.0)
    own = settings_of(facts, laptop(), choose(facts, laptop()), ["box_augment"])
    assert not any("box_augment" in one.settings or "box_padding" in one.settings for one in own)
    other = settings_of(facts, laptop(), choose(facts, laptop()), [])
    assert any("box_augment" in one.settings for one in other)
