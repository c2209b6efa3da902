"""The intervals of a test: for ``metrics.json``, in lines, and what to beware of."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kpplugins.apis.statistics.image_groups import image_groups_of, videos_in_words
from kpplugins.evaluation.detection_result import DetectionResult
from kpplugins.evaluation.evaluation_result import EvaluationResult
from kpplugins.evaluation.intervals.bca import LEVEL
from kpplugins.evaluation.intervals.per_image_table import OF_KEYPOINT, PerImageTable
from kpplugins.evaluation.intervals.resampling import RESAMPLES, Resampling
from kpplugins.evaluation.intervals.spread import Interval, Spread
from kpplugins.evaluation.metrics.box_metric import BoxMetric

FEW = 50
"""Fewer groups give intervals that are too narrow (docs/statistics.md has the simulation)."""
WIDE_SCORE, WIDE_ERROR = 0.1, 0.2
"""Intervals of AP, and as a share of the number those of EPE, that are too wide for most questions."""


@dataclass(frozen=True)
class MeasuredImages:
    """What a metric kept of a test.

    Attributes:
        prefix: of its keys, with the slash.
        table: its numbers image by image.
        result: its instances, if it keeps them.
    """

    prefix: str
    table: PerImageTable
    result: EvaluationResult | None

    @classmethod
    def of(cls, metrics: Sequence[Any]) -> list["MeasuredImages"]:
        """Return what those of the metrics kept that know each image's part in their numbers."""
        found = []
        for metric in metrics:
            prefix = f"{metric.prefix}/" if getattr(metric, "prefix", None) else ""
            result = getattr(metric, "result", None)
            if isinstance(result, EvaluationResult) and _images(result):
                found.append(cls(prefix, PerImageTable.of(result), result))
            elif isinstance(metric, BoxMetric) and metric.scenes:
                found.append(cls("", metric.per_image_table(), None))
        return found


def _images(result: EvaluationResult) -> int:
    return len(result.scenes) if isinstance(result, DetectionResult) else len(result.images)


def interval_report(
    tested: Sequence[MeasuredImages],
    dataset: Any,
    *,
    group_by: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute the intervals of all numbers of a test.

    Args:
        tested: what the metrics kept.
        dataset: of the test.
        group_by: see ``image_groups_of``.
        resamples: how many.
        seed: of the resamples.

    Returns:
        ``level``, ``method``, ``resamples``, ``seed``, ``group_by``, ``images`` and ``groups``, how many; ``numbers``,
        (low, high) by key, ``None`` where there is none; ``per_keypoint``, a list with ``keypoint`` and the same; with
        several categories ``per_category``, the same by category; ``warnings``, sentences.

    Raises:
        BadInputError: see ``image_groups_of``.
    """
    images = list(dict.fromkeys(image for one in tested for image in one.table.images))
    resampling = Resampling(images, image_groups_of(images, group_by, dataset), resamples, seed)
    videos = videos_in_words(images) if group_by is None else None
    warnings = [*few_in_words(resampling.groups, len(images)), *([videos] if videos else [])]
    report: dict[str, Any] = {
        "level": LEVEL, "method": "bootstrap, BCa", "resamples": resamples, "seed": seed, "group_by": group_by,
        "images": len(images), "groups": resampling.groups, "numbers": {}, "per_keypoint": [],
    }  # fmt: skip
    for one in tested:
        spread = resampling.spread(one.table)
        report["numbers"] |= {one.prefix + key: ends for key, ends in intervals_of(spread).items()}
        warnings += wide_in_words(spread, one.prefix)
        if one.result is None or report["per_keypoint"]:
            continue
        report["per_keypoint"] = [
            {"keypoint": name, **intervals_of(spread, name)} for name in one.result.schema.keypoints
        ]
        kinds = one.result.by_category
        if len(kinds) > 1:
            of_kind = {name: resampling.spread(PerImageTable.of(part)) for name, part in kinds.items()}
            report["per_category"] = {name: intervals_of(found) for name, found in of_kind.items()}
    return {**report, "warnings": warnings}


def intervals_of(spread: Spread, keypoint: str | None = None) -> dict[str, Interval | None]:
    """Return the intervals of a test.

    Args:
        spread: of the test.
        keypoint: name of the keypoint whose own numbers are asked for. Default: those of the whole test.

    Returns:
        The ends by key; ``None`` where there is no interval, see ``Spread.interval``.
    """
    begin = "" if keypoint is None else f"{OF_KEYPOINT}{keypoint}/"
    keys = [key for key in spread.numbers if key.startswith(begin or OF_KEYPOINT) == bool(begin)]
    return {key.removeprefix(begin): spread.interval(key) for key in keys}


def few_in_words(groups: int, images: int) -> list[str]:
    """Say that a test set is small.

    Args:
        groups: of images.
        images: how many.

    Returns:
        A sentence, or none.
    """
    if groups >= FEW:
        return []
    what = f"{groups} images" if groups == images else f"{groups} groups of {images} images"
    return [
        f"only {what}: intervals from fewer than {FEW} are too narrow, and hold the true number less often"
    ]


def wide_in_words(spread: Spread, prefix: str = "") -> list[str]:
    """Say which of the main numbers are too uncertain for most questions, and what would help.

    Args:
        spread: of a test.
        prefix: of the keys.

    Returns:
        Sentences on AP (of boxes if there is no other) and EPE.
    """
    said = []
    score = next((key for key in ("AP", "box/AP") if key in spread.numbers), None)
    for key, most in ((score, WIDE_SCORE), ("EPE", WIDE_ERROR * spread.numbers.get("EPE", 0.0))):
        ends = None if key is None or key not in spread.numbers else spread.interval(key)
        if ends is None or ends[1] - ends[0] <= most:
            continue
        needed = round_up(spread.groups * ((ends[1] - ends[0]) / most) ** 2)
        said.append(
            f"{prefix}{key} is uncertain by {ends[1] - ends[0]:.2g} from end to end; {most:.2g} would take about "
            f"{needed} independent images or groups"
        )
    return said


def round_up(number: float) -> int:
    """Round up to two digits, as an estimate deserves.

    Args:
        number: positive.

    Returns:
        The rounded number.
    """
    unit = 10 ** max(0, math.floor(math.log10(max(number, 1))) - 1)
    return math.ceil(number / unit) * unit


def interval_lines(numbers: Mapping[str, float], intervals: Mapping[str, Interval | None]) -> str:
    """Format numbers with their intervals.

    Args:
        numbers: by key.
        intervals: their ends by key.

    Returns:
        A line for each number.
    """
    width = max(map(len, numbers), default=0)
    return "".join(
        f"{key:<{width}}  {value:.4f}{_ends(intervals.get(key))}\n" for key, value in numbers.items()
    )


def _ends(ends: Interval | None) -> str:
    return "" if ends is None else f"  ({ends[0]:.4f} to {ends[1]:.4f})"
