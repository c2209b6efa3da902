"""All that the numbers of a test are made of, image by image."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from kpplugins.evaluation.evaluation_result import PCK_THRESHOLDS, EvaluationResult
from kpplugins.evaluation.intervals.match_table import MatchTable, match_arrays, matches_from
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replaced_file

PER_IMAGE = "per_image.npz"
"""File of a work dir with the table of its test."""
OF_KEYPOINT = "keypoint:"
"""Begin of the keys of a single keypoint's numbers."""
_AT_ONCE = 1 << 19
"""Weights, or weighed predictions, in memory at once: few enough for the processor's cache."""


@dataclass(frozen=True)
class PerImageTable:
    """What each of I images adds to each number of a test.

    A number is a sum over images divided by another, or one of COCO's, which are made of matches. A keypoint's own
    numbers have the key ``keypoint:NAME/KEY``.

    Attributes:
        images: I paths.
        instances: (I,) rows of the result.
        keys: S names of the numbers that are quotients.
        above: (S, I) numerators.
        below: (S, I) denominators.
        roots: keys of the numbers that are the root of their quotient.
        counts: keys of the numbers that are their quotient times the number of instances.
        matches: COCO's matches by the prefix of their keys.
    """

    images: tuple[str, ...]
    instances: np.ndarray
    keys: tuple[str, ...]
    above: np.ndarray
    below: np.ndarray
    roots: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    matches: dict[str, MatchTable] = field(default_factory=dict)

    @classmethod
    def of(cls, result: EvaluationResult) -> "PerImageTable":
        """Build the table of a test.

        Args:
            result: N instances with K keypoints, or whole images.

        Returns:
            The table; its numbers at weights of one are those of ``result.summary`` and ``result.per_keypoint``.
        """
        paths, place = result.image_places
        parts = {
            **_errors(result.distance, result.box_side),
            "NME": _shares(result.distance, result.nme_norm[0]),
        }
        for k, name in enumerate(result.schema.keypoints):
            own = _errors(result.distance[:, k : k + 1], result.box_side)
            parts |= {OF_KEYPOINT + f"{name}/{key}": part for key, part in own.items() if key != "RMSE"}
        found = result.found
        if found is not None:
            one = np.ones((len(found), 1))
            parts |= {"matched": (found[:, None] * one, one), "missed": (~found[:, None] * one, one)}
        summed = [[_by_image(values, place, len(paths)) for values in part] for part in parts.values()]
        above, below = (np.array(side) for side in zip(*summed, strict=True))
        instances = np.bincount(place, minlength=len(paths))
        counts = () if found is None else ("matched", "missed")
        return cls(
            tuple(paths), instances, tuple(parts), above, below, ("RMSE",), counts, result.match_tables()
        )

    @classmethod
    def of_matches(cls, images: list[str], matches: dict[str, MatchTable]) -> "PerImageTable":
        """Build the table of a test that has AP and AR only.

        Args:
            images: I paths, in the order of the matches.
            matches: by the prefix of their keys.

        Returns:
            The table.
        """
        none = np.zeros((0, len(images)))
        return cls(tuple(images), np.zeros(len(images), np.int64), (), none, none, matches=matches)

    def numbers(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Compute all numbers for images that count as often as their weights say.

        Args:
            weights: (B, I) integers, B weightings of the images.

        Returns:
            (B,) by key; NaN where a number is not defined.
        """
        parts = [self._numbers(weights[rows]) for rows in self._portions(len(weights))]
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    def _portions(self, count: int) -> Iterator[slice]:
        widest = max(
            len(self.images), *(len(one.image) for table in self.matches.values() for one in table.classes), 1
        )
        step = max(1, _AT_ONCE // widest)
        return (slice(start, start + step) for start in range(0, count, step))

    def _numbers(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        numbers, real, total = {}, weights.astype(float), int(self.instances.sum())
        with np.errstate(invalid="ignore", divide="ignore"):
            quotients = (real @ self.above.T) / (real @ self.below.T)
        for key, values in zip(self.keys, quotients.T, strict=True):
            values = np.sqrt(values) if key in self.roots else values
            if key in self.counts:
                values = values * total if total else np.zeros_like(values)
            numbers[key] = values
        for prefix, table in self.matches.items():
            numbers |= {prefix + key: values for key, values in table.numbers(weights).items()}
        return numbers

    def save(self, file: Path) -> None:
        """Write the table into a file that NumPy reads.

        Args:
            file: its path, which ends in ``.npz``.
        """
        facts = {"keys": self.keys, "roots": self.roots, "counts": self.counts, "matches": list(self.matches)}
        arrays: dict[str, Any] = {
            "facts": np.array(json.dumps(facts)), "images": np.array(json.dumps(self.images)),
            "instances": self.instances, "above": self.above, "below": self.below,
        }  # fmt: skip
        for prefix, table in self.matches.items():
            arrays |= {f"matches {prefix}|{name}": values for name, values in match_arrays(table).items()}
        with replaced_file(file) as aside, aside.open("wb") as stream:
            np.savez_compressed(stream, **arrays)

    @classmethod
    def load(cls, file: Path) -> "PerImageTable":
        """Read a table.

        Args:
            file: from ``save``.

        Returns:
            The table.

        Raises:
            BadInputError: the file is none, or of another kind.
        """
        try:
            with np.load(file, allow_pickle=False) as content:
                arrays = dict(content)
            facts = json.loads(str(arrays["facts"]))
            matches = {
                prefix: matches_from({
                    name.partition("|")[2]: values
                    for name, values in arrays.items() if name.startswith(f"matches {prefix}|")
                })
                for prefix in facts["matches"]
            }  # fmt: skip
            return cls(
                tuple(json.loads(str(arrays["images"]))), arrays["instances"], tuple(facts["keys"]), arrays["above"],
                arrays["below"], tuple(facts["roots"]), tuple(facts["counts"]), matches,
            )  # fmt: skip
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise BadInputError(
                "not the results of a test", where=str(file), todo="test again, or delete it and start again"
            ) from error


def _errors(distance: np.ndarray, side: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return numerators and denominators (N, K) of PCK, EPE and RMSE."""
    known = ~np.isnan(distance)
    counted = known.astype(float)
    plain = np.where(known, distance, 0.0)
    with np.errstate(invalid="ignore"):
        hits = {f"PCK@{t:g}": ((distance <= t * side[:, None]) & known) for t in PCK_THRESHOLDS}
    return {
        **{key: (hit.astype(float), counted) for key, hit in hits.items()},
        "EPE": (plain, counted),
        "RMSE": (plain**2 / 2, counted),
    }


def _shares(distance: np.ndarray, norm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return numerators and denominators (N, K) of NME."""
    ratio = distance / np.where(norm > 0, norm, np.nan)[:, None]
    known = ~np.isnan(ratio)
    return np.where(known, ratio, 0.0), known.astype(float)


def _by_image(values: np.ndarray, place: np.ndarray, images: int) -> np.ndarray:
    """Add up the values (N, K) of each image: (I,)."""
    return np.bincount(place, weights=values.sum(axis=1), minlength=images)
