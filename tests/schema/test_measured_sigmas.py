import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpplugins.evaluation.functional import oks
from kpplugins.schema import KeypointSchema
from kpplugins.schema.measured_sigmas import MIN_REPEATS, measured_sigmas, with_measured_sigmas
from kpplugins.structures import BadInputError


def simulated(sigmas: list[float], n: int, m: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """n things annotated m times with Euclidean errors of E[d²] = σ²·area: σ·√(area / 2) along each axis."""
    generator = np.random.default_rng(seed)
    area = generator.uniform(100, 90000, n)
    spread = np.array(sigmas) * np.sqrt(area / 2)[:, None]
    truth = generator.uniform(0, 500, (n, 1, len(sigmas), 2))
    places = truth + generator.normal(size=(n, m, len(sigmas), 2)) * spread[:, None, :, None]
    return np.concatenate([places, np.full((*places.shape[:3], 1), 2.0)], -1), area


def test_by_hand():
    # two annotations 6 px apart: Σ|x - x̄|² = 9 + 9 = 18; area 1800, one repeat: σ² = 0.01
    one = np.array([[[[10.0, 20, 2]], [[16, 20, 2]]]])
    annotations = np.repeat(one, MIN_REPEATS, axis=0)
    sigmas, repeats = measured_sigmas(annotations, np.full(MIN_REPEATS, 1800.0))
    assert sigmas == pytest.approx([0.1]) and repeats.tolist() == [MIN_REPEATS]


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 5), st.integers(0, 99))
def test_known_sigmas_come_back_unbiased(m: int, seed: int):
    known = [0.025, 0.107]
    found, repeats = measured_sigmas(*simulated(known, 4000, m, seed))
    assert found == pytest.approx(known, rel=5 / (2 * np.sqrt(4000 * (m - 1))))  # five standard errors
    assert repeats.tolist() == [4000 * (m - 1)] * 2


def test_the_convention_is_that_of_oks():
    annotations, area = simulated([0.06], 20000, 2)
    sigma = measured_sigmas(annotations, area)[0]
    # against the truth E[d²]/s² = σ², so that OKS = exp(-d² / (8 σ² s²)) averages 1 / (1 + 1/8) = 8/9
    generator = np.random.default_rng(5)
    errors = generator.normal(size=(20000, 2)) * (0.06 * np.sqrt(area / 2))[:, None]
    distance = np.linalg.norm(errors, axis=1)[:, None]
    assert (distance[:, 0] ** 2 / area).mean() == pytest.approx(sigma[0] ** 2, rel=0.05)
    assert oks(distance, area, sigma).mean() == pytest.approx(8 / 9, abs=0.005)


def test_different_numbers_of_annotations_mix():
    annotations, area = simulated([0.05], 6000, 4)
    annotations[::2, 2:, :, 2] = 0  # every second thing only twice
    annotations[::2, 2:, :, :2] = 1e6  # what is absent may hold anything
    sigmas, repeats = measured_sigmas(annotations, area)
    assert sigmas == pytest.approx([0.05], rel=0.03)
    assert repeats.tolist() == [3000 * 1 + 3000 * 3]


def test_too_few_or_equal_repeats_give_nothing():
    annotations, area = simulated([0.05, 0.05], 40, 2)
    annotations[29:, 1, 1, 2] = 0
    annotations[:, 1, 0] = annotations[:, 0, 0]
    sigmas, repeats = measured_sigmas(annotations, area)
    assert np.isnan(sigmas).all() and repeats.tolist() == [40, 29]


def test_the_schema_says_what_was_measured():
    schema = KeypointSchema("x", ("eye", "tail"))
    annotations, area = simulated([0.02, 0.1], 50, 2)
    measured, warnings = with_measured_sigmas(schema, annotations, area)
    assert measured.sigmas == pytest.approx((0.02, 0.1), rel=0.3) and warnings == []
    assert measured.sigmas_source == "measured from 100 repeated annotations of 50 instances"
    annotations[10:, 1, 1, 2] = 0
    partly, warnings = with_measured_sigmas(schema, annotations, area)
    assert partly.sigmas[1] == 0.05 and partly.sigmas_source.endswith("; not measured: tail")
    assert warnings == ["sigmas kept (30 repeats are needed): tail 0.05 (10 repeats)"]
    few = with_measured_sigmas(schema, annotations[:5], area[:5])
    assert few == (schema, ["sigmas not measured: at most 5 repeats of a keypoint, 30 are needed"])
    assert with_measured_sigmas(schema, np.zeros((0, 2, 2, 3)), np.zeros(0)) == (schema, [])
    annotations[:, 1] = annotations[:, 0]
    assert "copies of one another" in with_measured_sigmas(schema, annotations, area)[1][0]


@pytest.mark.parametrize(
    ("shape", "area", "words"),
    [
        ((3, 2, 4), np.ones(3), "wrong shape"),
        ((3, 2, 4, 3), np.ones(2), "wrong shape"),
        ((1, 2, 4, 3), np.zeros(1), "areas must be positive.*0"),
    ],
)
def test_faults(shape: tuple, area: np.ndarray, words: str):
    with pytest.raises(BadInputError, match=words):
        measured_sigmas(np.ones(shape), area)
