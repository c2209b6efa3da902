"""Stand-in for ``xtcocotools.cocoeval``: COCO's AP and AR for all its kinds of keypoints, and for boxes.

Remove when the package ``kpplugins.compat.xtcocotools`` goes.
"""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from faster_coco_eval.core.coco import COCO as PlainCOCO
from faster_coco_eval.core.faster_eval_api import COCOeval_faster

from kpplugins.compat.xtcocotools.coco import COCO
from kpplugins.compat.xtcocotools.plain_coco import PART_KEYS, plain_dataset, plain_ground_truth, plain_result

__all__ = ["COCOeval", "Params"]

logger = logging.getLogger(__name__)

_BOX_KINDS = ("bbox", "segm")
_COCO_SIGMAS = (
    0.26,
    0.25,
    0.25,
    0.35,
    0.35,
    0.79,
    0.79,
    0.72,
    0.72,
    0.62,
    0.62,
    1.07,
    1.07,
    0.87,
    0.87,
    0.89,
    0.89,
)
"""Ten times the OKS sigmas of COCO's 17 keypoints (https://cocodataset.org/#keypoints-eval)."""
_CROWD_LIMITS = (0.2, 0.8)
"""CrowdPose: crowdIndex below the first is easy, below the second medium, else hard (arXiv 1812.00324)."""


class _Line(NamedTuple):
    """One line of the summary: precision or recall, at one IoU or over all, in one area range, for M
    detections."""

    name: str
    precision: bool
    iou: float | None = None
    area: str = "all"
    max_dets: int = -1  # index into params.maxDets


_KEYPOINT_LINES = (
    _Line("AP", True),
    _Line("AP .5", True, 0.5),
    _Line("AP .75", True, 0.75),
    _Line("AP (M)", True, area="medium"),
    _Line("AP (L)", True, area="large"),
    _Line("AR", False),
    _Line("AR .5", False, 0.5),
    _Line("AR .75", False, 0.75),
    _Line("AR (M)", False, area="medium"),
    _Line("AR (L)", False, area="large"),
)
_CROWD_LINES = tuple(line for line in _KEYPOINT_LINES if line.area == "all")
_CROWD_SPLITS = {"AP(E)": "easy", "AP(M)": "medium", "AP(H)": "hard"}
_BOX_LINES = (
    _Line("AP", True),
    _Line("AP .5", True, 0.5),
    _Line("AP .75", True, 0.75),
    _Line("AP (S)", True, area="small"),
    _Line("AP (M)", True, area="medium"),
    _Line("AP (L)", True, area="large"),
    _Line("AR @1", False, max_dets=0),
    _Line("AR @10", False, max_dets=1),
    _Line("AR @100", False),
    _Line("AR (S)", False, area="small"),
    _Line("AR (M)", False, area="medium"),
    _Line("AR (L)", False, area="large"),
)


class Params:
    """Settings of an evaluation; change them between ``COCOeval(...)`` and ``evaluate()``.

    Attributes:
        imgIds, catIds: the images and categories that are judged. COCOeval sets all.
        iouThrs: [T] thresholds of IoU or OKS, 0.50:0.05:0.95. recThrs: [R] recall grid, 0:0.01:1.
        maxDets: detections of an image that count, best first: [20] for keypoints, [1, 10, 100] for boxes.
        areaRng, areaRngLbl: areas [A, 2] in square pixels, and their names.
        useCats: 0 judges as if all categories were one.
        useSegm: deprecated; 1 and 0 set ``iouType`` to 'segm' and 'bbox'.
    """

    def __init__(self, iouType: str = "keypoints") -> None:
        if iouType not in PART_KEYS and iouType not in _BOX_KINDS:
            raise ValueError(f"iouType must be one of {[*PART_KEYS, *_BOX_KINDS]}, got {iouType!r}")
        self.iouType = iouType
        self.imgIds: list = []
        self.catIds: list = []
        self.iouThrs = np.linspace(0.5, 0.95, 10)
        self.recThrs = np.linspace(0.0, 1.0, 101)
        self.useCats = 1
        self.useSegm: int | None = None
        ranges = {"all": [0, 1e5**2], "small": [0, 32**2], "medium": [32**2, 96**2], "large": [96**2, 1e5**2]}
        self.maxDets = [1, 10, 100]
        if iouType in PART_KEYS:
            del ranges["small"]
            self.maxDets = [20]
        self.areaRng, self.areaRngLbl = list(ranges.values()), list(ranges)


