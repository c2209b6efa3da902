"""Numbers of instances that move, cross, are hidden and come back; by the real package."""

import sys

import pytest

from kpplugins.inference.tracking.tracker import KINDS, NO_TRACK, Tracker, require_trackers
from kpplugins.structures import BadInputError


@pytest.mark.parametrize("kind", KINDS)
def test_instances_keep_their_numbers_whatever_their_order(kind: str, result_of):
    pytest.importorskip("trackers", reason="extra 'track' is not installed")
    track = Tracker(kind, fps=25)
    seen = []
    for i in range(30):
        one, other = (10.0 + 2 * i, 10.0), (200.0 - 2 * i, 60.0)
        result = track(result_of(one, other) if i % 2 else result_of(other, one))
        assert result.track_ids is not None and len(result.track_ids) == 2
        right = result.boxes[:, 1] == 60
        seen.append((int(result.track_ids[~right][0]), int(result.track_ids[right][0])))
    assert set(seen[3:]) == {seen[-1]} and sorted(seen[-1]) == [1, 2]
    assert set(seen[:3]) <= {seen[-1], (NO_TRACK, NO_TRACK)}


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_is_hidden_comes_back_and_a_new_one_gets_a_new_number(kind: str, result_of):
    pytest.importorskip("trackers", reason="extra 'track' is not installed")
    track, numbers = Tracker(kind, fps=25), []
    for i in range(40):
        there = [] if 10 <= i < 15 else [(10.0 + i, 10.0)]
        later = [(200.0, 100.0)] if i >= 20 else []
        numbers.append(track(result_of(*there, *later)).track_ids.tolist())
    assert numbers[10] == [] and numbers[5] == [1] and numbers[19] == [1] and numbers[-1] == [1, 2]


def test_one_that_is_too_unsure_begins_no_track(result_of):
    pytest.importorskip("trackers", reason="extra 'track' is not installed")
    track = Tracker(fps=25, least_score=0.5)
    for _ in range(5):
        result = track(result_of((0.0, 0.0), (100.0, 0.0), scores=(0.9, 0.2)))
    assert result.track_ids.tolist() == [1, NO_TRACK]
    assert track(result_of()).track_ids.tolist() == []


def test_what_cannot_be_tracked_with(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(BadInputError, match="unknown tracker; expected bytetrack, ocsort; found 'sort'"):
        require_trackers("sort")
    monkeypatch.setattr("kpplugins.inference.tracking.tracker.find_spec", lambda _: None)
    with pytest.raises(BadInputError, match=r"pip install 'kpplugins\[track\]'") as caught:
        require_trackers("ocsort")
    assert caught.value.status == 3


def test_torch_is_not_needed(root, forks):
    code = "import sys, kpplugins.inference.tracking.tracker, kpplugins.inference.tracking.smoother; "
    code += "sys.exit('torch' in sys.modules)"
    assert sys.executable and forks().run(["-c", code], root).returncode == 0
