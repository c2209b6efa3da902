import numpy as np
import pytest

from kpplugins.evaluation import functional as F

TRUTH = np.array([[[0.0, 0.0], [10.0, 0.0]], [[5.0, 5.0], [0.0, 0.0]]])
PREDICTED = np.array([[[3.0, 4.0], [10.0, 1.0]], [[5.0, 5.0], [50.0, 50.0]]])
LABELLED = np.array([[True, True], [True, False]])


def distance() -> np.ndarray:
    return F.distances(PREDICTED, TRUTH, LABELLED)


def test_distances_by_hand():
    # 3-4-5 triangle; one pixel down; exact; no label
    assert distance()[:1].tolist() == [[5.0, 1.0]]
    assert distance()[1, 0] == 0
    assert np.isnan(distance()[1, 1])


def test_pck_by_hand():
    norm = np.array([20.0, 100.0])
    # at 0.1 the limits are 2 and 10: 5 > 2, 1 ≤ 2, 0 ≤ 10 -> two of three
    assert F.pck(distance(), norm, 0.1) == pytest.approx(2 / 3)
    assert F.pck(distance(), norm, 0.25) == 1  # 5 ≤ 5: the limit itself counts


def test_nme_by_hand_leaves_out_norms_of_nothing():
    # (5 + 1) / 10 over the two points of the first; the second has no norm
    assert F.nme(distance(), np.array([10.0, np.nan])) == pytest.approx((0.5 + 0.1) / 2)
    assert F.nme(distance(), np.array([10.0, 0.0])) == pytest.approx(0.3)


def test_mean_error_by_hand():
    assert F.mean_error(distance()) == pytest.approx(2.0)


def test_rmse_by_hand_is_over_coordinates():
    # squared coordinate errors 9, 16, 0, 1, 0, 0 of three labelled points: mean 26 / 6
    assert F.rmse(distance()) == pytest.approx((26 / 6) ** 0.5)
    assert np.isnan(F.rmse(np.full((1, 2), np.nan)))


def test_nothing_labelled_is_nan_not_zero():
    none = np.full((2, 3), np.nan)
    assert np.isnan([F.pck(none, np.ones(2), 0.1), F.nme(none, np.ones(2)), F.mean_error(none)]).all()
    assert np.isnan(F.oks(none, np.ones(2), np.full(3, 0.05))).all()


def test_oks_by_hand():
    # d = 5 and 1, s² = 100, 2σ = 0.1 and 0.2: exp(-25 / (2·100·0.01)) and exp(-1 / (2·100·0.04))
    value = F.oks(distance(), np.array([100.0, 100.0]), np.array([0.05, 0.1]))
    assert value[0] == pytest.approx((np.exp(-12.5) + np.exp(-0.125)) / 2)
    assert value[1] == 1.0  # only the exact point is labelled


def test_point_distance_needs_both_labels():
    assert F.point_distance(TRUTH, LABELLED, 0, 1)[0] == 10
    assert np.isnan(F.point_distance(TRUTH, LABELLED, 0, 1)[1])


def test_the_pck_curve_by_hand():
    """Distances 1, 2 of a box of 10, 3 of one of 20; one point has no label: ratios 0.1, 0.2, 0.15."""
    distance, norm = np.array([[1.0, 2.0], [3.0, np.nan]]), np.array([10.0, 20.0])
    curve = F.pck_curve(distance, norm, [0, 0.1, 0.15, 0.19, 0.2])
    assert curve == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3, 1])
    assert np.isnan(F.pck_curve(np.full((1, 2), np.nan), norm[:1], [0.1])).all()
