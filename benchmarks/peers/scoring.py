"""The numbers of one peer's predictions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.task import Task
from kpplugins.evaluation import EvaluationResult
from kpplugins.evaluation.detection_result import DetectionResult
from kpplugins.evaluation.evaluation_result import PCK_THRESHOLDS
from kpplugins.evaluation.scene import Scene

_COUNTED = ("AP", "AP50", "RMSE", "EPE")


def scored(task: Task, rows: Sequence[Mapping[str, Any]], given: bool) -> dict[str, float]:
    """Score predictions with the project's own evaluator, whoever made them.

    Args:
        task: the data.
        rows: from ``read_results``; with ``given``, one for each of the task's ``truths`` in their order.
        given: the method was given the boxes.

    Returns:
        ``AP``, ``AP50``, ``RMSE`` and ``EPE`` of the keypoints, the last two in pixels over the instances that were
        found; ``PCK@t`` over all labelled keypoints, those of missed instances counted as wrong; ``instances``,
        ``missed``, and of a method that finds boxes ``box/AP``.
    """
    result = result_of(task, rows, given)
    missed = int(result.missed.sum()) if isinstance(result, DetectionResult) else 0
    numbers = {key: float(result.summary[key]) for key in _COUNTED}
    within = np.where(result.labelled, result.distance / result.box_side[:, None], 0)
    for threshold in PCK_THRESHOLDS:
        right = result.labelled & (within <= threshold) & ~np.isnan(result.distance)
        numbers[f"PCK@{threshold:g}"] = float(right.sum() / result.labelled.sum())
    if not given and any("bbox" in row for row in rows):
        numbers["box/AP"] = float(result.summary["box/AP"])
    return {**numbers, "instances": float(len(result.images)), "missed": float(missed)}


def result_of(task: Task, rows: Sequence[Mapping[str, Any]], given: bool) -> EvaluationResult:
    """Pair predictions with the truth, as this project's metrics do.

    Args:
        task: the data.
        rows: see ``scored``.
        given: see ``scored``.

    Returns:
        A ``DetectionResult`` where the method finds the instances.
    """
    return _given(task, rows) if given else _found(task, rows)


def _given(task: Task, rows: Sequence[Mapping[str, Any]]) -> EvaluationResult:
    truths, schema = task.truths(), task.schema
    images = {image["id"]: image for image in task.content("test")["images"]}
    names = {category["id"]: category["name"] for category in task.content("test")["categories"]}
    points = np.array([t["keypoints"] for t in truths], float).reshape(-1, schema.num_keypoints, 3)
    found = np.array([row["keypoints"] for row in rows], float).reshape(points.shape)
    of = [images[t["image_id"]] for t in truths]
    return EvaluationResult(
        schema=schema,
        images=[str(task.folder / "images" / image["file_name"]) for image in of],
        categories=[names[t["category_id"]] for t in truths],
        image_ids=np.array([image["id"] for image in of]),
        sizes=np.array([[image["width"], image["height"]] for image in of]),
        truth=points[:, :, :2],
        visibility=points[:, :, 2].astype(int),
        predicted=found[:, :, :2],
        scores=found[:, :, 2],
        box_scores=np.array([row["score"] for row in rows], float),
        boxes=_xyxy([t["bbox"] for t in truths]),
        areas=np.array([t["area"] for t in truths], float),
        interocular=None,
    )


def _found(task: Task, rows: Sequence[Mapping[str, Any]]) -> DetectionResult:
    schema, content = task.schema, task.content("test")
    classes = task.classes
    names = {category["id"]: category["name"] for category in content["categories"]}
    scenes = []
    for image in content["images"]:
        true = [a for a in content["annotations"] if a["image_id"] == image["id"]]
        found = with_boxes([row for row in rows if row["image_id"] == image["id"]], true)
        points = np.array([row["keypoints"] for row in found], float).reshape(-1, schema.num_keypoints, 3)
        sample = {
            "img_id": image["id"],
            "img_path": str(task.folder / "images" / Path(image["file_name"])),
            "ori_shape": (image["height"], image["width"]),
            "raw_ann_info": [{**a, "category": names[a["category_id"]]} for a in true],
            "pred_instances": {
                "bboxes": _xyxy([row["bbox"] for row in found]),
                "bbox_scores": np.array([row["score"] for row in found], float),
                "labels": np.array([classes.index(names[row["category_id"]]) for row in found], int),
                "keypoints": points[:, :, :2],
                "keypoint_scores": points[:, :, 2],
            },
        }
        scenes.append(Scene.from_sample(sample, classes, schema.num_keypoints))
    return DetectionResult.of(scenes, classes, schema, None)


def with_boxes(
    rows: Sequence[Mapping[str, Any]], true: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Give the predictions of a method that finds no boxes those by which they are paired.

    The best-scored first, each takes the box of the true instance of its category that is nearest by the mean distance
    of the labelled keypoints, however far, and not taken; one that is left over has its first keypoint as its box.

    Args:
        rows: predictions of an image.
        true: its annotations.

    Returns:
        The predictions in their order; those that have boxes as they are.
    """
    boxes: dict[int, list[float]] = {}
    free = [a for a in true if a["num_keypoints"] and not a["iscrowd"]]
    for i in sorted(range(len(rows)), key=lambda i: -rows[i]["score"]):
        near = [a for a in free if a["category_id"] == rows[i]["category_id"]]
        if not near:
            boxes[i] = [*rows[i]["keypoints"][:2], 0.0, 0.0]
            continue
        nearest = min(near, key=lambda a: _mean_distance(rows[i]["keypoints"], a["keypoints"]))
        boxes[i] = nearest["bbox"]
        free.remove(nearest)
    return [row if "bbox" in row else {**row, "bbox": boxes[i]} for i, row in enumerate(rows)]


def _mean_distance(found: Sequence[float], true: Sequence[float]) -> float:
    points, truth = (np.array(values, float).reshape(-1, 3) for values in (found, true))
    known = truth[:, 2] > 0
    return float(np.linalg.norm(points[known, :2] - truth[known, :2], axis=1).mean())


def _xyxy(boxes: Sequence[Sequence[float]]) -> np.ndarray:
    array = np.array(boxes, float).reshape(-1, 4)
    return np.concatenate([array[:, :2], array[:, :2] + array[:, 2:]], axis=1)
