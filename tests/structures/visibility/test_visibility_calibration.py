"""Curves from scores to probabilities, and what they say of keypoints."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpplugins.structures import BadInputError, VisibilityCalibration
from kpplugins.structures.visibility.keypoint_curves import ENOUGH, KeypointCurves
from kpplugins.structures.visibility.score_curve import ScoreCurve
from kpplugins.structures.visibility.visibility_calibration import OF_HEAD

NAMES = ("ear", "tail")
scores_and_truth = st.lists(
    st.tuples(st.floats(-1e6, 1e6, width=32), st.booleans()), min_size=1, max_size=60
).filter(lambda rows: any(yes for _, yes in rows))


def test_the_curve_is_the_share_of_hits_where_it_ascends_and_the_mean_where_it_does_not():
    # 0.1 no, then 0.2 yes and 0.3 no, which do not ascend and become 1 of 2, then 0.9 yes
    curve = ScoreCurve.fit(np.array([0.3, 0.1, 0.2, 0.9]), np.array([False, False, True, True]))
    assert curve.scores == (0.1, 0.2, 0.3, 0.9)
    assert curve.probabilities == pytest.approx((1 / 6, 0.5, 0.5, 5 / 6))  # 0 and 1 become 1/(4+2) and 5/6
    assert (curve.yes, curve.no) == (2, 2)
    # F1 of calling the highest 1, 3, 4 visible: 2/(1+2), 4/(3+2), 4/(4+2); half of the best is the threshold
    assert curve.threshold == pytest.approx(0.4)
    assert curve.at(np.array([-5.0, 0.15, 0.6, 7.0])) == pytest.approx([1 / 6, 1 / 3, 2 / 3, 5 / 6])


def test_equal_scores_have_one_probability():
    curve = ScoreCurve.fit(np.array([1.0, 1, 1, 2, 2, 2]), np.array([0, 0, 1, 1, 1, 0], bool))
    assert curve.scores == (1.0, 2.0)
    assert curve.probabilities == pytest.approx((1 / 3, 2 / 3))


@settings(max_examples=200, deadline=None)
@given(scores_and_truth, st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20))
def test_a_curve_is_monotone_within_0_and_1_and_json_keeps_it(rows, asked):
    scores, truth = (np.array(column) for column in zip(*rows, strict=True))
    curve = ScoreCurve.fit(scores, truth)
    p = curve.at(np.sort(asked))
    assert (np.diff(p) >= -1e-12).all() and (p > 0).all() and (p < 1).all()
    assert 0 < curve.threshold <= 0.5
    assert ScoreCurve.from_dict(json.loads(json.dumps(curve.to_dict()))) == curve


@settings(max_examples=100, deadline=None)
@given(scores_and_truth)
def test_the_curve_is_scipys_isotonic_regression(rows):
    optimize = pytest.importorskip("scipy.optimize")
    scores, truth = (np.array(column) for column in zip(*rows, strict=True))
    unique, where, counts = np.unique(scores, return_inverse=True, return_counts=True)
    means = np.bincount(where, truth) / counts
    expected = optimize.isotonic_regression(means, weights=counts).x
    margin = 1 / (len(scores) + 2)
    assert ScoreCurve.fit(scores, truth).at(unique) == pytest.approx(
        np.clip(expected, margin, 1 - margin), abs=1e-9
    )


@settings(max_examples=50, deadline=None)
@given(scores_and_truth)
def test_above_the_threshold_f1_is_the_best_of_all_thresholds(rows):
    scores, truth = (np.array(column) for column in zip(*rows, strict=True))
    curve = ScoreCurve.fit(scores, truth)

    def f1(yes: np.ndarray) -> float:
        return 2 * (yes & truth).sum() / (yes.sum() + truth.sum())

    best = max(f1(scores >= s) for s in scores)
    p = replace(curve, probabilities=_plain(curve, len(scores))).at(scores)
    assert f1(p >= curve.threshold - 1e-12) == pytest.approx(best)


def _plain(curve: ScoreCurve, n: int) -> tuple[float, ...]:
    """Undo the rule of succession at both ends."""
    ends = {1 / (n + 2): 0.0, 1 - 1 / (n + 2): 1.0}
    return tuple(
        next((e for p, e in ends.items() if abs(value - p) < 1e-12), value) for value in curve.probabilities
    )


def instances(n: int, occluded: bool, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that rise with visibility; keypoint 1 is absent in three instances only."""
    rng = np.random.default_rng(seed)
    visibility = rng.choice([0, 1, 2] if occluded else [0, 2], size=(n, 2))
    visibility[:, 1] = 2
    visibility[:3, 1] = 0
    return rng.normal(visibility, 1.0), visibility, np.ones((n, 2), bool)


def test_a_keypoint_with_few_labels_shares_the_curve_of_all():
    scores, visibility, known = instances(200, occluded=False)
    found = VisibilityCalibration.fit(NAMES, scores, visibility, known)
    ear, tail = found.seen.curves
    assert found.seen.shared == (False, True) and "1 of 2 keypoints" in found.words
    assert min(ear.yes, ear.no) >= ENOUGH and (tail.yes, tail.no) == (197, 3)
    together = ScoreCurve.fit(scores[known], visibility[known] == 2)
    assert tail.scores == together.scores
    # the tail is visible more often than all keypoints together, and so at every score
    assert all(a > b for a, b in zip(tail.probabilities, together.probabilities, strict=True))
    assert found.probabilities(scores)[:, 1].mean() == pytest.approx(197 / 200, abs=0.03)


