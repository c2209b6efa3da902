"""MMPose's codec of direct regression, on which DirectFCHead relies: divided and multiplied by the size once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmpose.registry import KEYPOINT_CODECS

import kpplugins.register  # noqa: F401

SIDES = st.integers(32, 512)


def codec(w: int, h: int):
    return KEYPOINT_CODECS.build(dict(type="RegressionLabel", input_size=(w, h)))


FRACTIONS = st.floats(0, 1)


@settings(deadline=None)
@given(
    SIDES,
    SIDES,
    st.lists(st.tuples(FRACTIONS, FRACTIONS), min_size=1, max_size=20),
    st.booleans(),
)
def test_decoding_gives_the_points_back(w: int, h: int, shares: list, sigmas: bool):
    points = np.array(shares, np.float32)[None] * np.array([w - 1, h - 1], np.float32)
    encoded = codec(w, h).encode(points, np.ones(points.shape[:2], np.float32))
    assert (encoded["keypoint_weights"] == 1).all()
    assert encoded["keypoint_labels"].max() < 1
    labels = encoded["keypoint_labels"]
    decoded, scores = codec(w, h).decode(
        np.concatenate([labels, 0.25 + 0 * labels], -1) if sigmas else labels
    )
    assert np.abs(decoded - points).max() <= 1e-4
    assert scores == pytest.approx(0.75 if sigmas else 1)


@pytest.mark.parametrize(
    ("point", "visible", "weight"),
    [
        ((0, 0), 1, 1),
        ((95, 63), 1, 1),  # the centre of the last pixel
        ((95.01, 63), 1, 0),
        ((-0.01, 5), 1, 0),
        ((20, 30), 0, 0),
    ],
)
def test_points_that_are_absent_or_outside_have_no_weight(point: tuple, visible: int, weight: int):
    encoded = codec(96, 64).encode(np.array([[point]], np.float32), np.array([[visible]], np.float32))
    assert encoded["keypoint_weights"].item() == weight
    assert np.isfinite(encoded["keypoint_labels"]).all()
