"""Stand-in for ``xtcocotools.cocoeval``: COCO's AP and AR for all kinds of keypoints, for boxes and for masks.

Remove when the package ``kpplugins.compat.xtcocotools`` goes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import hotcoco
import numpy as np

from kpplugins.compat.xtcocotools.coco import COCO
from kpplugins.compat.xtcocotools.plain_coco import PART_KEYS, plain_ground_truth, plain_result

__all__ = ["COCOeval", "Params"]

_SIGMAS = np.array([
    0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89
]) / 10  # fmt: skip
"""OKS sigmas of COCO's 17 keypoints (https://cocodataset.org/#keypoints-eval)."""
_RANGES: dict[str, list[float]] = {
    "all": [0, 1e5**2],
    "small": [0, 32**2],
    "medium": [32**2, 96**2],
    "large": [96**2, 1e5**2],
}
_CROWD_SPLITS = {"AP(E)": "easy", "AP(M)": "medium", "AP(H)": "hard"}
_CROWD_LIMITS = (0.2, 0.8)
"""CrowdPose (arXiv 1812.00324): a crowdIndex below the first is easy, below the second medium, else hard."""

_KEYPOINT_NAMES = (
    "AP", "AP .5", "AP .75", "AP (M)", "AP (L)", "AR", "AR .5", "AR .75", "AR (M)", "AR (L)"
)  # fmt: skip
_CROWD_NAMES = ("AP", "AP .5", "AP .75", "AR", "AR .5", "AR .75")
_BOX_NAMES = (
    "AP", "AP .5", "AP .75", "AP (S)", "AP (M)", "AP (L)", "AR @1", "AR @10", "AR @100", "AR (S)", "AR (M)", "AR (L)"
)  # fmt: skip
_SIZES = {"(S)": "small", "(M)": "medium", "(L)": "large"}
_MOST = {"@1": 0, "@10": 1}
"""Index into ``params.maxDets``; the last one for other names."""


class Params:
    """Settings of an evaluation; change them between ``COCOeval(...)`` and ``evaluate()``.

    Attributes:
        imgIds, catIds: the images and categories that are evaluated. COCOeval sets all.
        iouThrs: [T] thresholds of IoU or OKS, 0.50:0.05:0.95.
        recThrs: [R] recall grid, 0:0.01:1.
        maxDets: detections per image that count, best first: [20] for keypoints, [1, 10, 100] for boxes.
        areaRng, areaRngLbl: areas [A, 2] in square pixels, and their names.
        useCats: 0 evaluates as if all categories were one.
        useSegm: deprecated; 1 and 0 set ``iouType`` to 'segm' and 'bbox'.
    """

    def __init__(self, iouType: str = "keypoints") -> None:
        kinds = [*PART_KEYS, "bbox", "segm"]
        if iouType not in kinds:
            raise ValueError(f"iouType must be one of {kinds}, got {iouType!r}")
        self.iouType = iouType
        self.imgIds: list = []
        self.catIds: list = []
        self.iouThrs = np.linspace(0.5, 0.95, 10)
        self.recThrs = np.linspace(0.0, 1.0, 101)
        self.useCats = 1
        self.useSegm: int | None = None
        self.maxDets = [20] if iouType in PART_KEYS else [1, 10, 100]
        self.areaRngLbl = [name for name in _RANGES if name != "small" or iouType not in PART_KEYS]
        self.areaRng = [list(_RANGES[name]) for name in self.areaRngLbl]


