"""COCO's numbers of boxes and of keypoints over whole images, computed by hotcoco.

The arrays of all ``Scene``s are concatenated and passed as columns; keypoints, for which hotcoco has no columns, are
passed image by image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hotcoco import COCO, COCOeval, Params, StreamingEval, mask

from kpplugins.evaluation.coco_ap import (
    BOX_LINES,
    COCO_BOX_KEYS,
    KEYPOINT_LINES,
    Line,
    coco_numbers,
)
from kpplugins.evaluation.scene import Scene

_AT_ONCE = 32
"""Images whose keypoints are passed at once: few enough not to trigger Python's garbage collector."""


@dataclass(frozen=True)
class CocoTable:
    """COCO's numbers, by key.

    Attributes:
        numbers: over all classes; -1 where COCO defines none (no instance of that size).
        per_class: the same for each class alone.
    """

    numbers: dict[str, float]
    per_class: list[dict[str, float]]


def coco_boxes(scenes: Sequence[Scene], num_classes: int) -> CocoTable:
    """Compute COCO's twelve box numbers; every annotation counts, crowds as in COCO.

    Args:
        scenes: the images.
        num_classes: number of classes.

    Returns:
        The numbers by ``COCO_BOX_KEYS``.
    """
    if not scenes:
        return _undefined(COCO_BOX_KEYS, num_classes)
    return _table(boxes_evaluator(scenes, num_classes), BOX_LINES, num_classes)


def boxes_evaluator(scenes: Sequence[Scene], num_classes: int) -> COCOeval:
    """Match boxes as COCO does.

    Args:
        scenes: the images, at least one; their ids in the evaluator are their places in the order of their own ids.
        num_classes: number of classes.

    Returns:
        The evaluator, after ``evaluate``.
    """
    scenes = _by_id(scenes)
    images, categories = _ids(len(scenes)), _ids(num_classes)
    truth = COCO.from_arrays(
        images,
        categories,
        _image_of(scenes, "true_classes"),
        _column(scenes, "true_classes"),
        _column(scenes, "true_boxes"),
        area=_column(scenes, "areas"),
        iscrowd=_column(scenes, "crowd"),
    )
    found = np.column_stack(
        [
            _image_of(scenes, "classes"),
            xywh(_column(scenes, "boxes")),
            _column(scenes, "box_scores"),
            _column(scenes, "classes"),
        ]
    )
    evaluator = COCOeval(truth, truth.load_res(found), "bbox")
    evaluator.evaluate()
    return evaluator


def coco_keypoints(scenes: Sequence[Scene], num_classes: int, sigmas: Sequence[float]) -> CocoTable:
    """Compute COCO's ten keypoint numbers; crowds and instances without labelled keypoints are ignored.

    Args:
        scenes: the images; ``scores`` rank the predictions, and the best 20 of each class count.
        num_classes: number of classes.
        sigmas: K OKS sigmas.

    Returns:
        The numbers by ``COCO_KEYS``.
    """
    params = Params("keypoints")
    params.kpt_oks_sigmas = np.asarray(sigmas, float).tolist()
    evaluator = StreamingEval(_ids(num_classes), "keypoints", params=params)
    scenes, count = _by_id(scenes), 0
    for start in range(0, len(scenes), _AT_ONCE):
        part = scenes[start : start + _AT_ONCE]
        true = _true_keypoints(part, start, count + 1)
        images = [{"id": i} for i in range(start, start + len(part))]
        evaluator.update(images, true, _found_keypoints(part, start))
        count += len(true)
    return _table(evaluator.finalize(), KEYPOINT_LINES, num_classes)


def keypoints_evaluator(scenes: Sequence[Scene], num_classes: int, sigmas: Sequence[float]) -> COCOeval:
    """Match keypoints as COCO does, all images at once, so that each match can be asked for.

    Args:
        scenes: the images, at least one; for their ids see ``boxes_evaluator``.
        num_classes: number of classes.
        sigmas: K OKS sigmas.

    Returns:
        The evaluator, after ``evaluate``.
    """
    scenes = _by_id(scenes)
    truth = COCO({
        "images": _ids(len(scenes)), "categories": _ids(num_classes), "annotations": _true_keypoints(scenes, 0, 1),
    })  # fmt: skip
    evaluator = COCOeval(truth, truth.load_res(_found_keypoints(scenes, 0)), "keypoints")
    evaluator.params.kpt_oks_sigmas = np.asarray(sigmas, float).tolist()
    evaluator.evaluate()
    return evaluator