def test_the_odds_of_a_shared_curve_follow_the_share():
    curve = ScoreCurve((0.0, 1.0), (0.2, 0.8), 0.4, yes=50, no=50)
    # 30 of 40 are true, and half of 20 more are assumed to be: 40 of 60, odds of 2 instead of 1
    truth = np.arange(40) < 30
    found = curve.for_share(np.r_[np.ones(30), np.zeros(10)], truth, 20)
    assert found.probabilities == pytest.approx((0.5 / 1.5, 8 / 9))  # odds of 1/4 and 4 become 1/2 and 8
    assert (found.yes, found.no) == (30, 10)
    # expected: all 40 are called true, of which 30 * 8/9 + 10 * 1/3 = 30 will be; or the first 30
    assert found.threshold == pytest.approx(max(2 * 30 / (40 + 30), 2 * (30 * 8 / 9) / (30 + 30)) / 2)
    assert curve.for_share(np.zeros(0), np.zeros(0, bool), 20).probabilities == pytest.approx((0.2, 0.8))


def test_probabilities_and_answers_of_visible_occluded_and_absent_keypoints():
    scores, visibility, known = instances(3000, occluded=True)
    found = VisibilityCalibration.fit(NAMES, scores, visibility, known)
    asked = np.linspace(-6, 8, 60)[:, None].repeat(2, axis=1)
    p, states = found.probabilities(asked), found.states(asked)
    assert (np.diff(p, axis=0) >= 0).all() and (np.diff(states, axis=0) >= 0).all()
    assert set(states[:, 0]) == {0, 1, 2}
    assert ((states == 2) == (p >= found.thresholds)).all()
    assert (found.there.at(asked)[:, 0] >= p[:, 0] - 1e-9).all()  # to be visible a keypoint must be there
    for low, high in ((-1.0, 0.5), (0.5, 1.5), (1.5, 3.0)):
        some = (scores[:, 0] > low) & (scores[:, 0] <= high)
        assert found.probabilities(scores)[some, 0].mean() == pytest.approx(
            (visibility[some, 0] == 2).mean(), abs=0.05
        )


def test_what_is_not_visible_is_what_the_labels_know():
    scores, visibility, known = instances(300, occluded=False)
    assert set(VisibilityCalibration.fit(NAMES, scores, visibility, known).states(scores).ravel()) == {0, 2}
    hidden = np.where(visibility == 0, 1, visibility)  # nothing is absent
    found = VisibilityCalibration.fit(NAMES, scores, hidden, known)
    assert found.there is None and set(found.states(scores).ravel()) == {1, 2}


def test_without_anything_absent_nothing_is_learnt_and_the_reason_is_said():
    scores, visibility, known = instances(300, occluded=False)
    everything = VisibilityCalibration.fit(NAMES, scores, np.full_like(visibility, 2), known)
    assert everything.startswith(
        "no visibility is predicted: of 600 keypoints 0 are absent, 0 occluded and 600 visible"
    )
    unlabelled = VisibilityCalibration.fit(NAMES, scores, visibility, visibility > 0)
    assert f"{(visibility == 0).sum()} without a label may be either" in unlabelled


def test_unknown_keypoints_do_not_count():
    scores, visibility, known = instances(300, occluded=False)
    first = VisibilityCalibration.fit(NAMES, scores, visibility, known)
    more = (
        np.concatenate([scores, np.full((50, 2), 9.0)]),
        np.concatenate([visibility, np.zeros((50, 2), int)]),
    )
    assert VisibilityCalibration.fit(NAMES, *more, np.concatenate([known, np.zeros((50, 2), bool)])) == first


def test_json_keeps_a_calibration(tmp_path):
    for occluded in (False, True):
        found = VisibilityCalibration.fit(NAMES, *instances(300, occluded), of=OF_HEAD)
        named = replace(found, checkpoint="best.pth")
        named.save(tmp_path / "visibility.json")
        raw = json.loads((tmp_path / "visibility.json").read_text())
        assert VisibilityCalibration.from_dict(raw, NAMES, "here") == named


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.pop("seen"),
        lambda raw: raw["seen"]["curves"].pop(),
        lambda raw: [raw["seen"][key].pop() for key in ("curves", "shared")],
        lambda raw: raw["seen"]["curves"][0]["probabilities"].reverse(),
        lambda raw: raw["seen"]["curves"][0]["scores"].append(9.0),
        lambda raw: raw["seen"]["curves"][0].update(threshold=float("nan")),
        lambda raw: raw.update(of="dice"),
        lambda raw: raw.update(absent="many"),
        lambda raw: raw.update(keypoints=["ear", "nose"]),
    ],
)
def test_a_damaged_calibration_is_one_line(change):
    raw = VisibilityCalibration.fit(NAMES, *instances(300, True)).to_dict()
    change(raw)
    with pytest.raises(BadInputError, match="here: .*calibration of"):
        VisibilityCalibration.from_dict(raw, NAMES, "here")


def test_curves_of_no_instances_are_empty():
    scores, visibility, known = instances(300, False)
    curves = KeypointCurves.fit(scores, visibility == 2, known)
    assert curves.at(np.zeros((0, 2))).shape == (0, 2)
