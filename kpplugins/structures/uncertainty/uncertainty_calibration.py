"""How far off the keypoints of a model may be."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.structures.errors import BadInputError
from kpplugins.structures.replaced_file import replace_text
from kpplugins.structures.visibility.score_curve import pooled

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Shares of the keypoints that are within a radius."""
LEVEL = 0.9
"""The share that is meant where none is named."""
ENOUGH = 50
"""Errors that are needed to learn anything."""
_FOLDS = 4
"""Parts of the instances, each of which is measured with a curve of the others."""
_PRIOR = 10
"""Errors that the mean of all keypoints counts for beside those of one keypoint."""
_IN_BIN = 20
"""Least number of errors behind a point of the curve."""


@dataclass(frozen=True)
class UncertaintyCalibration:
    """Standard deviations and radii of K keypoints, from their scores and the sizes of their instances.

    The error of a keypoint, relative to the size of its instance (the square root of its box's area), is the smaller
    the higher its score is: one falling curve of the score for all keypoints, times a factor for each. Both are
    estimated from distances to labels that were not trained on. The radii are split-conformal (Vovk et al. 2005; Lei
    et al. 2018, "Distribution-free predictive inference for regression"): quantiles of the distances in units of σ,
    each measured with a curve of other instances, so they hold whatever the errors' distribution is, for instances
    like these. Where a head predicts σ itself, such as one with ``RLELoss``, its score says how large it is.

    Attributes:
        keypoints: K names.
        instances: how many instances it was fitted to.
        errors: how many distances.
        scores: M scores, ascending.
        spreads: M standard deviations of x and y at these scores, relative to the size of the instance, falling; linear
            between, constant beyond.
        factors: K factors of these.
        radii: for each of ``LEVELS`` the radius around a keypoint, in units of its σ, in which the label is.
        checkpoint: name of the checkpoint that was calibrated, where the calibration is a file of its own.
    """

    keypoints: tuple[str, ...]
    instances: int
    errors: int
    scores: tuple[float, ...]
    spreads: tuple[float, ...]
    factors: tuple[float, ...]
    radii: tuple[float, ...]
    checkpoint: str | None = None

    @classmethod
    def fit(
        cls, keypoints: tuple[str, ...], scores: np.ndarray, distances: np.ndarray, sizes: np.ndarray
    ) -> "UncertaintyCalibration | str":
        """Fit the calibration.

        Args:
            keypoints: K names.
            scores: (N, K) of the predictions, on any scale.
            distances: (N, K) pixels from prediction to label; NaN where there is no label or no prediction.
            sizes: (N,) pixels, see ``sizes_of``.

        Returns:
            The calibration; or, where there is too little to learn from, the reason in words.
        """
        relative = np.asarray(distances, np.float64) / np.asarray(sizes, np.float64)[:, None]
        relative = np.where(np.isfinite(relative), relative, np.nan)
        known = ~np.isnan(relative)
        instances, errors = int(known.any(axis=1).sum()), int(known.sum())
        if errors < ENOUGH or instances < _FOLDS:
            return (
                f"no uncertainty is predicted: {errors} labelled keypoints of {instances} instances were found, and "
                f"{ENOUGH} of {_FOLDS} are needed"
            )
        units = np.concatenate(
            [
                (relative[part] / _scales(_curve(scores[rest], relative[rest]), scores[part])).ravel()
                for part, rest in _parts(np.flatnonzero(known.any(axis=1)))
            ]
        )
        units = units[~np.isnan(units)]
        deviation = max(math.sqrt(float(np.mean(units**2)) / 2), 1e-9)  # of x and of y, in units of the curve
        knots, spreads, factors = _curve(scores, relative)
        radii = tuple(_conformal(units, level) / deviation for level in LEVELS)
        return cls(
            tuple(keypoints), instances, errors, tuple(knots.tolist()),
            tuple((spreads * deviation).tolist()), tuple(factors.tolist()), radii,
        )  # fmt: skip

    def sigmas(self, scores: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Return the standard deviations of x and of y.

        Args:
            scores: (N, K).
            boxes: (N, 4) xyxy pixels.

        Returns:
            (N, K) pixels.
        """
        curve = np.array(self.scores), np.array(self.spreads), np.array(self.factors)
        return np.asarray(_scales(curve, np.asarray(scores, np.float64)) * sizes_of(boxes)[:, None])

    def radius(self, level: float = LEVEL) -> float:
        """Return the radius of a share of the keypoints.

        Args:
            level: of ``LEVELS``.

        Returns:
            In units of σ.
        """
        return self.radii[LEVELS.index(level)]

    @property
    def words(self) -> str:
        """Say what it was learnt from."""
        return f"uncertainty learnt from {self.errors} keypoints of {self.instances} instances"

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration as plain data for JSON; ``from_dict`` reads it."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, raw: Any, keypoints: tuple[str, ...], where: str) -> "UncertaintyCalibration":
        """Read what ``to_dict`` returned.

        Args:
            raw: plain data.
            keypoints: the K names that it must be of.
            where: where it comes from, for the message.

        Returns:
            The calibration.

        Raises:
            BadInputError: it is damaged, or of other keypoints.
        """
        try:
            numbers = {
                name: tuple(map(float, raw[name])) for name in ("scores", "spreads", "factors", "radii")
            }
            found = cls(
                keypoints=tuple(map(str, raw["keypoints"])),
                instances=int(raw["instances"]),
                errors=int(raw["errors"]),
                **numbers,
                checkpoint=raw.get("checkpoint") and str(raw["checkpoint"]),
            )
            found._check()
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise BadInputError(
                "not a calibration of uncertainty", where=where, found=f"{type(error).__name__}: {error}"[:100],
                todo="train again",
            ) from error  # fmt: skip
        if found.keypoints != tuple(keypoints):
            raise BadInputError(
                "calibration of other keypoints", where=where, expected=", ".join(keypoints),
                found=", ".join(found.keypoints),
            )  # fmt: skip
        return found

    def _check(self) -> None:
        """Raise ``ValueError`` if the numbers cannot be those of a calibration."""
        for name in ("scores", "spreads", "factors", "radii"):
            values = np.array(getattr(self, name))
            if not len(values) or not np.isfinite(values).all() or (name != "scores" and (values < 0).any()):
                raise ValueError(f"{name} are not finite numbers ≥ 0")
        if len(self.scores) != len(self.spreads) or (np.diff(self.scores) <= 0).any():
            raise ValueError("scores do not ascend, or are not as many as spreads")
        if len(self.factors) != len(self.keypoints) or len(self.radii) != len(LEVELS):
            raise ValueError("factors or radii of another number")

    def save(self, path: Path) -> None:
        """Write the calibration as JSON."""
        replace_text(path, json.dumps(self.to_dict(), indent=1) + "\n")


def sizes_of(boxes: np.ndarray) -> np.ndarray:
    """Return the sizes of instances.

    Args:
        boxes: (N, 4) xyxy pixels.

    Returns:
        (N,) square roots of the areas, at least one pixel; NaN for a box that is NaN.
    """
    sides = np.asarray(boxes, np.float64)[:, 2:] - np.asarray(boxes, np.float64)[:, :2]
    return np.asarray(np.sqrt(np.maximum(np.prod(np.maximum(sides, 0), axis=1), 1)))


_Curve = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Scores and mean relative distances at these (M,), and factors of the keypoints (K,)."""


def _curve(scores: np.ndarray, relative: np.ndarray) -> _Curve:
    """Fit factors and a falling curve (isotonic regression of the means of bins) to distances, NaN where unknown."""
    known = ~np.isnan(relative)
    mean = max(float(relative[known].mean()), 1e-9)
    counts = known.sum(axis=0)
    factors = (np.where(known, relative, 0).sum(axis=0) + _PRIOR * mean) / (counts + _PRIOR) / mean
    flat, rates = scores[known], (relative / factors)[known]
    order = np.argsort(-flat, kind="stable")
    bins = np.array_split(order, max(1, len(order) // max(_IN_BIN, len(order) // 50)))
    sums, numbers = (
        np.array([rates[one].sum() for one in bins]),
        np.array([len(one) for one in bins], float),
    )
    knots: dict[float, float] = {}
    for first, last, total, number in pooled(sums, numbers):
        for place in (first, last):
            knots[float(flat[bins[place]].mean())] = total / number
    found = sorted(knots.items())
    return np.array([score for score, _ in found]), np.array([value for _, value in found]), factors


def _scales(curve: _Curve, scores: np.ndarray) -> np.ndarray:
    """Return the curve at scores (N, K)."""
    knots, values, factors = curve
    return np.asarray(np.maximum(np.interp(scores, knots, values), 1e-9) * factors)


def _parts(rows: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split rows into consecutive parts, since neighbours are often alike: each with all the others."""
    return [(part, np.setdiff1d(rows, part)) for part in np.array_split(rows, _FOLDS)]


def _conformal(units: np.ndarray, level: float) -> float:
    """Return the quantile of distances that another one is below with the probability ``level``."""
    rank = min(math.ceil((len(units) + 1) * level), len(units))
    return float(np.sort(units)[rank - 1])
