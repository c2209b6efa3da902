"""The law through a learning curve: what it predicts of curves whose law is known, and parts of a training split."""

import numpy as np
import pytest

from kpplugins.apis.learning.nested_parts import nested_parts
from kpplugins.apis.learning.power_law import PowerLaw
from kpplugins.structures import BadInputError

SAMPLES = np.array([500, 1000, 2000, 4000])


def curve(samples: np.ndarray, b: float, c: float) -> np.ndarray:
    return 3.0 * (samples / 1000) ** -b + c


def test_a_curve_without_noise_is_followed():
    found = PowerLaw.fit(SAMPLES, curve(SAMPLES, 0.5, 1.0)).predict(8000)
    truth = curve(np.array(8000), 0.5, 1.0)
    assert found.error == pytest.approx(truth, rel=0.03)
    assert found.low < truth < found.high and (found.high - found.low) / truth < 0.2


def test_no_curve_is_flat_enough_to_promise_that_labels_harm():
    """Where more labels changed nothing, twice as many change nothing either, within the noise."""
    found = PowerLaw.fit(np.repeat(SAMPLES, 2), 2 + 0.02 * np.array([1, -1, -1, 1, 1, -1, -1, 1])).predict(
        8000
    )
    assert found.low < 2 < found.high and found.error == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(("b", "c", "noise"), [(0.3, 0.0, 0.03), (0.6, 1.5, 0.03), (0.15, 1.0, 0.01)])
def test_the_interval_holds_the_next_training(b: float, c: float, noise: float):
    """Of 60 curves of three sizes, two trainings on each, with a noise of which the fit knows nothing."""
    rng, sizes = np.random.default_rng(0), np.repeat([500, 1000, 2000], 2)
    held = 0
    for seed in range(60):
        errors = curve(sizes, b, c) * rng.normal(1, noise, len(sizes))
        found = PowerLaw.fit(sizes, errors, seed, draws=5000).predict(4000)
        held += found.low <= curve(np.array(4000), b, c) * rng.normal(1, noise) <= found.high
    assert held >= 53


def test_noise_widens_and_the_future_is_less_sure():
    """The same seed gives the same; errors that scatter say less, and so do four times the labels."""
    rng = np.random.default_rng(0)
    sizes = np.repeat(SAMPLES, 3)
    scatter = rng.normal(0, 1, len(sizes))
    calm, loud = (PowerLaw.fit(sizes, curve(sizes, 0.4, 1.0) * (1 + s * scatter)) for s in (0.01, 0.08))
    assert loud.predict(8000).high - loud.predict(8000).low > 2 * (
        calm.predict(8000).high - calm.predict(8000).low
    )
    twice, four = calm.predict(8000), calm.predict(16000)
    assert four.error < twice.error and four.high - four.low > twice.high - twice.low
    again = PowerLaw.fit(sizes, curve(sizes, 0.4, 1.0) * (1 + 0.01 * scatter))
    assert again.predict(8000) == twice
    low, middle, high = calm.parameters["b"]
    assert low < 0.4 < high and low < middle < high


@pytest.mark.parametrize(
    ("sizes", "errors"), [([1, 2, 2], [1, 1, 1]), ([1, 2, 3], [1, 0, 1]), ([1, 2, 3], [1, np.nan, 1])]
)
def test_no_curve_through_too_few_points(sizes: list, errors: list):
    with pytest.raises(
        BadInputError, match="no curve through these errors; expected positive errors at three or more"
    ):
        PowerLaw.fit(np.array(sizes), np.array(errors))


def test_parts_are_nested_and_groups_whole():
    groups = [f"v{i // 5}" for i in range(100)]
    parts = nested_parts(groups, [0.1, 0.25, 0.5, 1.0], seed=3)
    assert [len(part) for part in parts] == [10, 25, 50, 100]
    for smaller, larger in zip(parts, parts[1:], strict=False):
        assert set(smaller) < set(larger)
    for part in parts:
        assert all({i // 5 * 5 + k for k in range(5)} <= set(part) for i in part) and part == sorted(part)
    assert nested_parts(groups, [0.1], seed=4) != nested_parts(groups, [0.1], seed=3)
    with pytest.raises(BadInputError, match="--fractions: too few groups for these fractions.*2 groups of 4"):
        nested_parts(["a", "a", "b", "b"], [0.25, 0.5, 1.0], seed=0)
