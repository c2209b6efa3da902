"""What is learnt from drawn errors holds for other errors that are drawn alike."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kpplugins.structures import BadInputError, UncertaintyCalibration
from kpplugins.structures.uncertainty.uncertainty_calibration import ENOUGH, LEVELS, sizes_of

NAMES = ("nose", "ear", "tail")
FACTORS = np.array([0.5, 1.0, 2.0])


def drawn(
    number: int, seed: int, tails: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores, distances, boxes and the true σ: falling with the score, in proportion to the instance."""
    rng = np.random.default_rng(seed)
    scores, sides = rng.uniform(0, 1, (number, 3)), rng.uniform(20, 200, number)
    boxes = np.column_stack([np.zeros((number, 2)), sides, sides])
    sigmas = (0.01 + 0.05 * (1 - scores)) * FACTORS * sides[:, None]
    errors = rng.standard_t(3, (number, 3, 2)) / np.sqrt(3) if tails else rng.normal(size=(number, 3, 2))
    return scores, np.linalg.norm(errors, axis=-1) * sigmas, boxes, sigmas


def fitted(number: int = 150, seed: int = 0, tails: bool = False) -> UncertaintyCalibration:
    scores, distances, boxes, _ = drawn(number, seed, tails)
    found = UncertaintyCalibration.fit(NAMES, scores, distances, sizes_of(boxes))
    assert isinstance(found, UncertaintyCalibration)
    return found


@pytest.mark.parametrize("tails", [False, True])
@pytest.mark.parametrize("number", [60, 400])
def test_as_many_are_within_a_radius_as_it_says(tails: bool, number: int):
    shares = []
    for seed in range(10):
        found = fitted(number, seed, tails)
        scores, distances, boxes, _ = drawn(2000, 100 + seed, tails)
        sigmas = found.sigmas(scores, boxes)
        shares.append([(distances <= found.radius(level) * sigmas).mean() for level in LEVELS])
    assert np.mean(shares, axis=0) == pytest.approx(LEVELS, abs=0.02)
    assert np.abs(np.array(shares) - LEVELS).max() < (0.1 if number == 60 else 0.05)


def test_sigmas_are_standard_deviations_of_each_keypoint():
    found = fitted(2000)
    scores, _, boxes, true = drawn(500, 1)
    sigmas = found.sigmas(scores, boxes)
    assert sigmas.shape == (500, 3) and (sigmas > 0).all()
    assert np.median(sigmas / true, axis=0) == pytest.approx(1, abs=0.1)
    assert np.array(found.factors) / found.factors[1] == pytest.approx(FACTORS, rel=0.15)
    # of a normal distribution in two dimensions: the radius of a share p is sqrt(-2 ln(1 - p)) σ
    expected = [np.sqrt(-2 * np.log(1 - level)) for level in LEVELS]
    assert found.radii == pytest.approx(expected, rel=0.1)


def test_a_surer_keypoint_has_no_larger_sigma():
    found = fitted()
    sigmas = found.sigmas(np.tile(np.linspace(-1, 2, 50)[:, None], (1, 3)), np.tile([0, 0, 10, 10], (50, 1)))
    assert (np.diff(sigmas, axis=0) <= 1e-12).all() and np.isfinite(sigmas).all()


def test_what_has_no_label_or_was_missed_does_not_count():
    scores, distances, boxes, _ = drawn(100, 0)
    distances[::2, 0], boxes = np.nan, boxes.copy()
    boxes[90:] = np.nan
    found = UncertaintyCalibration.fit(NAMES, scores, distances, sizes_of(boxes))
    assert isinstance(found, UncertaintyCalibration)
    assert (found.instances, found.errors) == (90, 90 * 3 - 45)


@pytest.mark.parametrize("number", [20, 25, 40])
def test_what_was_found_may_lie_in_one_part_of_the_rows(number: int):
    scores, distances, boxes, _ = drawn(100, 0)
    distances[number:] = np.nan
    found = UncertaintyCalibration.fit(NAMES, scores, distances, sizes_of(boxes))
    assert isinstance(found, UncertaintyCalibration) and found.instances == number


def test_too_few_errors_are_a_reason():
    scores, distances, boxes, _ = drawn(ENOUGH // 3, 0)
    found = UncertaintyCalibration.fit(NAMES, scores, distances, sizes_of(boxes))
    assert isinstance(found, str) and f"{3 * (ENOUGH // 3)} labelled keypoints of 16 instances" in found
    none = UncertaintyCalibration.fit(NAMES, np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    assert isinstance(none, str)


def test_equal_scores_and_no_error_at_all_are_taken():
    scores, distances = np.ones((100, 3)), np.zeros((100, 3))
    found = UncertaintyCalibration.fit(NAMES, scores, distances, np.full(100, 50.0))
    assert isinstance(found, UncertaintyCalibration)
    assert np.isfinite(found.sigmas(scores, np.tile([0, 0, 50, 50], (100, 1)))).all()
    assert found == UncertaintyCalibration.from_dict(found.to_dict(), NAMES, "here")


def test_it_is_plain_data_and_comes_back():
    found = fitted()
    assert UncertaintyCalibration.from_dict(found.to_dict(), NAMES, "here") == found
    with pytest.raises(BadInputError, match="here: calibration of other keypoints"):
        UncertaintyCalibration.from_dict(found.to_dict(), NAMES[::-1], "here")


@pytest.mark.parametrize(
    "damage",
    [
        {"scores": [1.0]}, {"scores": None}, {"factors": [1.0]}, {"radii": [1.0, 2.0, 3.0, "x"]}, {"errors": "many"},
        {"spreads": "abc"}, {"keypoints": 3},
    ],
)  # fmt: skip
def test_damaged_data_are_named(damage: dict[str, Any]):
    with pytest.raises(BadInputError, match="here: not a calibration of uncertainty"):
        UncertaintyCalibration.from_dict({**fitted().to_dict(), **damage}, NAMES, "here")
    nan = replace(fitted(), spreads=(float("nan"),) * len(fitted().spreads)).to_dict()
    with pytest.raises(BadInputError, match="spreads are not finite"):
        UncertaintyCalibration.from_dict(nan, NAMES, "here")
