import numpy as np
import pytest

from kpplugins.evaluation.metrics.box_metric import BoxMetric
from kpplugins.structures import BadInputError


def sample(boxes: list, scores: list[float], labels: list[int]) -> dict:
    """An image with a cup and a plate, each of 40×40, and what was found in it."""
    truth = [
        {"id": i, "category_id": i, "category": name, "bbox": box, "area": 1600, "iscrowd": 0, "keypoints": [1, 2, 2]}
        for i, name, box in ((1, "cup", [0, 0, 40, 40]), (2, "plate", [50, 0, 40, 40]))
    ]  # fmt: skip
    found = {
        "bboxes": np.array(boxes, float).reshape(-1, 4),
        "scores": np.array(scores),
        "labels": np.array(labels),
    }
    return {
        "img_path": "a.jpg", "img_id": 1, "ori_shape": (60, 100), "raw_ann_info": truth, "pred_instances": found
    }  # fmt: skip


def evaluate(one: dict) -> dict[str, float]:
    metric = BoxMetric()
    metric.dataset_meta = {"classes": ["cup", "plate"]}
    metric.process({}, [one])
    return metric.evaluate(1)


def test_all_found_one_missed_and_one_with_the_wrong_name():
    cup, plate = [0, 0, 40, 40], [50, 0, 90, 40]
    assert evaluate(sample([cup, plate], [0.9, 0.8], [0, 1]))["box/AP"] == pytest.approx(1)
    assert evaluate(sample([cup], [0.9], [0]))["box/AP"] == pytest.approx(0.5)  # the mean of 1 and 0
    numbers = evaluate(
        sample([plate, cup], [0.9, 0.8], [0, 0])
    )  # the second of two cups is right: precision 1/2
    assert numbers["box/AP50"] == pytest.approx(0.25) and numbers["box/AR@1"] == pytest.approx(0)
    assert evaluate(sample([], [], []))["box/AP"] == 0


def test_a_dataset_without_names_of_classes_is_refused():
    metric = BoxMetric()
    metric.dataset_meta = {}
    with pytest.raises(BadInputError, match="does not name its classes"):
        metric.process({}, [sample([], [], [])])
