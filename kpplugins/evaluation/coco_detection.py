"""COCO's numbers of boxes and of keypoints over whole images, by faster-coco-eval's C++.

The arrays of ``Scene`` go into its evaluator as they are: no COCO dicts are written and indexed first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from faster_coco_eval import COCOeval_faster
from faster_coco_eval.core import mask

from kpplugins.evaluation.coco_ap import BOX_LINES, KEYPOINT_LINES
from kpplugins.evaluation.scene import Scene


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
    evaluator = _Evaluator("bbox", num_classes)
    most = evaluator.params.maxDets[-1]
    for scene in _by_id(scenes):
        true = [np.flatnonzero(scene.true_classes == c) for c in range(num_classes)]
        found = ranked(scene.classes, scene.box_scores, num_classes, most)
        # each image's arrays are made once, however many classes there are
        boxes = xywh(scene.boxes)
        areas = boxes[:, 2] * boxes[:, 3]
        evaluator.add_image()
        for c, (g, d) in enumerate(zip(true, found, strict=True)):
            overlap = box_overlap(boxes[d], scene.true_boxes[g], scene.crowd[g])
            evaluator.add(
                c, overlap, (scene.areas[g], scene.crowd[g], scene.crowd[g]), (areas[d], scene.box_scores[d])
            )
    return evaluator.table(BOX_LINES)


def coco_keypoints(scenes: Sequence[Scene], num_classes: int, sigmas: Sequence[float]) -> CocoTable:
    """COCO's ten numbers of the keypoints, by ``COCO_KEYS``; crowds and truths without points are neither hit nor miss.

    Args:
        scenes: images; ``scores`` rank the predictions, of which the best 20 of a class count.
        num_classes: how many there are.
        sigmas: K OKS sigmas.
    """
    evaluator = _Evaluator("keypoints", num_classes)
    most, variances = evaluator.params.maxDets[-1], (2 * np.asarray(sigmas, float)) ** 2
    for scene in _by_id(scenes):
        true = [np.flatnonzero(scene.true_classes == c) for c in range(num_classes)]
        found = ranked(scene.classes, scene.scores, num_classes, most)
        extent = np.ptp(scene.points, axis=1)
        areas, ignored = extent[:, 0] * extent[:, 1], ~scene.counted
        evaluator.add_image()
        for c, (g, d) in enumerate(zip(true, found, strict=True)):
            similarity = point_similarity(
                scene.points[d],
                scene.truth[g],
                scene.labelled[g],
                scene.areas[g],
                scene.true_boxes[g],
                variances,
            )
            evaluator.add(
                c, similarity, (scene.areas[g], scene.crowd[g], ignored[g]), (areas[d], scene.scores[d])
            )
    return evaluator.table(KEYPOINT_LINES)


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
    return np.asarray(mask.iou(found, true, crowd.astype(int).tolist()))


def point_similarity(
    found: np.ndarray,
    true: np.ndarray,
    labelled: np.ndarray,
    areas: np.ndarray,
    boxes: np.ndarray,
    variances: np.ndarray,
) -> np.ndarray:
    """OKS (D, G) as COCO defines it: mean over the labelled points of exp(-d² / (2 · area · (2σ)²)).

    Where nothing is labelled, d is the way from a found point to the box at three times its size, over all K points.

    Args:
        found: (D, K, 2) pixels.
        true: (G, K, 2) pixels.
        labelled: (G, K) boolean.
        areas: (G,) square pixels.
        boxes: (G, 4) xywh.
        variances: (K,) (2σ)².
    """
    if not len(found) or not len(true):
        return np.zeros((len(found), len(true)))
    away = found[:, None] - true[None]
    blank = labelled.sum(axis=1) == 0
    if blank.any():
        corner, side = boxes[blank, None, :2], boxes[blank, None, 2:]
        place = found[:, None]
        away[:, blank] = np.maximum(0, corner - side - place) + np.maximum(0, place - (corner + 2 * side))
    counts = labelled | blank[:, None]
    # divided in COCO's order, so that thresholds are met by the same predictions
    exponent = (away**2).sum(axis=-1) / variances / (areas + np.spacing(1))[:, None] / 2
    return np.where(counts, np.exp(-exponent), 0.0).sum(axis=-1) / counts.sum(axis=-1)


def _by_id(scenes: Sequence[Scene]) -> list[Scene]:
    """In the order in which COCO takes images: it decides between tied scores."""
    return sorted(scenes, key=lambda scene: scene.image_id)


class _Evaluator(COCOeval_faster):
    """The library's evaluator over arrays that are given, image by image, in place of two COCO indices."""

    def __init__(self, kind: str, num_classes: int) -> None:
        super().__init__(None, None, kind, print_function=lambda *_: None)
        self.params.catIds = list(range(num_classes))
        self.params.imgIds = []
        self._given: dict[tuple[int, int], list[list[float]]] = {}
        self._nonempty_iou_pairs: set[tuple[int, int]] = set()
        self._last_id = 0

    def add_image(self) -> None:
        """What is added from now on is of the next image."""
        self.params.imgIds.append(len(self.params.imgIds))

    def add(
        self,
        number: int,
        similarity: np.ndarray,
        true: tuple[np.ndarray, np.ndarray, np.ndarray],
        found: tuple[np.ndarray, np.ndarray],
    ) -> None:
        """A class's instances in the image.

        Args:
            number: of the class, 0-based.
            similarity: (D, G) IoU or OKS.
            true: areas, crowd, ignored, (G,) each.
            found: areas and scores, (D,) each, from high to low score.
        """
        image = self.params.imgIds[-1]
        for area, crowd, ignored in zip(*(values.tolist() for values in true), strict=True):
            self._last_id += 1
            row = {"id": self._last_id, "area": area, "iscrowd": crowd, "ignore": ignored}
            self.gt_dataset.append(image, number, row)
        for area, score in zip(*(values.tolist() for values in found), strict=True):
            self._last_id += 1
            self.dt_dataset.append(image, number, {"id": self._last_id, "area": area, "score": score})
        if similarity.size:
            self._given[image, number] = similarity.tolist()
            self._nonempty_iou_pairs.add((image, number))

    def _prepare(self) -> None:
        """Nothing: the library would read its two indices here."""

    def computeIoU(self, imgId: int, catId: int) -> list[list[float]]:  # type: ignore[override]  # noqa: N802, N803
        """(D, G), called by the library."""
        return self._given.get((imgId, catId), [])

    computeOks = computeIoU  # type: ignore[assignment]

    def table(self, lines: Sequence[tuple[str, str, str, int]]) -> CocoTable:
        """Evaluate what was added."""
        if not self.params.imgIds:
            self.add_image()
        self.evaluate()
        everything = slice(None)
        return CocoTable(
            self._numbers(lines, everything),
            [self._numbers(lines, slice(c, c + 1)) for c in self.params.catIds],
        )

    def _numbers(self, lines: Sequence[tuple[str, str, str, int]], classes: slice) -> dict[str, float]:
        """COCO's means over precision [T, R, C, A, M] and recall [T, C, A, M]."""
        numbers = {}
        for key, iou, area, most in lines:
            a, m = self.params.areaRngLbl.index(area), self.params.maxDets.index(most)
            curve = self.eval["precision" if key.startswith("AP") else "recall"][..., classes, a, m]
            if ":" not in iou:
                curve = curve[np.isclose(self.params.iouThrs, float(iou))]
            defined = curve[curve > -1]
            numbers[key] = float(defined.mean()) if defined.size else -1.0
        return numbers