class COCOeval:
    """COCO's average precision and recall, with the interface of ``xtcocotools.cocoeval.COCOeval``.

    Call ``evaluate()``, ``accumulate()`` and ``summarize()``, then read ``stats`` (names in ``stats_names``).

    Args:
        cocoGt: index of the ground truth.
        cocoDt: index of the results, ``cocoGt.loadRes(...)``.
        iouType: 'keypoints', 'keypoints_crowd' (CrowdPose), 'keypoints_wholebody', 'keypoints_body',
            'keypoints_foot', 'keypoints_face', 'keypoints_lefthand', 'keypoints_righthand', 'bbox' or 'segm'.
        sigmas: [K] OKS sigmas; None means those of COCO's 17 keypoints.
        use_area: use each annotation's ``area``; False takes 0.53 of the area of its box instead.
        write: where the lines of ``summarize`` go; None means ``sys.stdout``.

    Attributes:
        stats: float, [10] for keypoints, [9] for CrowdPose, [12] for boxes and masks; -1 if there is nothing to find.
        eval: 'precision' and 'scores' [T, R, C, A, M], 'recall' [T, C, A, M] (T IoU thresholds, R recall steps,
            C categories, A area ranges, M numbers of detections), 'counts', 'params'.
    """

    def __init__(
        self,
        cocoGt: COCO | None = None,
        cocoDt: COCO | None = None,
        iouType: str = "keypoints",
        sigmas: Sequence[float] | np.ndarray | None = None,
        use_area: bool = True,
        *,
        write: Callable[[str], Any] | None = None,
    ) -> None:
        self.cocoGt, self.cocoDt, self.use_area = cocoGt, cocoDt, use_area
        self.sigmas = _SIGMAS if sigmas is None else np.asarray(sigmas, dtype=float)
        self.params = Params(iouType)
        self.eval: dict[str, Any] = {}
        self.stats: np.ndarray | list = []
        self._write = write
        self._evaluated: dict[str, Any] = {}
        if cocoGt is not None:
            self.params.imgIds = sorted(cocoGt.getImgIds())
            self.params.catIds = sorted(cocoGt.getCatIds())
            self.anno_file = getattr(cocoGt, "anno_file", [None])

    @property
    def stats_names(self) -> list[str]:
        """Return the names of ``stats``, in order, as MMPose writes them."""
        crowd = self.params.iouType == "keypoints_crowd"
        return [*self._names(), *_CROWD_SPLITS] if crowd else list(self._names())

    def evaluate(self) -> None:
        """Match the results with the ground truth, image by image, with the settings in ``params``."""
        p = self.params
        if p.useSegm is not None:
            p.iouType = "segm" if p.useSegm == 1 else "bbox"
        p.imgIds = np.unique(p.imgIds).tolist()
        if p.useCats:
            p.catIds = np.unique(p.catIds).tolist()
        p.maxDets = sorted(p.maxDets)
        self._evaluated = self._run(p.imgIds)

    def accumulate(self) -> None:
        """Put precision, recall and scores of the last ``evaluate`` into ``eval``."""
        if not self._evaluated:
            raise RuntimeError("nothing to accumulate: call evaluate() first")
        self.eval = {**self._evaluated, "params": self.params}

    def summarize(self) -> None:
        """Compute ``stats`` and write one line for each number."""
        if not self.eval:
            raise RuntimeError("nothing to summarize: call evaluate() and accumulate() first")
        stats = [self._summarize_line(*name.partition(" ")[::2]) for name in self._names()]
        if self.params.iouType == "keypoints_crowd":
            stats += self._summarize_crowd()
        self.stats = np.array(stats, dtype=float)

    def _names(self) -> tuple[str, ...]:
        if self.params.iouType not in PART_KEYS:
            return _BOX_NAMES
        return _CROWD_NAMES if self.params.iouType == "keypoints_crowd" else _KEYPOINT_NAMES

    def _emit(self, kind: str, iou: float | None, group: str, max_dets: int, value: float) -> None:
        title = "Average Precision  (AP)" if kind == "AP" else "Average Recall     (AR)"
        thresholds = self.params.iouThrs
        at = f"{thresholds[0]:0.2f}:{thresholds[-1]:0.2f}" if iou is None else f"{iou:0.2f}"
        line = f" {title} @[ IoU={at:<9} | {group} | maxDets={max_dets:>3d} ] = {value: 0.3f}\n"
        (self._write or sys.stdout.write)(line)

    def _summarize_line(self, kind: str, of: str) -> float:
        """Average over thresholds, recalls and categories that have something to find; -1 if none has."""
        p = self.params
        table = self.eval["precision" if kind == "AP" else "recall"]
        iou, area = float(of) if of.startswith(".") else None, _SIZES.get(of, "all")
        if iou is not None:
            table = table[np.isclose(p.iouThrs, iou)]
        if area not in p.areaRngLbl:
            raise ValueError(
                f"summarize() needs the area range {area!r}, params.areaRngLbl has {p.areaRngLbl}"
            )
        most = min(_MOST.get(of, -1), len(p.maxDets) - 1)
        table = table[..., p.areaRngLbl.index(area), most]
        found = table[table > -1]
        value = float(np.mean(found)) if found.size else -1.0
        self._emit(kind, iou, f"area={area:>6s}", p.maxDets[most], value)
        return value

    def _summarize_crowd(self) -> list[float]:
        """Compute the AP on CrowdPose's easy, medium and hard images, to 4 digits; -1 for a group without images."""
        splits: dict[str, list] = {split: [] for split in _CROWD_SPLITS.values()}
        for image in self.cocoGt.dataset.get("images", []):  # type: ignore[union-attr]
            if "crowdIndex" not in image:
                raise KeyError(
                    f"image {image['id']!r} has no 'crowdIndex', which iouType='keypoints_crowd' needs"
                )
            level = np.searchsorted(_CROWD_LIMITS, image["crowdIndex"], side="right")
            splits[list(splits)[level]].append(image["id"])
        values = []
        for split, images in splits.items():
            # xtcocotools averages over everything here, -1 for categories without ground truth included.
            precision = self._run(sorted(images))["precision"][:, :, :, 0, :] if images else -1.0
            values.append(round(float(np.mean(precision)), 4))
            self._emit("AP", None, f"type={split:>6s}", self.params.maxDets[-1], values[-1])
        return values

    def _run(self, image_ids: list) -> dict[str, Any]:
        """Evaluate these images as plain COCO; return the tables."""
        if self.cocoGt is None or self.cocoDt is None:
            raise RuntimeError("COCOeval needs both cocoGt and cocoDt to evaluate")
        p, count = self.params, len(self.sigmas)
        gts = [
            (a, plain_ground_truth(a, p.iouType, self.use_area, count))
            for a in self._select(self.cocoGt, image_ids)
        ]
        dts = [(a, plain_result(a, p.iouType, count)) for a in self._select(self.cocoDt, image_ids)]
        is_keypoints = p.iouType in PART_KEYS
        evaluator = hotcoco.COCOeval(
            self._plain(gts, image_ids),
            self._plain(dts, image_ids),
            "keypoints" if is_keypoints else p.iouType,
        )
        settings = evaluator.params
        for name in ("iouThrs", "recThrs", "maxDets", "areaRng"):
            setattr(settings, name, np.asarray(getattr(p, name)).tolist())
        settings.areaRngLbl = list(p.areaRngLbl)
        if is_keypoints:
            settings.kpt_oks_sigmas = self.sigmas.tolist()
        evaluator.evaluate()
        evaluator.accumulate()
        return dict(evaluator.eval or {})

    def _select(self, coco: COCO, image_ids: list) -> list[dict]:
        """Return the annotations of these images and of ``params.catIds``, by image."""
        return coco.loadAnns(coco.getAnnIds(imgIds=image_ids, catIds=self.params.catIds)) if image_ids else []

    def _plain(self, anns: Sequence[tuple[dict, dict | None]], image_ids: list) -> hotcoco.COCO:
        """Build a COCO dataset from annotations and their plain COCO versions, with all ids as numbers from 1."""
        p = self.params
        images = {image: number for number, image in enumerate(image_ids, start=1)}
        categories = {cat: number if p.useCats else 1 for number, cat in enumerate(p.catIds, start=1)}
        for number, (ann, plain) in enumerate(anns, start=1):
            if plain is not None:
                place = {"image_id": images[ann["image_id"]], "category_id": categories[ann["category_id"]]}
                plain.update(id=number, **place)
        sizes = {image: self.cocoGt.imgs.get(image, {}) for image in images}  # type: ignore[union-attr]
        return hotcoco.COCO({
            "images": [
                {"id": number, "width": sizes[image].get("width", 0), "height": sizes[image].get("height", 0)}
                for image, number in images.items()
            ],
            "annotations": [plain for _, plain in anns if plain is not None],
            "categories": [{"id": number, "name": str(number)} for number in sorted(set(categories.values()))],
        })  # fmt: skip
