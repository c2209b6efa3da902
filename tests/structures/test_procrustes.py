import numpy as np
import pytest

from kpplugins.structures.procrustes import as_shapes, fit

FACE = np.array([[0, 0], [-10, -12], [10, -12], [-7, 12], [7, 12], [0, 15]], float)
"""Nose, eyes, corners of the mouth, chin."""
FLIPS = np.array([0, 2, 1, 4, 3, 5])


def shape(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    has = np.ones((1, len(points)), bool)
    return as_shapes(points[None], has), has


def test_turn_size_and_place_do_not_count_and_mirroring_does():
    turned = (FACE @ [[0, 3], [-3, 0]]) + [100, 7]
    (a, has), (b, _), (c, _) = shape(FACE), shape(turned), shape(FACE * [-1, 1])
    assert fit(a, has, b, has, 3, 0.7).distance[0, 0] == pytest.approx(0, abs=1e-6)
    # mirrored names are the same face again; mirrored places with the same names are not
    assert fit(a, has, c[:, FLIPS], has, 3, 0.7).distance[0, 0] == pytest.approx(0, abs=1e-6)
    assert fit(a, has, c, has, 3, 0.7).distance[0, 0] > 0.5


def test_the_distance_by_hand_and_points_without_a_label():
    # a square against one with a corner moved: z = (1, i, -1, -i), w = (1, i, -1, i); |cross| = |Σ z conj(w) - 0| = 2,
    # Σ|z|² = 4, Σ|w|² - |Σw|²/4 = 4 - 4/4 = 3, so distance² = 1 - 4/12
    square, other = np.array([[1, 1j, -1, -1j]]), np.array([[1, 1j, -1, 1j]])
    has = np.ones((1, 4), bool)
    assert fit(square, has, other, has, 3, 0.7).distance[0, 0] == pytest.approx(np.sqrt(2 / 3))
    assert fit(square, has, other, np.array([[1, 1, 1, 0]], bool), 3, 0.7).distance[0, 0] == pytest.approx(
        0, abs=1e-6
    )
    assert np.isinf(
        fit(square, has, other, np.array([[1, 1, 0, 0]], bool), 2, 0.7).distance[0, 0]
    )  # 2 of 4 are too few


def test_a_fit_turns_and_scales_the_reference_onto_the_shape():
    turned = (FACE @ [[0, 3], [-3, 0]]) + [100, 7]
    has = np.ones((1, 6), bool)
    z, w = (points @ [[1], [1j]] for points in (turned, FACE))
    fits = fit(z.T, has, w.T, has, 3, 0)
    assert np.allclose(fits.turn[0, 0] * (w - fits.there[0, 0]) + fits.here[0, 0], z)
    assert fits.size[0, 0] == pytest.approx(np.sqrt((np.abs(z - z.mean()) ** 2).mean()))


def test_keypoints_at_one_place_fit_nothing():
    has = np.ones((1, 6), bool)
    assert np.isinf(fit(np.full((1, 6), 2 + 1j), has, *shape(FACE), 3, 0).distance).all()
