"""Reduce the evaluation kinds of xtcocotools to plain COCO keypoints, boxes or masks.

A whole-body part, CrowdPose's rule for ignored people, and areas taken from boxes are all differences in the
*annotations*. They are written into copies of the annotations, and a plain COCO evaluator does the rest.

Remove when the package ``kpplugins.compat.xtcocotools`` goes.
"""

from __future__ import annotations

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
"""Keypoint kind -> keys of an annotation whose (x, y, v) lists it evaluates, in order."""

_OWN_SCORE = ("foot", "face", "lefthand", "righthand", "wholebody")
"""Parts for which a result can have its own score, such as ``foot_score``, instead of ``score``."""

AREA_PER_BOX = 0.53
"""Area of a person over the area of its box: how xtcocotools replaces a missing ``area`` (w * h * 0.53)."""


def plain_ground_truth(ann: dict, kind: str, use_area: bool, num_sigmas: int) -> dict:
    """Reduce one ground-truth annotation to what plain COCO needs for ``kind``, without the ids.

    Args:
        ann: the annotation.
        kind: ``iouType`` of xtcocotools, e.g. ``keypoints_wholebody``.
        use_area: whether the annotation must give its area.
        num_sigmas: expected number of keypoints.

    Returns:
        A plain COCO annotation.

    Raises:
        ValueError: the number of keypoints differs from that of sigmas, or the area is missing despite ``use_area``.
        KeyError: a key is missing.
    """
    plain = _shape(ann)
    plain |= {"area": float(_area(ann, kind, use_area)), "iscrowd": int(ann.get("iscrowd", 0))}
    if kind in PART_KEYS:
        keypoints = _keypoints(ann, kind, num_sigmas)
        labelled = np.count_nonzero(keypoints[2::3] > 0)
        # CrowdPose counts only visible (v = 2) keypoints in `num_keypoints`; people with none are ignored.
        counted = _required(ann, "num_keypoints") if kind == "keypoints_crowd" else labelled
        plain |= {
            "keypoints": keypoints.tolist(),
            "num_keypoints": int(counted),
            "bbox": _required(ann, "bbox"),
        }
    return plain


def plain_result(ann: dict, kind: str, num_sigmas: int) -> dict | None:
    """Reduce one result to what plain COCO needs for ``kind``.

    Args:
        ann: the result.
        kind: ``iouType`` of xtcocotools.
        num_sigmas: expected number of keypoints.

    Returns:
        A plain COCO result with its ``score``; None if none of its keypoints has a positive score.

    Raises:
        ValueError: the number of keypoints differs from that of sigmas.
    """
    part = kind.removeprefix("keypoints_")
    score = ann.get(f"{part}_score", ann["score"]) if part in _OWN_SCORE else ann["score"]
    plain = {**_shape(ann), "score": float(score)}
    if kind in PART_KEYS:
        keypoints = _keypoints(ann, kind, num_sigmas)
        if not np.any(keypoints[2::3] > 0):
            return None
        plain["keypoints"] = keypoints.tolist()
    return plain


def _shape(ann: dict) -> dict:
    """Copy the keys that boxes and masks are evaluated by."""
    return {key: ann[key] for key in ("bbox", "area", "segmentation") if key in ann}


def _required(ann: dict, key: str) -> Any:
    if key not in ann:
        raise KeyError(
            f"annotation {ann.get('id')!r} has no {key!r}, which this evaluation needs; it has {sorted(ann)}"
        )
    return ann[key]


def _keypoints(ann: dict, kind: str, num_sigmas: int) -> np.ndarray:
    """Return the keypoints that ``kind`` evaluates, flat [K * 3] as x, y, v."""
    flat = np.concatenate([np.asarray(_required(ann, key), dtype=float).ravel() for key in PART_KEYS[kind]])
    if len(flat) != 3 * num_sigmas:
        raise ValueError(
            f"{'result' if 'score' in ann else 'annotation'} {ann.get('id')!r} has {len(flat) / 3:g} keypoints for "
            f"{kind!r}, but there are {num_sigmas} sigmas; give COCOeval the sigmas of this keypoint set"
        )
    return flat


def _area(ann: dict, kind: str, use_area: bool) -> float:
    if use_area and "area" in ann:
        return ann["area"]
    if use_area and kind in PART_KEYS:
        raise ValueError(
            f"annotation {ann.get('id')!r} has no 'area'; give it one, or evaluate with use_area=False"
        )
    _, _, w, h = _required(ann, "bbox")
    return w * h * AREA_PER_BOX
