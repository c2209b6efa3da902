from typing import Any

import numpy as np
import pytest

from kpplugins.data.parsing.values import as_number, as_numbers, coco_id, parse_cell, parse_number
from kpplugins.structures import BadInputError


@pytest.mark.parametrize(
    "value",
    ["nan", "inf", "", "x", "1_0", "1e10", None],
    ids=lambda v: repr(v)[:12],
)
def test_only_finite_numbers_of_sensible_size_are_spelt(value: str | None):
    with pytest.raises(BadInputError, match="a:1: number is (wrong|missing)"):
        parse_number(value, "number", "a:1")


@pytest.mark.parametrize(
    "value", ["1", True, None, [1], 10**400, float("nan"), 1e10], ids=lambda v: repr(v)[:12]
)
def test_only_numbers_of_sensible_size_are_numbers(value: object):
    with pytest.raises(BadInputError, match="a:1: number is (wrong|missing)"):
        as_number(value, "number", "a:1")
    with pytest.raises(BadInputError, match="a:1: numbers is wrong; expected .*numbers"):
        as_numbers([0, value], "numbers", "a:1")


def test_a_list_of_numbers_has_the_length_that_is_asked_for():
    assert as_numbers([1, 2.5], "box", "f").tolist() == [1, 2.5]
    with pytest.raises(BadInputError, match="f: box is wrong; expected 4 numbers"):
        as_numbers([1, 2.5], "box", "f", 4)
    with pytest.raises(BadInputError, match="f: box is missing"):
        as_numbers(None, "box", "f")


def test_an_empty_cell_is_no_number_and_no_fault():
    assert np.isnan([parse_cell(text, "x", "f") for text in ("", "  ", "NaN", None)]).all()
    assert parse_cell(" 7.5", "x", "f") == 7.5
    with pytest.raises(BadInputError, match="f: x is wrong"):
        parse_cell("seven", "x", "f")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (7.0, "7"),
        ("7", "7"),
        (" 007 ", "7"),
        ("a7", "a7"),
        (7.5, "7.5"),
        (None, None),
        (True, None),
        ([], None),
    ],
)
def test_a_number_and_its_text_are_one_id(value: Any, text: str | None):
    assert coco_id(value) == text