class COCOeval:
    """COCO's average precision and recall, in the interface of ``xtcocotools.cocoeval.COCOeval``.

    ``evaluate()``, ``accumulate()``, ``summarize()``; then read ``stats`` (names in ``stats_names``).

    Dimension legend: T IoU thresholds, R recall steps, C categories, A area ranges, M numbers of detections.

    Args:
        cocoGt: index of the ground truth.
        cocoDt: index of the results, ``cocoGt.loadRes(...)``.
        iouType: 'keypoints', 'keypoints_crowd' (CrowdPose), 'keypoints_wholebody', 'keypoints_body',
            'keypoints_foot', 'keypoints_face', 'keypoints_lefthand', 'keypoints_righthand', 'bbox' or 'segm'.
        sigmas: [K] OKS sigmas; None means those of COCO's 17 keypoints.
        use_area: use each annotation's ``area``; False takes 0.53 of the area of its box instead.
        write: where the lines of :meth:`summarize` go; None means ``sys.stdout``.

    Attributes:
        stats: float, [10] for keypoints, [9] for CrowdPose, [12] for boxes and masks; -1: nothing to find.
        eval: 'precision' and 'scores' [T, R, C, A, M], 'recall' [T, C, A, M], 'counts', 'params'.
        ious: (image id, category id) -> IoU or OKS [D, G], detections best first.
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
        self.cocoGt, self.cocoDt = cocoGt, cocoDt
        self.sigmas = np.asarray(_COCO_SIGMAS) / 10 if sigmas is None else np.asarray(sigmas, dtype=float)
        self.use_area = use_area
        self.params = Params(iouType)
        self.eval: dict[str, Any] = {}
        self.ious: dict[tuple, Any] = {}
        self.stats: np.ndarray | list = []
        self._write = write
        self._evaluated: dict[str, Any] = {}
        if cocoGt is not None:
            self.params.imgIds = sorted(cocoGt.getImgIds())
            self.params.catIds = sorted(cocoGt.getCatIds())
            self.anno_file = getattr(cocoGt, "anno_file", [None])

    @property
    def stats_names(self) -> list[str]:
        """Names of ``stats``, in order, as MMPose writes them."""
        names = [line.name for line in self._lines()]
        return names + list(_CROWD_SPLITS) if self.params.iouType == "keypoints_crowd" else names

    def evaluate(self) -> None:
        """Match the results with the ground truth, image by image, with the settings in ``params``."""
        p = self.params
        if p.useSegm is not None:
            p.iouType = "segm" if p.useSegm == 1 else "bbox"
        p.imgIds = np.unique(p.imgIds).tolist()
        if p.useCats:
            p.catIds = np.unique(p.catIds).tolist()
        p.maxDets = sorted(p.maxDets)
        logger.debug("evaluating *%s* on %d images", p.iouType, len(p.imgIds))
        self._evaluated, self.ious = self._run(p.imgIds)

    def accumulate(self) -> None:
        """Put precision, recall and scores of the last :meth:`evaluate` into ``eval``."""
        if not self._evaluated:
            raise RuntimeError("nothing to accumulate: call evaluate() first")
        self.eval = {**self._evaluated, "params": self.params}

    def summarize(self) -> None:
        """Compute ``stats`` and write one line for each number."""
        if not self.eval:
            raise RuntimeError("nothing to summarize: call evaluate() and accumulate() first")
        stats = [self._summarize_line(line) for line in self._lines()]
        if self.params.iouType == "keypoints_crowd":
            stats += self._summarize_crowd()
        self.stats = np.array(stats, dtype=float)

    def _lines(self) -> tuple[_Line, ...]:
        if self.params.iouType in _BOX_KINDS:
            return _BOX_LINES
        return _CROWD_LINES if self.params.iouType == "keypoints_crowd" else _KEYPOINT_LINES

    def _emit(self, precision: bool, iou: float | None, group: str, max_dets: int, value: float) -> None:
        title = "Average Precision  (AP)" if precision else "Average Recall     (AR)"
        thresholds = self.params.iouThrs
        at = f"{thresholds[0]:0.2f}:{thresholds[-1]:0.2f}" if iou is None else f"{iou:0.2f}"
        line = f" {title} @[ IoU={at:<9} | {group} | maxDets={max_dets:>3d} ] = {value: 0.3f}\n"
        (self._write or sys.stdout.write)(line)

    def _summarize_line(self, line: _Line) -> float:
        """Mean over thresholds, recalls and categories that have something to find; -1 if none has."""
        p = self.params
        table = self.eval["precision" if line.precision else "recall"]
        if line.iou is not None:
            table = table[np.isclose(p.iouThrs, line.iou)]
        if line.area not in p.areaRngLbl:
            raise ValueError(
                f"summarize() needs the area range {line.area!r}, params.areaRngLbl has {p.areaRngLbl}"
            )
        max_dets = min(line.max_dets, len(p.maxDets) - 1)
        table = table[..., p.areaRngLbl.index(line.area), max_dets]
        found = table[table > -1]
        value = float(np.mean(found)) if found.size else -1.0
        self._emit(line.precision, line.iou, f"area={line.area:>6s}", p.maxDets[max_dets], value)
        return value

    def _summarize_crowd(self) -> list[float]:
        """AP on CrowdPose's easy, medium and hard images, to 4 digits; -1 for a split without images."""
        splits: dict[str, list] = {"easy": [], "medium": [], "hard": []}
        for image in self.cocoGt.dataset.get("images", []):  # type: ignore[union-attr]
            if "crowdIndex" not in image:
                raise KeyError(
                    f"image {image['id']!r} has no 'crowdIndex', which iouType='keypoints_crowd' needs"
                )
            level = np.searchsorted(_CROWD_LIMITS, image["crowdIndex"], side="right")
            splits[("easy", "medium", "hard")[level]].append(image["id"])
        values = []
        for split in _CROWD_SPLITS.values():
            # xtcocotools averages over everything here, -1 for categories without ground truth included.
            precision = (
                self._run(sorted(splits[split]))[0]["precision"][:, :, :, 0, :] if splits[split] else [-1.0]
            )
            values.append(round(float(np.mean(precision)), 4))
            self._emit(True, None, f"type={split:>6s}", self.params.maxDets[-1], values[-1])
        return values

    def _run(self, image_ids: list) -> tuple[dict[str, Any], dict[tuple, Any]]:
        """Evaluate these images as plain COCO; return the tables, and IoU or OKS by image and category."""
        if self.cocoGt is None or self.cocoDt is None:
            raise RuntimeError("COCOeval needs both cocoGt and cocoDt to evaluate")
        p = self.params
        images = {image: number for number, image in enumerate(image_ids, start=1)}
        categories = {cat: number if p.useCats else 1 for number, cat in enumerate(p.catIds, start=1)}
        is_keypoints = p.iouType in PART_KEYS
        gts = [
            plain_ground_truth(a, p.iouType, self.use_area, len(self.sigmas))
            for a in self._select(self.cocoGt, images)
        ]
        dts = [plain_result(a, p.iouType, len(self.sigmas)) for a in self._select(self.cocoDt, images)]
        known = self.cocoGt.imgs
        inner = COCOeval_faster(
            PlainCOCO(plain_dataset(gts, known, images, categories)),
            PlainCOCO(plain_dataset([dt for dt in dts if dt is not None], known, images, categories)),
            iouType="keypoints" if is_keypoints else p.iouType,  # type: ignore[arg-type]
            kpt_oks_sigmas=self.sigmas if is_keypoints else None,  # type: ignore[arg-type]
            print_function=logger.debug,
        )
        self._copy_params(inner.params, sorted(images.values()), sorted(set(categories.values())))
        inner.evaluate()
        inner.accumulate()
        names = {number: image for image, number in images.items()}
        cats = {number: cat if p.useCats else -1 for cat, number in categories.items()}
        ious = {(names[image], cats[cat]): matrix for (image, cat), matrix in inner.ious.items()}
        return dict(inner.eval), ious

    def _select(self, coco: COCO, images: dict) -> list[dict]:
        """Annotations of these images and of ``params.catIds``, by image."""
        if not images:
            return []
        return coco.loadAnns(coco.getAnnIds(imgIds=list(images), catIds=self.params.catIds))

    def _copy_params(self, params: Any, image_ids: list[int], category_ids: list[int]) -> None:
        for name in ("iouThrs", "recThrs", "maxDets", "areaRng", "areaRngLbl"):
            setattr(params, name, copy.copy(getattr(self.params, name)))
        params.imgIds, params.catIds = image_ids, category_ids
        params.useCats = 1
