"""One test run's numbers, against pycocotools and by hand."""

import contextlib
import dataclasses
import io
import json

import numpy as np
import pytest

from kpplugins.evaluation import EvaluationResult
from kpplugins.evaluation.coco_ap import COCO_KEYS, coco_keypoint_numbers, coco_lines
from kpplugins.schema import KeypointSchema

SCHEMA = KeypointSchema("face", ("left_eye", "right_eye", "nose"), sigmas=(0.025, 0.05, 0.1))


def result(noise: float = 6.0, n: int = 40, seed: int = 0) -> EvaluationResult:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 200, (n, 1, 2))
    truth = corner + rng.uniform(0, 1, (n, 3, 2)) * rng.uniform(40, 150, (n, 1, 1))
    boxes = np.concatenate([truth.min(1) - 1, truth.max(1) + 1], axis=1)
    return EvaluationResult(
        schema=SCHEMA,
        images=[f"{i}.jpg" for i in range(n)],
        categories=["object"] * n,
        image_ids=np.arange(1, n + 1),
        sizes=np.full((n, 2), 400),
        truth=truth,
        visibility=np.where(rng.random((n, 3)) > 0.1, 2, 0),
        predicted=truth + rng.normal(0, noise, truth.shape),
        scores=rng.uniform(0.3, 1, (n, 3)),
        box_scores=np.ones(n),
        boxes=boxes,
        areas=np.prod(boxes[:, 2:] - boxes[:, :2], axis=1),
        interocular=("left_eye", "right_eye"),
    )


def by_pycocotools(images, annotations, predictions, sigmas) -> list[float]:
    pycocotools = pytest.importorskip("pycocotools.coco", reason="the oracle pycocotools is not installed")
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = pycocotools.COCO()
        truth.dataset = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "x"}]}
        truth.createIndex()
        evaluator = COCOeval(truth, truth.loadRes(predictions), "keypoints")
        evaluator.params.kpt_oks_sigmas = np.array(sigmas)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator.stats.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_ten_numbers_are_those_of_pycocotools(monkeypatch: pytest.MonkeyPatch, seed: int):
    from kpplugins.evaluation import evaluation_result

    seen: dict = {}

    def spy(images, annotations, predictions, sigmas):
        seen.update(images=images, annotations=annotations, predictions=predictions, sigmas=sigmas)
        return coco_keypoint_numbers(images, annotations, predictions, sigmas)

    monkeypatch.setattr(evaluation_result, "coco_keypoint_numbers", spy)
    numbers = result(noise=0.8 + 0.4 * seed, seed=seed).coco_numbers()
    assert 0.05 < numbers["AP"] < 0.99
    assert list(numbers.values()) == by_pycocotools(**seen)


def test_exact_predictions_are_perfect():
    summary = result(noise=0.0).summary
    assert (summary["AP"], summary["PCK@0.05"]) == pytest.approx((1, 1))
    assert summary["NME"] == summary["EPE"] == 0


def test_with_several_categories_the_numbers_are_their_mean_and_each_stands_by_itself():
    one = result(noise=12.0)
    kinds = ["cat" if i % 3 else "dog" for i in range(40)]
    both = dataclasses.replace(one, categories=kinds)
    parts = both.per_category()
    assert {name: part["instances"] for name, part in parts.items()} == {"cat": 26, "dog": 14}
    assert both.summary["AP"] == pytest.approx((parts["cat"]["AP"] + parts["dog"]["AP"]) / 2)
    # pixel errors are over all points, whatever they belong to
    assert both.summary["EPE"] == pytest.approx(one.summary["EPE"])
    dogs = [i for i in range(40) if i % 3 == 0]
    assert parts["dog"]["EPE"] == pytest.approx(float(np.nanmean(one.distance[dogs])))


def test_summary_has_the_keys_of_metrics_json():
    keys = [*COCO_KEYS, "PCK@0.05", "PCK@0.1", "PCK@0.2", "NME", "EPE", "RMSE"]
    assert list(result().summary) == keys


def test_nme_is_by_the_eyes_or_by_the_area():
    with_eyes = result()
    assert with_eyes.nme_norm[1] == "distance left_eye - right_eye"
    first = np.linalg.norm(with_eyes.truth[0, 0] - with_eyes.truth[0, 1])
    assert with_eyes.nme_norm[0][0] == pytest.approx(first) or not with_eyes.labelled[0, :2].all()
    from dataclasses import replace

    assert replace(with_eyes, interocular=None).nme_norm[1] == "square root of the area"


def test_ap_share_is_what_a_perfect_point_would_give():
    one = result(noise=0.0)
    predicted = one.predicted.copy()
    predicted[:, 0] += 8  # only the first point is wrong
    from dataclasses import replace

    rows = replace(one, predicted=predicted).per_keypoint()
    wrong = replace(one, predicted=predicted).summary["AP"]
    assert rows[0]["AP share"] == pytest.approx(1 - wrong)
    assert [r["AP share"] for r in rows[1:]] == pytest.approx([0, 0])
    assert rows[0]["EPE"] == pytest.approx(np.sqrt(128))


def test_no_prediction_is_zero_not_a_crash():
    assert set(coco_keypoint_numbers([], [], [], []).values()) == {0.0}


def test_the_ten_lines_read_as_cocos():
    lines = coco_lines(dict.fromkeys(COCO_KEYS, 0.5)).splitlines()
    assert len(lines) == 10
    assert lines[0] == " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets= 20 ] = 0.500"
    assert lines[8] == " Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets= 20 ] = 0.500"


def test_every_instance_as_plain_data():
    points = np.array([[[10.0, 20.0], [30.0, 20.0], [0.0, 0.0]]])
    one = dataclasses.replace(
        result(n=1), truth=points, visibility=np.array([[2, 1, 0]]), predicted=points + [3.0, 4.0],
        scores=np.array([[0.9, 0.5, 0.25]]), boxes=np.array([[5.0, 6.0, 35.0, 40.0]]), areas=np.array([500.0]),
    )  # fmt: skip
    (row,) = one.per_instance()
    assert json.loads(json.dumps(row)) == row == {
        "image": "0.jpg", "width": 400, "height": 400, "category": "object",
        "truth": {
            "bbox": [5, 6, 35, 40], "area": 500, "keypoints": [[10, 20, 2], [30, 20, 1], [0, 0, 0]],
        },
        "prediction": {
            "bbox": [5, 6, 35, 40], "score": 1, "keypoints": [[13, 24, 0.9], [33, 24, 0.5], [3, 4, 0.25]],
        },
        "error": [5, 5, None], "mean_error": 5,
    }  # fmt: skip
    nothing = dataclasses.replace(one, visibility=np.zeros((1, 3), int)).per_instance()[0]
    assert nothing["error"] == [None] * 3 and nothing["mean_error"] is None
