"""Where a model looks for labels, and which of its predictions is whose; with models that know the answer."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kpplugins.apis.labelling.guesses import evidence_of
from kpplugins.data import PoseRecord
from kpplugins.inference.pose_result import PoseResult
from kpplugins.schema.from_names import infer_schema
from kpplugins.structures import BoxLayout
from kpplugins.structures.model_kind import ONE_STAGE, TOP_DOWN

SCHEMA = infer_schema("bar", ["head", "tail", "side"])
OTHER_WAY = infer_schema("bar", ["side", "head", "tail"])
SHAPE = np.array([[10, 10], [50, 10], [30, 40]], float)
"""Of head, tail and side in a box from 0, 0 to 60, 50."""


class Model:
    """Finds the three keypoints in the middle of each box that it is given, surer in boxes of the right size.

    The side moves with the width of the box.
    """

    def __init__(self, kind: str, found: list[PoseResult] | None = None) -> None:
        layout = BoxLayout.measure(
            SHAPE[None, [2, 0, 1]], np.ones((1, 3), bool), np.array([[0.0, 0, 60, 50]])
        )
        self.model, self.schema = SimpleNamespace(kind=kind, layout=layout), OTHER_WAY
        self.found, self.asked = found, []

    def predict(self, images: list[Path], boxes: list[np.ndarray] | None):
        self.asked.append(boxes)
        return iter(self.found) if boxes is None else (self._in(some) for some in boxes)

    def _in(self, boxes: np.ndarray) -> PoseResult:
        places = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2 + (SHAPE[[2, 0, 1]] - [30, 25])
        places[:, 0, 0] += (boxes[:, 2] - boxes[:, 0] - 60) / 3
        right = np.abs(boxes[:, 2] - boxes[:, 0] - 60) < 1
        return PoseResult(places, np.where(right, 0.9, 0.3)[:, None] * np.ones((1, 3)), boxes, OTHER_WAY)


def record(x: float, y: float, box: tuple[float, ...] | None = None, image: str = "a.png") -> PoseRecord:
    keypoints = np.column_stack([SHAPE + [x, y], [2, 2, 2]])
    corners = np.array(box or (x, y, x + 60, y + 50), float)
    return PoseRecord(Path(image), 400, 300, keypoints, corners, 3000.0, Path("a.json"))


def evidence(model: Model, records: list[PoseRecord]):
    n = len(records)
    return evidence_of(model, records, SCHEMA, np.zeros(n, bool), np.ones((n, 3), bool))


def test_in_the_labelled_box_and_in_the_one_that_the_label_implies():
    """The keypoints come back in the order of the labels, and of two looks the surer one counts."""
    records = [record(20, 30), record(100, 90, (200, 200, 390, 290)), record(20, 30, image="b.png")]
    model = Model(TOP_DOWN)
    found = evidence(model, records)
    assert [len(boxes) for boxes in model.asked[0]] == [6, 2]  # each a second time, larger
    for row, (x, y) in enumerate([(20, 30), (100, 90), (20, 30)]):
        assert found.predicted[row] == pytest.approx(SHAPE + [x, y], abs=0.5)
        assert found.boxes[row] == pytest.approx([x, y, x + 60, y + 50], abs=1)
    assert (found.scores == 0.9).all() and found.found.all()
    assert found.moved == pytest.approx(np.tile([0, 0, 3], (3, 1)), abs=0.5)  # 0.15 of 60, a third of it


def test_a_label_without_a_box_in_the_image_is_not_looked_for():
    lost = replace(
        record(20, 30, (500, 400, 560, 450)), keypoints=np.array([[1, 1, 2], [0, 0, 0], [0, 0, 0.0]])
    )
    found = evidence(Model(TOP_DOWN), [lost, record(20, 30)])
    assert found.found.tolist() == [False, True] and np.isnan(found.residuals[0]).all()


def test_what_a_one_stage_model_finds_is_matched_by_overlap():
    boxes = np.array([[105.0, 90, 165, 140], [22, 30, 82, 80], [300, 200, 360, 250]])
    points = np.array([SHAPE[[2, 0, 1]] + [x, y] for x, y in ((105, 90), (22, 30), (300, 200))])
    result = PoseResult(points, np.full((3, 3), 0.7), boxes, OTHER_WAY, box_scores=np.ones(3))
    model = Model(ONE_STAGE, [result, PoseResult.empty(OTHER_WAY)])
    found = evidence(model, [record(20, 30), record(100, 90), record(200, 30), record(20, 30, image="b.png")])
    assert model.asked == [None]
    assert found.found.tolist() == [True, True, False, False]
    assert found.predicted[0] == pytest.approx(SHAPE + [22, 30])
    assert found.predicted[1] == pytest.approx(SHAPE + [105, 90])
    assert (found.boxes[:2] == boxes[[1, 0]]).all() and np.isnan(found.boxes[2:]).all()
    assert not found.moved.any()
