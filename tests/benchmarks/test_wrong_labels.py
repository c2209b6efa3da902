"""What is spoiled is what is said to be, and nothing else; and how it is counted."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.spoiled import WAYS, share_found, spoil
from benchmarks.wrong_labels import table
from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.schema.from_names import infer_schema


@pytest.fixture(scope="module")
def good() -> AnnotationSet:
    """A hundred instances, two an image."""
    generator = np.random.default_rng(0)
    records = []
    for i in range(100):
        low = np.array([100.0 * (i % 2), 20])
        keypoints = np.column_stack([low + generator.uniform(10, 80, (4, 2)), [2, 2, 1, 2]])
        box = np.concatenate([low, low + 90])
        records.append(PoseRecord(Path(f"{i // 2}.png"), 200, 150, keypoints, box, 4000.0, Path("a.json")))
    return AnnotationSet(infer_schema("x", ["nose", "left_ear", "right_ear", "tail"]), records)


def test_a_twentieth_is_spoiled_each_in_its_way(good: AnnotationSet):
    bad, told = spoil(good, 0.2, seed=3)
    assert len(told) == 20 and sorted(t.way for t in told) == sorted(WAYS * 4)
    changed = {t.instance: t for t in told}
    for i, (before, after) in enumerate(zip(good.records, bad.records, strict=True)):
        points = (before.keypoints != after.keypoints).any(axis=1)
        way = changed[i].way if i in changed else None
        assert (before.bbox != after.bbox).any() == (way == "box")
        if way in (None, "box"):
            assert not points.any()
        elif way == "keypoint moved":
            k = changed[i].keypoint
            assert points.nonzero()[0].tolist() == [k]
            off = np.linalg.norm(before.keypoints[k, :2] - after.keypoints[k, :2])
            assert off == pytest.approx(90 * changed[i].moved) and 0.02 <= changed[i].moved <= 0.3
        elif way == "sides exchanged":
            assert (after.keypoints == before.keypoints[[0, 2, 1, 3]]).all()
        elif way == "keypoint missing":
            assert points.nonzero()[0].tolist() == [changed[i].keypoint] and after.num_labelled == 3
        else:
            beside = good.records[i ^ 1]
            assert (after.keypoints == beside.keypoints).all()
    again, _ = spoil(good, 0.2, seed=3)
    assert all((a.keypoints == b.keypoints).all() for a, b in zip(again.records, bad.records, strict=True))


def test_precision_and_recall():
    assert share_found([1, 2, 3, 4], [2, 4, 9]) == (0.5, 2 / 3)
    assert share_found([], [2]) == (1.0, 0.0)


def test_the_table_has_a_row_for_the_audit_and_one_for_the_check():
    told = {"named": 5, "precision": 0.8, "recall": 0.8, "ways": dict.fromkeys(WAYS, (1, 1)), "far": (3, 4)}
    row = {"data": "faces", "seed": 1, "instances": 100, "spoiled": 5, **told, "check": {**told, "named": 2}}
    lines = table([row]).splitlines()
    assert len(lines) == 4 and "| audit |" in lines[2] and "3 of 4" in lines[2] and "| check |" in lines[3]
