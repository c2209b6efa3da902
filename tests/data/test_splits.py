from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpplugins.data.splits import split_bounds, split_of_name, take_split, true_division
from kpplugins.structures import BadInputError


def test_60_20_20_in_sorted_order():
    items = list(range(10))
    assert take_split(items, "train") == [0, 1, 2, 3, 4, 5]
    assert take_split(items, "val") == [6, 7]
    assert take_split(items, "test") == [8, 9]
    assert take_split(items, "all") == items


def test_bounds_round_to_the_nearest():
    # 7 items: 4.2 and 5.6 are rounded to 4 and 6
    assert split_bounds(7, (60, 20, 20)) == [0, 4, 6, 7]
    assert split_bounds(100, (0.5, 0.25, 0.25)) == [0, 50, 75, 100]


@given(st.integers(10, 300), st.integers(0, 5))
def test_the_parts_share_everything_and_nothing_twice(n: int, seed: int):
    parts = [take_split(range(n), s, shuffle_seed=seed) for s in ("train", "val", "test")]
    assert sorted(sum(parts, [])) == list(range(n))


def test_a_seed_shuffles_reproducibly():
    first = take_split(range(50), "train", shuffle_seed=3)
    assert first == take_split(range(50), "train", shuffle_seed=3)
    assert first != take_split(range(50), "train")


@pytest.mark.parametrize(
    ("split", "ratios", "words"),
    [
        ("tset", (60, 20, 20), "unknown split.*'tset'"),
        ("train", (60, 40), "three numbers"),
        ("train", (60, -20, 20), "three numbers"),
        ("test", (80, 20, 0), "test split has no images.*8 train, 2 val, 0 test"),
    ],
)
def test_faults(split: str, ratios: tuple, words: str):
    with pytest.raises(BadInputError, match=words):
        take_split(range(10), split, ratios)


def test_a_set_with_one_part_is_not_divided():
    assert true_division({Path("a"): "train"}) == {}
    assert len(true_division({Path("a"): "train", Path("b"): "val"})) == 2


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"), ("person_keypoints_train2017", "train"), ("my-val", "val"), ("Validation", "val"),
        ("valid", "val"), ("testing_set", "test"), ("latest", ""), ("constraint", ""), ("trainval", ""),
        ("valley", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_whole_word_in_a_name_is_a_split(name: str, split: str):
    assert split_of_name(name) == split
