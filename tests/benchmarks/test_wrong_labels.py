"""What is spoiled is what is said to be, and nothing else; and how it is counted."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.spoiled import WAYS, Spoiled, spoil
from benchmarks.wrong_labels import as_precise, counted, table
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


def test_what_was_found_is_counted_by_way_and_summed_over_the_draws():
    told = [Spoiled(4, WAYS[0], 1, 0.2), Spoiled(7, WAYS[0], 0, 0.03), Spoiled(9, WAYS[1])]
    audited, checked = counted([9, 4, 5], told, told[:1]), counted([], told, told[:1])
    assert audited["named"] == 3 and audited["found"] == 2 and audited["far"] == (1, 1)
    assert (
        audited["ways"][WAYS[0]] == (1, 2)
        and audited["ways"][WAYS[1]] == (1, 1)
        and audited["ways"]["box"] == (0, 0)
    )
    row = {"instances": 60, "spoiled": 3, "audit": audited, "check": checked, "far": (1, 1)}
    lines = table({"faces": [row, row]}).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert cells[0][:7] == ["faces: 3 of 60, 2 draws", "audit", "6", "0.67", "0.67", "2 of 4", "2 of 2"]
    assert cells[1][1:5] == ["check", "0", "0.00", "0.00"] and cells[0][-1] == "2 of 2"


def test_a_list_is_read_as_far_as_seven_tenths_are_right():
    assert as_precise([1, 2, 3, 4, 5, 6, 7], {1, 2, 4, 5, 7}) == [1, 2, 3, 4, 5, 6, 7]  # 5 of 7
    assert as_precise([1, 2, 3, 4, 5, 6], {1, 2, 4}) == [1, 2, 3, 4]  # 3 of 4, then 3 of 5
    assert as_precise([9, 8], {1}) == [] == as_precise([], {1})
