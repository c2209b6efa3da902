"""COCO's numbers of boxes and of keypoints over whole images, by hotcoco.

The arrays of all ``Scene``s are put together and go in as columns; keypoints, for which hotcoco has no columns, go in
image by image.
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
"""Images whose keypoints are handed over together: few enough that Python's garbage collector is not woken."""


@dataclass(frozen=True)
class CocoTable:
    """COCO's numbers, by key.

    Attributes:
        numbers: over all classes; -1 where COCO defines none (no object of that size).
        per_class: the same of each class by itself.
    """

    numbers: dict[str, float]
    per_class: list[dict[str, float]]


def coco_boxes(scenes: Sequence[Scene], num_classes: int) -> CocoTable:
    """COCO's twelve numbers of the boxes, by ``COCO_BOX_KEYS``; every annotation is a truth, crowds as in COCO."""
    if not scenes:
        return _undefined(COCO_BOX_KEYS, num_classes)
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
    return _table(evaluator, BOX_LINES, num_classes)


def coco_keypoints(scenes: Sequence[Scene], num_classes: int, sigmas: Sequence[float]) -> CocoTable:
    """COCO's ten numbers of the keypoints, by ``COCO_KEYS``; crowds and truths without points are neither hit nor miss.

    Args:
        scenes: images; ``scores`` rank the predictions, of which the best 20 of a class count.
        num_classes: how many there are.
        sigmas: K OKS sigmas.
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


def ranked(classes: np.ndarray, scores: np.ndarray, num_classes: int, most: int) -> list[np.ndarray]:
    """Indices of each class's best ``most`` of M predictions, from high to low score, tied ones in their order."""
    order = np.argsort(-scores, kind="stable")
    return [order[classes[order] == c][:most] for c in range(num_classes)]


def xywh(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) xywh of (N, 4) xyxy."""
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def box_overlap(found: np.ndarray, true: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """IoU (D, G) of boxes xywh, pixels; with a crowd it is the share of the found box that lies within.

    Args:
        found: (D, 4).
        true: (G, 4).
        crowd: (G,) boolean.
    """
    if not len(found) or not len(true):
        return np.zeros((len(found), len(true)))
    return mask.bbox_iou(found, true, crowd)


def _by_id(scenes: Sequence[Scene]) -> list[Scene]:
    """In the order in which COCO takes images: it decides between tied scores."""
    return sorted(scenes, key=lambda scene: scene.image_id)


def _ids(count: int) -> list[dict]:
    """So many images or categories, numbered from 0."""
    return [{"id": i, "name": str(i), "width": 0, "height": 0} for i in range(count)]


def _column(scenes: Sequence[Scene], name: str) -> np.ndarray:
    """An attribute of all scenes, one after the other."""
    return np.concatenate([getattr(scene, name) for scene in scenes])


def _image_of(scenes: Sequence[Scene], name: str) -> np.ndarray:
    """The place of the scene that each entry of the ``_column`` of this name is of."""
    return np.repeat(np.arange(len(scenes)), [len(getattr(scene, name)) for scene in scenes])


def _true_keypoints(scenes: Sequence[Scene], first_image: int, first_id: int) -> list[dict]:
    """COCO's annotations of the images from ``first_image`` on."""
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
    """COCO's results of the images from ``first_image`` on."""
    images = first_image + _image_of(scenes, "classes")
    columns = (images, _column(scenes, "classes"), _column(scenes, "scores"))
    rows = zip(*(c.tolist() for c in columns), _rows(_column(scenes, "points"), True), strict=True)
    return [
        {"image_id": image, "category_id": category, "score": score, "keypoints": keypoints}
        for image, category, score, keypoints in rows
    ]


def _rows(points: np.ndarray, visible: np.ndarray | bool) -> list[memoryview]:
    """COCO's 3·K numbers of each instance, of points (N, K, 2) and their visibilities (N, K).

    Views of the memory: lists of floats would keep Python's garbage collector busy.
    """
    table = np.empty((*points.shape[:2], 3))
    table[..., :2], table[..., 2] = points, visible
    return [row.data for row in table.reshape(len(points), points.shape[1] * 3)]


def _undefined(keys: Sequence[str], num_classes: int) -> CocoTable:
    """Of no image."""
    return CocoTable(dict.fromkeys(keys, -1.0), [dict.fromkeys(keys, -1.0) for _ in range(num_classes)])


def _table(evaluator: COCOeval, lines: Sequence[Line], num_classes: int) -> CocoTable:
    """Evaluate."""
    evaluator.accumulate()
    per_class = [coco_numbers(evaluator, lines, slice(c, c + 1)) for c in range(num_classes)]
    return CocoTable(coco_numbers(evaluator, lines), per_class)
