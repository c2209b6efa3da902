"""Bring the evaluation kinds of xtcocotools down to plain COCO keypoints, boxes or masks.

A whole-body part, CrowdPose's rule for ignored people, and areas taken from boxes are all differences in the
*annotations*. So they are written into copies of the annotations, and a plain COCO evaluator does the rest.

Remove when the package ``kpplugins.compat.xtcocotools`` goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

PART_KEYS: dict[str, tuple[str, ...]] = {
    "keypoints": ("keypoints",),
    "keypoints_crowd": ("keypoints",),
    "keypoints_body": ("keypoints",),
    "keypoints_foot": ("foot_kpts",),
    "keypoints_face": ("face_kpts",),
    "keypoints_lefthand": ("lefthand_kpts",),
    "keypoints_righthand": ("righthand_kpts",),
    "keypoints_wholebody": ("keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts"),
}
"""Keypoint kind -> keys of an annotation whose (x, y, v) lists it judges, in order."""

SCORE_KEYS = {
    f"keypoints_{part}": f"{part}_score" for part in ("foot", "face", "lefthand", "righthand", "wholebody")
}
"""Keypoint kind -> key of a result's own score for that part; ``score`` where the kind or the key is
absent."""

AREA_PER_BOX = 0.53
"""Area of a person over the area of its box: how xtcocotools replaces a missing ``area`` (w * h * 0.53)."""


def _required(ann: dict, key: str) -> Any:
    if key not in ann:
        raise KeyError(
            f"annotation {ann.get('id')!r} has no {key!r}, which this evaluation needs; it has {sorted(ann)}"
        )
    return ann[key]


def _triplets(ann: dict, kind: str) -> np.ndarray:
    """Keypoints that ``kind`` judges, flat [K * 3] as x, y, v."""
    return np.concatenate(
        [np.asarray(_required(ann, key), dtype=float).reshape(-1) for key in PART_KEYS[kind]]
    )


def _gt_area(ann: dict, kind: str, use_area: bool) -> float:
    if use_area and "area" in ann:
        return ann["area"]
    if use_area and kind in PART_KEYS:
        raise ValueError(
            f"annotation {ann.get('id')!r} has no 'area'; give it one, or evaluate with use_area=False"
        )
    _, _, w, h = _required(ann, "bbox")
    return w * h * AREA_PER_BOX


def plain_ground_truth(ann: dict, kind: str, use_area: bool, num_sigmas: int) -> dict:
    """Copy one ground-truth annotation as plain COCO for ``kind``.

    Raises:
        ValueError: it has another number of keypoints than there are sigmas, or no area though ``use_area``.
        KeyError: a key is missing.
    """
    plain = {**ann, "area": _gt_area(ann, kind, use_area), "iscrowd": int(ann.get("iscrowd", 0))}
    if kind in PART_KEYS:
        keypoints = _triplets(ann, kind)
        if len(keypoints) != 3 * num_sigmas:
            raise ValueError(
                f"annotation {ann.get('id')!r} has {len(keypoints) / 3:g} keypoints for {kind!r}, but there "
                f"are {num_sigmas} sigmas; give COCOeval the sigmas of this keypoint set"
            )
        labelled = int(np.count_nonzero(keypoints[2::3] > 0))
        # CrowdPose counts only visible (v = 2) keypoints in `num_keypoints`; people with none are ignored.
        counted = _required(ann, "num_keypoints") if kind == "keypoints_crowd" else labelled
        plain.update(
            keypoints=keypoints.tolist(), num_keypoints=int(counted), bbox=list(_required(ann, "bbox"))
        )
    return plain


def plain_result(ann: dict, kind: str, num_sigmas: int) -> dict | None:
    """Copy one result as plain COCO for ``kind``; None if none of its keypoints has a positive score."""
    score = ann.get(SCORE_KEYS.get(kind, "score"), ann["score"])
    plain = {**ann, "score": float(score)}
    if kind in PART_KEYS:
        keypoints = _triplets(ann, kind)
        if len(keypoints) != 3 * num_sigmas:
            raise ValueError(
                f"result {ann.get('id')!r} has {len(keypoints) / 3:g} keypoints for {kind!r}, but there are "
                f"{num_sigmas} sigmas; the model and the annotations differ in their keypoint sets"
            )
        if not np.any(keypoints[2::3] > 0):
            return None
        plain["keypoints"] = keypoints.tolist()
    return plain


def plain_dataset(
    anns: Sequence[dict],
    images: dict[Any, dict],
    image_numbers: dict[Any, int],
    category_numbers: dict[Any, int],
) -> dict:
    """Number images, categories and annotations from 1, and wrap them as one COCO dataset.

    The evaluator wants integer ids, and takes annotation id 0 for "not matched".

    Args:
        anns: plain annotations, copies that are changed here.
        images: image id -> image.
        image_numbers: image id -> number from 1, ascending with the id.
        category_numbers: category id -> number from 1.
    """
    for number, ann in enumerate(anns, start=1):
        ann["id"] = number
        ann["image_id"] = image_numbers[ann["image_id"]]
        ann["category_id"] = category_numbers[ann["category_id"]]
    return {
        "info": {},
        "images": [{**images[id_], "id": number} for id_, number in image_numbers.items() if id_ in images],
        "annotations": list(anns),
        "categories": [
            {"id": number, "name": str(number)} for number in sorted(set(category_numbers.values()))
        ],
    }
