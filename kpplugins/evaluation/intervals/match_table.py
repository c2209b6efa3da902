"""COCO's matches of predictions and truths, kept so that AP and AR can be computed for any weights of the images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hotcoco import COCOeval

from kpplugins.evaluation.coco_ap import Line

_PER_CLASS = ("image", "rank", "right", "ignored", "positives")


@dataclass(frozen=True)
class ClassMatches:
    """The matches of one class: D predictions by descending score, in I images, for A sizes and T thresholds.

    Attributes:
        image: (D,) index of each prediction's image.
        rank: (D,) its rank among the predictions of its class in its image, from 0.
        right: (A, T, D) boolean: it is matched with a truth that counts.
        ignored: (A, T, D) boolean: it counts neither as right nor as wrong.
        positives: (A, I) truths that count.
    """

    image: np.ndarray
    rank: np.ndarray
    right: np.ndarray
    ignored: np.ndarray
    positives: np.ndarray


@dataclass(frozen=True)
class MatchTable:
    """The matches of all classes of a test.

    Attributes:
        lines: definitions of the numbers.
        thresholds: (T,) of IoU or OKS.
        recalls: (R,) at which the precision is read.
        areas: A names of sizes.
        classes: the matches of each class.
    """

    lines: tuple[Line, ...]
    thresholds: np.ndarray
    recalls: np.ndarray
    areas: tuple[str, ...]
    classes: tuple[ClassMatches, ...]

    @classmethod
    def of(cls, evaluator: COCOeval, lines: Sequence[Line], image_ids: Sequence[int]) -> "MatchTable":
        """Take the matches of an evaluator.

        Args:
            evaluator: after ``evaluate``.
            lines: definitions of the numbers.
            image_ids: the ids of all images, in the evaluator's order, which decides between tied scores.

        Returns:
            The table; its images are numbered in that order.
        """
        params, place = evaluator.params, {number: i for i, number in enumerate(image_ids)}
        areas, thresholds = tuple(params.area_rng_lbl), np.array(params.iou_thrs)
        sizes = [tuple(limits) for limits in params.area_rng]
        found: dict[Any, list[list[Mapping[str, Any]]]] = {c: [[] for _ in areas] for c in params.cat_ids}
        for entry in filter(None, evaluator.eval_imgs):
            found[entry["category_id"]][sizes.index(tuple(entry["aRng"]))].append(entry)
        classes = [_matches(by_area, place, len(thresholds)) for by_area in found.values()]
        return cls(tuple(lines), thresholds, np.array(params.rec_thrs), areas, tuple(classes))

    def numbers(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Compute COCO's numbers for images that count as often as their weights say.

        Args:
            weights: (B, I) integers, B weightings of the images.

        Returns:
            (B,) by key; NaN where COCO defines none.
        """
        precise = {(area, most) for key, _, area, most in self.lines if key.startswith("AP")}
        curves = {place: self._means(weights, *place, precise=True) for place in precise}
        rest = {(area, most) for _, _, area, most in self.lines} - precise
        curves |= {place: self._means(weights, *place, precise=False) for place in rest}
        numbers = {}
        for key, iou, area, most in self.lines:
            values = curves[area, most][0 if key.startswith("AP") else 1]
            if ":" not in iou:
                values = values[:, np.isclose(self.thresholds, float(iou))]
            numbers[key] = values.mean(axis=1)
        return numbers

    def _means(
        self, weights: np.ndarray, area: str, most: int, precise: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return mean precision and recall (B, T) over the classes that have truths; NaN where none has."""
        a, shape = self.areas.index(area), (len(weights), len(self.thresholds))
        precision, recall, defined = np.zeros(shape), np.zeros(shape), np.zeros((len(weights), 1))
        for matches in self.classes:
            count = weights @ matches.positives[a].astype(weights.dtype)
            there = count > 0
            if not there.any():
                continue
            kept = np.flatnonzero(matches.rank < most)
            right, ignored, image = (
                matches.right[a][:, kept],
                matches.ignored[a][:, kept],
                matches.image[kept],
            )
            defined += there[:, None]
            precision += self._precision(weights, image, right, ignored, count) if precise else 0.0
            recall += _recall(weights, image, right, count)
        with np.errstate(invalid="ignore"):
            return precision / np.where(defined > 0, defined, np.nan), recall / np.where(
                defined > 0, defined, np.nan
            )

    def _precision(
        self,
        weights: np.ndarray,
        image: np.ndarray,
        right: np.ndarray,
        ignored: np.ndarray,
        count: np.ndarray,
    ) -> np.ndarray:
        """Return the precision (B, T), averaged over the recalls, of D predictions and ``count`` (B,) truths."""
        means, wanted = np.zeros((len(weights), len(right))), _least(self.recalls, count)
        of_prediction, before, sums = weights[:, image], None, np.zeros(0)
        for t in range(len(right)):
            hits = np.flatnonzero(right[t])
            if not len(hits):
                continue
            if before is None or not np.array_equal(ignored[t], before):
                before = ignored[t]
                sums = np.cumsum(np.where(before, 0, of_prediction), axis=1)
            true = np.cumsum(of_prediction[:, hits], axis=1)
            # only behind a right prediction can the precision be the highest of those that follow
            ratio = true / (sums[:, hits] + np.spacing(1))
            ratio = np.maximum.accumulate(ratio[:, ::-1], axis=1)[:, ::-1]
            means[:, t] = _at(ratio, true, wanted).mean(axis=1)
        return np.where(count[:, None] > 0, means, 0.0)


def _matches(
    by_area: Sequence[Sequence[Mapping[str, Any]]], place: Mapping[int, int], thresholds: int
) -> ClassMatches:
    """Return the matches of a class from the evaluator's entries: a list for each size, an entry for each image."""
    ordered = [sorted(entries, key=lambda entry: place[entry["image_id"]]) for entries in by_area]
    entries = ordered[0]
    sizes = [len(entry["dtScores"]) for entry in entries]
    scores = np.array([score for entry in entries for score in entry["dtScores"]], float)
    order = np.argsort(-scores, kind="stable")
    image = np.repeat([place[entry["image_id"]] for entry in entries], sizes).astype(np.int64)
    rank = np.concatenate([np.arange(size) for size in sizes] or [np.zeros(0, np.int64)])
    right = np.zeros((len(by_area), thresholds, len(scores)), bool)
    ignored, positives = right.copy(), np.zeros((len(by_area), len(place)), np.int64)
    for a, of_size in enumerate(ordered):
        for name, table in (("dtMatched", right), ("dtIgnore", ignored)):
            parts = [np.array(entry[name], bool).reshape(thresholds, -1) for entry in of_size]
            if parts:
                table[a] = np.concatenate(parts, axis=1)[:, order]
        for entry in of_size:
            positives[a, place[entry["image_id"]]] = sum(not unused for unused in entry["gtIgnore"])
    return ClassMatches(image[order], rank[order], right & ~ignored, ignored, positives)


def _recall(weights: np.ndarray, image: np.ndarray, right: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return the recall (B, T) of all predictions; 0 without truths."""
    found = [np.bincount(image[hits], minlength=weights.shape[1]) for hits in right]
    return weights @ np.array(found, float).T / np.maximum(count, 1)[:, None]


def _least(recalls: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return the least number of right predictions (B, R) that reaches each recall, as floats compare."""
    whole = np.maximum(count, 1)[:, None]
    least = np.ceil(recalls * whole).astype(np.int64)
    least -= (least - 1) / whole >= recalls
    return least + (least / whole < recalls)


def _at(ratio: np.ndarray, true: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the values of ``ratio`` (B, P) at the first places where ``true`` (B, P) reaches ``wanted`` (B, R).

    0 where it never does. All rows are searched at once: each begins where the one before ends.
    """
    rows, columns = true.shape
    start = np.arange(rows, dtype=np.int64)[:, None]
    length = int(max(true.max(initial=0), wanted.max(initial=0))) + 1
    places = np.searchsorted((true + start * length).reshape(-1), wanted + start * length) - start * columns
    padded = np.concatenate([ratio, np.zeros((rows, 1))], axis=1)
    return np.take_along_axis(padded, np.clip(places, 0, columns), axis=1)


def match_arrays(table: MatchTable) -> dict[str, np.ndarray]:
    """Return a table as arrays, to be kept in a file.

    Args:
        table: the matches.

    Returns:
        Arrays by name.
    """
    lines = np.array([list(map(str, line)) for line in table.lines])
    arrays = {
        "lines": lines,
        "thresholds": table.thresholds,
        "recalls": table.recalls,
        "areas": np.array(table.areas),
    }
    for i, matches in enumerate(table.classes):
        arrays |= {f"{i}/{name}": getattr(matches, name) for name in _PER_CLASS}
    return arrays


def matches_from(arrays: Mapping[str, np.ndarray]) -> MatchTable:
    """Rebuild a table.

    Args:
        arrays: from ``match_arrays``.

    Returns:
        The table.
    """
    lines = tuple((str(key), str(iou), str(area), int(most)) for key, iou, area, most in arrays["lines"])
    number = len({name.partition("/")[0] for name in arrays if "/" in name})
    classes = [ClassMatches(*(arrays[f"{i}/{name}"] for name in _PER_CLASS)) for i in range(number)]
    areas = tuple(str(name) for name in arrays["areas"])
    return MatchTable(lines, arrays["thresholds"], arrays["recalls"], areas, tuple(classes))
