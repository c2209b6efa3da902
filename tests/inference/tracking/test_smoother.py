"""The one-euro filter against the numbers of its paper's formulas, and what it does to keypoints that tremble."""

from dataclasses import replace

import numpy as np
import pytest

from kpplugins.inference.tracking.one_euro import one_euro_step, smoothing_factor
from kpplugins.inference.tracking.smoother import Smoother


def test_one_step_by_hand():
    """At 1 Hz and 1 / (2π) s, half of the new value counts."""
    elapsed = 1 / (2 * np.pi)
    assert smoothing_factor(np.array(1.0), elapsed) == pytest.approx(0.5)
    value, speed = one_euro_step(
        np.zeros(2), np.zeros(2), np.array([3.0, 4.0]), elapsed, min_cutoff=1.0, beta=0.0, speed_cutoff=1.0
    )
    np.testing.assert_allclose(value, [1.5, 2.0])
    np.testing.assert_allclose(speed, np.array([3.0, 4.0]) * np.pi)  # half of the difference over the time
    faster, _ = one_euro_step(
        np.zeros(2), np.zeros(2), np.array([3.0, 4.0]), elapsed, min_cutoff=1.0, beta=2 / (5 * np.pi), speed_cutoff=1.0
    )  # fmt: skip
    np.testing.assert_allclose(faster, np.array([3.0, 4.0]) * 0.75)  # 3 Hz


def test_what_trembles_is_smoothed_and_what_moves_is_not_left_behind(result_of):
    noise, smooth = np.random.default_rng(0), Smoother()
    errors = {"before": [], "after": []}
    for i in range(300):
        at = (50 + 5 * np.sin(i / 15), 50.0)
        truth = result_of(at)
        raw = replace(truth, keypoints=truth.keypoints + noise.normal(0, 0.4, (1, 2, 2)))
        found = smooth(raw, i / 30)
        for name, result in (("before", raw), ("after", found)):
            errors[name].append(np.linalg.norm(result.keypoints - truth.keypoints, axis=-1).mean())
    before, after = smooth.jitter
    assert before > 1 and after < 0.65 * before
    assert np.mean(errors["after"]) < 0.85 * np.mean(errors["before"])  # nearer to the truth, not only calmer
    assert 0.1 < smooth.moved < 1


def test_each_instance_and_keypoint_is_its_own(result_of):
    """They change places in the list; their boxes or their ids say which is which."""
    for ids in (None, ((3, 8), (8, 3))):
        smooth = Smoother()
        for i in range(20):
            one, other = (10.0, 10.0), (100.0, 50.0)
            result = result_of(one, other) if i % 2 else result_of(other, one)
            if ids is not None:
                result = replace(result, track_ids=np.array(ids[i % 2]))
            np.testing.assert_allclose(smooth(result, i / 30).keypoints, result.keypoints)
        assert smooth.jitter == pytest.approx((0, 0))


def test_unsure_keypoints_stay_and_one_that_comes_back_starts_anew(result_of):
    smooth = Smoother()
    for i in range(30):
        result = result_of((10.0, 10.0))
        scores = result.scores.copy()
        if 10 <= i < 28:
            scores[0, 1] = 0.1
            result.keypoints[0, 1] = 500.0 - i
        found = smooth(replace(result, scores=scores), i / 30)
        np.testing.assert_allclose(found.keypoints, result.keypoints)
    assert smooth.jitter == pytest.approx((0, 0))


def test_nothing_is_kept_of_those_that_are_gone(result_of):
    smooth = Smoother()
    for i in range(500):
        smooth(result_of((30.0 * i, 0.0)), i / 10)
    assert len(smooth._tracks) <= 6
    assert len(smooth(result_of(), 60.0)) == 0 and smooth.moved == 0