def ranked(classes: np.ndarray, scores: np.ndarray, num_classes: int, most: int) -> list[np.ndarray]:
    """Rank the predictions of each class by descending score; ties keep their order.

    Args:
        classes: (M,) 0-based.
        scores: (M,).
        num_classes: number of classes.
        most: maximum number of predictions per class.

    Returns:
        For each class the indices of its best predictions.
    """
    order = np.argsort(-scores, kind="stable")
    return [order[classes[order] == c][:most] for c in range(num_classes)]


def xywh(boxes: np.ndarray) -> np.ndarray:
    """Convert boxes from corners to corner and size.

    Args:
        boxes: (N, 4) xyxy.

    Returns:
        (N, 4) xywh.
    """
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def box_overlap(found: np.ndarray, true: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """Compute IoU; for a crowd it is the share of the predicted box inside the crowd's.

    Args:
        found: (D, 4) xywh, pixels.
        true: (G, 4) xywh, pixels.
        crowd: (G,) boolean.

    Returns:
        (D, G).
    """
    if not len(found) or not len(true):
        return np.zeros((len(found), len(true)))
    return mask.bbox_iou(found, true, crowd)


def _by_id(scenes: Sequence[Scene]) -> list[Scene]:
    """Sort scenes as COCO does; the order decides between tied scores."""
    return sorted(scenes, key=lambda scene: scene.image_id)


def _ids(count: int) -> list[dict]:
    """Make entries for images or categories, numbered from 0."""
    return [{"id": i, "name": str(i), "width": 0, "height": 0} for i in range(count)]


def _column(scenes: Sequence[Scene], name: str) -> np.ndarray:
    """Concatenate an attribute of all scenes."""
    return np.concatenate([getattr(scene, name) for scene in scenes])


def _image_of(scenes: Sequence[Scene], name: str) -> np.ndarray:
    """Return the index of the scene of each entry of ``_column`` with this name."""
    return np.repeat(np.arange(len(scenes)), [len(getattr(scene, name)) for scene in scenes])


def _true_keypoints(scenes: Sequence[Scene], first_image: int, first_id: int) -> list[dict]:
    """Return COCO's annotations of the images from ``first_image`` on."""
    labelled = _column(scenes, "labelled")
    columns = (
        first_image + _image_of(scenes, "true_classes"), _column(scenes, "true_classes"), _column(scenes, "areas"),
        _column(scenes, "crowd"), labelled.sum(axis=1), _column(scenes, "true_boxes"),
    )  # fmt: skip
    rows = zip(*(c.tolist() for c in columns), _rows(_column(scenes, "truth"), labelled), strict=True)
    return [
        {
            "id": number, "image_id": image, "category_id": category, "area": area, "iscrowd": crowd,
            "num_keypoints": count, "bbox": box, "keypoints": keypoints,
        }
        for number, (image, category, area, crowd, count, box, keypoints) in enumerate(rows, first_id)
    ]  # fmt: skip


def _found_keypoints(scenes: Sequence[Scene], first_image: int) -> list[dict]:
    """Return COCO's results of the images from ``first_image`` on."""
    images = first_image + _image_of(scenes, "classes")
    columns = (images, _column(scenes, "classes"), _column(scenes, "scores"))
    rows = zip(*(c.tolist() for c in columns), _rows(_column(scenes, "points"), True), strict=True)
    return [
        {"image_id": image, "category_id": category, "score": score, "keypoints": keypoints}
        for image, category, score, keypoints in rows
    ]


def _rows(points: np.ndarray, visible: np.ndarray | bool) -> list[memoryview]:
    """Return COCO's 3·K numbers of each instance from points (N, K, 2) and their visibilities (N, K).

    Views of the memory: lists of floats would keep Python's garbage collector busy.
    """
    table = np.empty((*points.shape[:2], 3))
    table[..., :2], table[..., 2] = points, visible
    return [row.data for row in table.reshape(len(points), points.shape[1] * 3)]


def _undefined(keys: Sequence[str], num_classes: int) -> CocoTable:
    """Return the table for no images."""
    return CocoTable(dict.fromkeys(keys, -1.0), [dict.fromkeys(keys, -1.0) for _ in range(num_classes)])


def _table(evaluator: COCOeval, lines: Sequence[Line], num_classes: int) -> CocoTable:
    """Accumulate and read the table."""
    evaluator.accumulate()
    per_class = [coco_numbers(evaluator, lines, slice(c, c + 1)) for c in range(num_classes)]
    return CocoTable(coco_numbers(evaluator, lines), per_class)
