"""COCO's ten keypoint numbers, by faster-coco-eval."""

from collections.abc import Sequence

import numpy as np

COCO_KEYS = ("AP", "AP50", "AP75", "AP(M)", "AP(L)", "AR", "AR50", "AR75", "AR(M)", "AR(L)")
"""Names of the ten numbers, in COCO's order."""

_LINES = tuple(
    (kind, iou, area)
    for kind in ("Average Precision  (AP)", "Average Recall     (AR)")
    for iou, area in (
        ("0.50:0.95", "all"), ("0.50", "all"), ("0.75", "all"), ("0.50:0.95", "medium"), ("0.50:0.95", "large"),
    )
)  # fmt: skip


def coco_keypoint_numbers(
    images: Sequence[dict], annotations: Sequence[dict], predictions: Sequence[dict], sigmas: Sequence[float]
) -> dict[str, float]:
    """AP and AR over OKS thresholds 0.50:0.05:0.95, at most 20 predictions a picture, as COCO defines them.

    Args:
        images: COCO image entries (``id``, ``width``, ``height``).
        annotations: COCO annotation entries with ``keypoints`` of 3·K numbers, ``bbox`` xywh, ``area``, ``iscrowd``.
        predictions: COCO result entries: ``image_id``, ``category_id``, ``keypoints``, ``score``.
        sigmas: K OKS sigmas.

    Returns:
        The ten numbers by ``COCO_KEYS``, -1 where COCO defines none (no object of that size).
    """
    from faster_coco_eval import COCO, COCOeval_faster

    if not predictions:
        return dict.fromkeys(COCO_KEYS, 0.0)
    categories = [{"id": i, "name": str(i)} for i in sorted({a["category_id"] for a in annotations})]
    truth = COCO({"images": list(images), "annotations": list(annotations), "categories": categories})
    found = truth.loadRes(list(predictions))
    evaluator = COCOeval_faster(
        truth,
        found,
        "keypoints",
        print_function=lambda *_: None,
        kpt_oks_sigmas=list(np.asarray(sigmas, float)),
    )
    evaluator.run()
    return {
        key: float(value) for key, value in zip(COCO_KEYS, evaluator.stats[: len(COCO_KEYS)], strict=True)
    }


def coco_lines(numbers: dict[str, float]) -> str:
    """The ten lines as COCO users know them."""
    return "\n".join(
        f" {kind} @[ IoU={iou:<9} | area={area:>6s} | maxDets= 20 ] = {numbers[key]:.3f}"
        for key, (kind, iou, area) in zip(COCO_KEYS, _LINES, strict=True)
    )
