"""The metric as MMEngine calls it."""

import logging

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import METRICS
from mmpose.structures import PoseDataSample

import kpplugins.register  # noqa: F401
from kpplugins.evaluation import BoxKeypointMetric
from kpplugins.evaluation.coco_ap import COCO_BOX_KEYS, COCO_KEYS
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

SCHEMA = KeypointSchema(
    "face", ("left_eye", "right_eye"), flip_pairs=(("left_eye", "right_eye"),), sigmas=(0.05, 0.1)
)


def meta(**changes) -> dict:
    return {**parse_pose_metainfo(SCHEMA.to_metainfo()), "classes": ["cat", "dog"], **changes}


def image(number: int, shift: float = 0.0, **changes) -> PoseDataSample:
    """A cat found ``shift`` pixels off, at 40×40 pixels."""
    points = np.array([[[10.0, 10], [30, 10]]])
    annotation = {
        "id": number,
        "image_id": number,
        "category_id": 1,
        "category": "cat",
        "iscrowd": 0,
        "area": 1600.0,
    }
    annotation |= {"bbox": [0, 0, 40, 40], "keypoints": [10, 10, 2, 30, 10, 2], "num_keypoints": 2}
    found = InstanceData(
        bboxes=np.array([[0.0, 0, 40, 40]]), bbox_scores=np.array([0.9]), labels=np.array([0]),
        keypoints=points + shift, keypoint_scores=np.full((1, 2), 0.5),
    )  # fmt: skip
    about = {
        "raw_ann_info": [annotation],
        "img_id": number,
        "img_path": f"{number}.jpg",
        "ori_shape": (80, 100),
    }
    return PoseDataSample(metainfo={**about, **changes}, pred_instances=found)


def evaluate(samples: list, size: int | None = None, dataset_meta: dict | None = None, **settings) -> tuple:
    metric = METRICS.build({"type": "BoxKeypointMetric", **settings})
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = meta() if dataset_meta is None else dataset_meta
    for sample in samples:
        evaluator.process(data_samples=[sample], data_batch=None)
    return evaluator.evaluate(len(samples) if size is None else size), metric


def test_the_keys_and_the_numbers():
    numbers, metric = evaluate([image(1), image(2)])
    assert list(numbers)[:22] == [*COCO_KEYS, *(f"box/{key}" for key in COCO_BOX_KEYS)]
    assert list(numbers)[22:] == ["PCK@0.05", "PCK@0.1", "PCK@0.2", "NME", "EPE", "RMSE", "matched", "missed"]
    assert (numbers["AP"], numbers["box/AP"]) == pytest.approx((1, 1)) and numbers["EPE"] == 0
    assert (numbers["matched"], numbers["missed"]) == (2, 0)
    assert metric.result.images == ["1.jpg", "2.jpg"]
    assert metric.result.nme_norm[1] == "distance left_eye - right_eye"
    assert metric.result.schema.sigmas == SCHEMA.sigmas


def test_ap_means_the_keypoints():
    numbers, _ = evaluate([image(1, shift=15)])
    assert (numbers["AP"], numbers["box/AP"]) == pytest.approx((0, 1))


def test_a_prefix_and_the_score_of_the_keypoints():
    numbers, metric = evaluate([image(1)], prefix="val", keypoint_score="box_times_points")
    assert numbers["val/AP"] == pytest.approx(1) and "val/box/AP" in numbers
    assert metric.result.scenes[0].scores == pytest.approx([0.45])


def test_images_that_only_fill_the_last_batch_do_not_count():
    _, metric = evaluate([image(1), image(2), image(1)], size=2)
    assert len(metric.result.scenes) == 2


def test_nme_by_points_that_are_named():
    with pytest.raises(BadInputError, match="unknown keypoint 'tail'"):
        evaluate([image(1)], nme_keypoints=("left_eye", "tail"))


def test_the_log_reads_as_cocos(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    from kpplugins.evaluation.metrics import box_keypoint_metric

    logger = logging.getLogger("test_box_keypoint_metric")
    monkeypatch.setattr(box_keypoint_metric.MMLogger, "get_current_instance", lambda: logger)
    with caplog.at_level(logging.INFO, logger.name):
        evaluate([image(1)])
        several = caplog.text
        caplog.clear()
        evaluate([image(1)], dataset_meta=meta(classes=["cat"]))
    for text in (several, caplog.text):
        assert (
            text.count(" Average Precision  (AP) @[") == 11
            and text.count(" Average Recall     (AR) @[") == 11
        )
        assert "left_eye 0.05, right_eye 0.1" in text and "1 found, 0 missed" in text
    cat, dog = (
        next(line for line in several.splitlines() if line.startswith(f" {n} ")) for n in ("cat", "dog")
    )
    assert cat.split() == ["cat", *["1.000"] * 6] and dog.split() == ["dog", *["-"] * 6]
    assert "\n cat" not in caplog.text


def test_what_is_wrong_is_said():
    with pytest.raises(BadInputError, match="unknown `keypoint_score`.*expected box or box_times_points"):
        BoxKeypointMetric(keypoint_score="points")
    without = meta()
    del without["classes"]
    with pytest.raises(BadInputError, match='does not name its classes.*data_mode="bottomup"'):
        evaluate([image(1)], dataset_meta=without)
    with pytest.raises(BadInputError, match='1.jpg: .*data_mode="bottomup"'):
        evaluate([image(1, raw_ann_info={"id": 1})])
    with pytest.raises(BadInputError, match="1.jpg: predicted `keypoints` that are not finite"):
        evaluate([image(1, shift=np.nan)])
