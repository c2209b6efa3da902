"""Which recipe follows from which facts."""

import pytest

from kpplugins.apis.recommending.choice import choose, input_for, model_kind, scale_into
from kpplugins.structures import BadInputError


@pytest.mark.parametrize(
    ("changes", "boxes", "kind", "words"),
    [
        ({}, False, "top-down", "every image shows one instance, 40% of the image's longer side"),
        ({"whole_images": 1.0}, False, "top-down", "100% of the boxes are the whole image"),
        (
            {"crowded": 0.5, "mean_instances": 2.5},
            False,
            "one-stage",
            "50% of the images show several instances (2.5",
        ),
        ({"crowded": 0.5}, True, "top-down", "boxes will be given"),
        ({"categories": 3}, False, "one-stage", "3 categories"),
        ({"crowded": 0.02}, False, "top-down", "98% show one instance"),
    ],
)
def test_top_down_or_one_stage(cats, changes: dict, boxes: bool, kind: str, words: str):
    found, why = model_kind(cats(**changes), boxes)
    assert found == kind and words in why.reason and why.reason.startswith(kind)


def test_minutes_on_a_cpu_get_the_small_network_and_days_the_large_one(cats, laptop):
    small = choose(cats(), laptop())
    assert small.recipe.name == "custom_hourglass_small" and small.input_size == (128, 128)
    assert "custom_hourglass would see" in small.advice[1].reason and "100,000" in small.advice[1].reason
    large = choose(cats(), laptop(minutes=20_000))
    assert large.recipe.name == "custom_hourglass"
    few = choose(cats(images=80), laptop(minutes=20_000))
    assert few.recipe.name == "custom_hourglass_small" and "there are 80" in few.advice[1].reason


def test_published_weights_are_used_where_they_are_and_the_time_is(cats, laptop):
    gpu = laptop(device="cuda", device_name="a GPU", rate=5e12)
    names = ("custom_rtmpose_m", "custom_rtmpose_s", "custom_rtmpose_t")
    assert choose(cats(), gpu, at_hand=names).recipe.name == "custom_rtmpose_m"
    assert choose(cats(), gpu, at_hand=names[2:]).recipe.name == "custom_rtmpose_t"
    assert not choose(cats(), gpu).recipe.pretrained
    assert (
        choose(cats(images=30), gpu, at_hand=names).recipe.name == "custom_rtmpose_t"
    )  # images for no other
    assert choose(cats(), laptop(minutes=1), at_hand=names).recipe.name == "custom_hourglass_small"


def test_larger_crops_need_large_boxes_and_time(cats, laptop):
    assert choose(cats(box_side=300, images=80), laptop(minutes=600)).input_size == (256, 256)
    assert choose(cats(box_side=200, images=80), laptop(minutes=600)).input_size == (192, 192)
    assert choose(cats(box_side=300, images=80), laptop(minutes=2)).input_size == (128, 128)


def test_whole_images_are_as_large_as_instances_need_and_time_allows(cats, laptop):
    tubes = dict(crowded=0.6, image_size=(1920, 1080), box_side=500.0, box_share=0.26)
    long = choose(cats(**tubes), laptop(minutes=2000))
    short = choose(cats(**tubes), laptop(minutes=2))
    assert long.input_size[0] > short.input_size[0] >= 128
    for found in (long, short):
        width, height = found.input_size
        assert width % 64 == height % 64 == 0 and width >= height
        assert 32 <= 500 * scale_into((1920, 1080), found.input_size) <= 160
    assert "there is no time for" in short.advice[2].reason and "no time" not in long.advice[2].reason
    assert any("give it more minutes" in one.reason for one in short.advice if one.is_caution)
    tiny = choose(cats(**tubes | {"box_side": 20.0}), laptop(minutes=2))
    assert tiny.input_size == input_for((1920, 1080), 512**2)  # the largest, as none is large enough


def test_inputs_by_hand():
    assert input_for((1920, 1080), 256**2) == (320, 192)
    assert input_for((640, 480), 256**2) == (256, 192)  # 320×192 shows it no larger
    assert input_for((480, 640), 256**2) == (192, 256)
    assert input_for((96, 96), 256**2) == (256, 256)
    assert scale_into((1920, 1080), (320, 192)) == pytest.approx(1 / 6)


def test_too_fast_is_an_error_that_says_what_is_possible(cats, laptop):
    assert choose(cats(), laptop(), fps=1).recipe.name == "custom_hourglass_small"
    words = r"--fps: no recipe is so fast.*expected at most about \d+; found 1e\+06"
    with pytest.raises(BadInputError, match=words) as caught:
        choose(cats(), laptop(), fps=1e6)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"instances": 12}, "12 labelled instances only show whether it works"),
        ({"alike": 0.2}, "20% of the images look like another one"),
        ({"alike": 0.9, "filmed": 0.9}, "90% of the images are frames of one scene"),
    ],
)
def test_what_to_heed(cats, laptop, changes: dict, words: str):
    heeded = [one.reason for one in choose(cats(**changes), laptop()).advice if one.is_caution]
    assert len(heeded) == 1 and heeded[0].startswith(words)
    assert not any(one.is_caution for one in choose(cats(), laptop()).advice)
