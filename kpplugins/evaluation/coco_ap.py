"""COCO's ten keypoint numbers, by hotcoco, and the names of those of boxes."""

from collections.abc import Mapping, Sequence

import numpy as np
from hotcoco import COCO, COCOeval

Line = tuple[str, str, str, int]
"""The definition of a number: key, IoU (or OKS) thresholds, size of the instances, maximum predictions per image."""

COCO_KEYS = ("AP", "AP50", "AP75", "AP(M)", "AP(L)", "AR", "AR50", "AR75", "AR(M)", "AR(L)")
"""Names of the ten keypoint numbers, in COCO's order."""

COCO_BOX_KEYS = (
    "AP", "AP50", "AP75", "AP(S)", "AP(M)", "AP(L)", "AR@1", "AR@10", "AR@100", "AR(S)", "AR(M)", "AR(L)",
)  # fmt: skip
"""Names of the twelve box numbers, in COCO's order."""

_ALL = "0.50:0.95"

KEYPOINT_LINES = tuple(
    (key, iou, area, 20)
    for key, (iou, area) in zip(
        COCO_KEYS,
        2 * ((_ALL, "all"), ("0.50", "all"), ("0.75", "all"), (_ALL, "medium"), (_ALL, "large")),
        strict=True,
    )
)
"""The definitions of the ten numbers."""

BOX_LINES = tuple(
    (key, iou, area, most)
    for key, (iou, area, most) in zip(
        COCO_BOX_KEYS,
        (
            (_ALL, "all", 100), ("0.50", "all", 100), ("0.75", "all", 100),
            (_ALL, "small", 100), (_ALL, "medium", 100), (_ALL, "large", 100),
            (_ALL, "all", 1), (_ALL, "all", 10), (_ALL, "all", 100),
            (_ALL, "small", 100), (_ALL, "medium", 100), (_ALL, "large", 100),
        ),
        strict=True,
    )
)  # fmt: skip
"""The definitions of the twelve numbers of boxes."""

_KINDS = {"AP": "Average Precision  (AP)", "AR": "Average Recall     (AR)"}


def coco_keypoint_numbers(
    images: Sequence[dict], annotations: Sequence[dict], predictions: Sequence[dict], sigmas: Sequence[float]
) -> dict[str, float]:
    """Compute AP and AR over OKS thresholds 0.50:0.05:0.95, at most 20 predictions per image, as COCO defines them.

    Args:
        images: COCO image entries (``id``, ``width``, ``height``).
        annotations: COCO annotation entries with ``keypoints`` of 3·K numbers, ``bbox`` xywh, ``area``, ``iscrowd``.
        predictions: COCO result entries: ``image_id``, ``category_id``, ``keypoints``, ``score``.
        sigmas: K OKS sigmas.

    Returns:
        The ten numbers by ``COCO_KEYS``, -1 where COCO defines none (no instance of that size).
    """
    if not predictions:
        return dict.fromkeys(COCO_KEYS, 0.0)
    evaluator = keypoint_evaluator(images, annotations, predictions, sigmas)
    evaluator.accumulate()
    return coco_numbers(evaluator, KEYPOINT_LINES)


def keypoint_evaluator(
    images: Sequence[dict], annotations: Sequence[dict], predictions: Sequence[dict], sigmas: Sequence[float]
) -> COCOeval:
    """Match keypoints as COCO does.

    Args:
        images: see ``coco_keypoint_numbers``.
        annotations: likewise.
        predictions: likewise, at least one.
        sigmas: K OKS sigmas.

    Returns:
        The evaluator, after ``evaluate``.
    """
    categories = [{"id": i, "name": str(i)} for i in sorted({a["category_id"] for a in annotations})]
    truth = COCO({"images": list(images), "annotations": list(annotations), "categories": categories})
    evaluator = COCOeval(truth, truth.load_res(list(predictions)), "keypoints")
    evaluator.params.kpt_oks_sigmas = np.asarray(sigmas, float).tolist()
    evaluator.evaluate()
    return evaluator


def coco_numbers(
    evaluator: COCOeval, lines: Sequence[Line], classes: slice = slice(None)
) -> dict[str, float]:
    """Compute COCO's means of precision [T, R, C, A, M] and recall [T, C, A, M]; hotcoco's cover only all classes.

    Args:
        evaluator: after ``accumulate``.
        lines: definitions of the numbers.
        classes: the indices of the classes to include.

    Returns:
        The numbers by key, -1 where COCO defines none.
    """
    params, numbers = evaluator.params, {}
    labels, most_of, thresholds = params.area_rng_lbl, params.max_dets, np.array(params.iou_thrs)
    tables = evaluator.eval or {}
    for key, iou, area, most in lines:
        table = tables["precision" if key.startswith("AP") else "recall"]
        curve = table[..., classes, labels.index(area), most_of.index(most)]
        if ":" not in iou:
            curve = curve[np.isclose(thresholds, float(iou))]
        defined = curve[curve > -1]
        numbers[key] = float(defined.mean()) if defined.size else -1.0
    return numbers


def coco_lines(numbers: Mapping[str, float], lines: Sequence[Line] = KEYPOINT_LINES) -> str:
    """Format the numbers in COCO's familiar lines.

    Args:
        numbers: by key.
        lines: ``KEYPOINT_LINES`` or ``BOX_LINES``.

    Returns:
        One line per number.
    """
    return "\n".join(
        f" {_KINDS[key[:2]]} @[ IoU={iou:<9} | area={area:>6s} | maxDets={most:>3d} ] = {numbers[key]:.3f}"
        for key, iou, area, most in lines
    )
