"""What becomes black and white in images of more than 8 bits, by hand."""

import numpy as np
import pytest

from kpplugins.data.pixel_rule import PixelRule
from kpplugins.structures import BadInputError


def row(*values: float, kind: type = np.uint16) -> np.ndarray:
    return np.array([values], kind)


@pytest.mark.parametrize(
    ("rule", "image", "expected"),
    [
        (PixelRule(), row(0, 255, 256, 65_535), [0, 0, 1, 255]),
        (PixelRule(), row(0, 128, 255, kind=np.uint8), [0, 128, 255]),
        (PixelRule(), row(0, 0.5, 1, kind=np.float32), [0, 128, 255]),  # 127.5 to even
        (PixelRule(), row(0, 32_767, kind=np.int16), [0, 255]),
        (PixelRule(), row(False, True, kind=bool), [0, 255]),
        (
            PixelRule(range=(0, 4095)),
            row(0, 2047.5 + 8, 4095, 9000),
            [0, 128, 255, 255],
        ),  # 2055 · 255 / 4095 = 127.97
        (PixelRule(range=(0, 100)), row(3, 200, kind=np.uint8), [3, 200]),  # 8 bits are never changed
        (PixelRule(range=(-10, 10)), row(-20, 0, 10, kind=np.float64), [0, 128, 255]),
        (PixelRule(percentile=(0, 100)), row(7306, 7365, 7541), [0, 64, 255]),  # 59 / 235 · 255 = 64.02
        (PixelRule(percentile=(25, 75)), row(0, 10, 20, 30, 40), [0, 0, 128, 255, 255]),
        (PixelRule(percentile=(1, 99)), row(5, 5, 5), [0, 0, 0]),  # flat
    ],
)
def test_values(rule: PixelRule, image: np.ndarray, expected: list[int]):
    levels = rule(image, "a.tif")
    assert levels.dtype == np.uint8 and levels.tolist() == [expected]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (
            row(0.2, 37.5, kind=np.float32),
            r"a\.tif: image of float32 outside 0 to 1; found 0\.2 to 37\.5; .*range=",
        ),
        (row(-4, 3, kind=np.int16), r"image of int16 outside 0 to 32767; found -4 to 3"),
        (row(0, np.nan, kind=np.float32), "not numbers; found NaN"),
    ],
)
def test_values_that_the_range_of_the_type_does_not_suit(image: np.ndarray, words: str):
    with pytest.raises(BadInputError, match=words):
        PixelRule()(image, "a.tif")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"range": (5, 5)}, r"pixels\.range: not two ascending numbers"),
        ({"range": 4095}, "two ascending"),
        ({"percentile": (1, 101)}, "0 to 100"),
        ({"range": (0, 1), "percentile": (1, 99)}, "range or percentile"),
        ({"bits": 12}, "not a rule for pixels"),
        ("12", "not a rule for pixels"),
    ],
)
def test_rules_that_are_none(given: object, words: str):
    with pytest.raises(BadInputError, match=words):
        PixelRule.of(given)


def test_a_config_states_it_plainly():
    assert PixelRule.of(None) == PixelRule() and "value // 256" in PixelRule().words
    assert PixelRule.of({"range": [0, 4095]}) == PixelRule(range=(0, 4095))
    assert PixelRule.of({"percentile": (1, 99)}).words.endswith("1 and 99 percentiles become 0 and 255")
