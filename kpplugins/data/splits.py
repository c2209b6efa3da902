"""Dividing a sequence into train, val and test."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from kpplugins.structures import BadInputError

T = TypeVar("T")
SPLITS = ("train", "val", "test")
SPLIT_WORDS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
    "testing": "test",
}  # fmt: skip
"""Words in the names of files and folders, and the split that they mean."""
_WORD = re.compile(rf"(?<![a-z])({'|'.join(sorted(SPLIT_WORDS, key=len, reverse=True))})(?![a-z])")


def split_of_name(name: str) -> str:
    """Return the split that the name of a file or folder means: ``train2017`` and ``my_val``, but not ``latest``.

    Args:
        name: of the file, without its ending, or of the folder.

    Returns:
        ``train``, ``val``, ``test``, or empty.
    """
    found = _WORD.search(name.lower())
    return SPLIT_WORDS[found.group(1)] if found else ""


def split_bounds(n: int, ratios: Sequence[float]) -> list[int]:
    """Return the three parts' ends: part i of n items is ``[bounds[i], bounds[i + 1])``.

    Each inner bound is n times the cumulated ratio, rounded to the nearest whole number (halves up), so that part
    sizes differ from the exact ratio by less than one item.

    Args:
        n: number of items.
        ratios: shares of train, val and test, in any unit.

    Returns:
        Four whole numbers from 0 to n.

    Raises:
        BadInputError: not three ratios, or a negative one, or all zero.
    """
    if len(ratios) != len(SPLITS) or min(ratios) < 0 or sum(ratios) <= 0:
        raise BadInputError(
            "wrong split ratios",
            where="ratios",
            expected="three numbers ≥ 0 such as (60, 20, 20)",
            found=str(ratios),
        )
    total, cumulated = float(sum(ratios)), np.cumsum(ratios)
    return [0, *(int(np.floor(n * c / total + 0.5)) for c in cumulated[:-1]), n]


def take_split(
    items: Sequence[T], split: str, ratios: Sequence[float] = (60, 20, 20), shuffle_seed: int | None = None
) -> list[T]:
    """Return one part of ``items``, in their order or shuffled first by a seed.

    Args:
        items: everything, already in a fixed order.
        split: ``train``, ``val``, ``test``, or ``all``.
        ratios: the three parts' shares, in any unit.
        shuffle_seed: ``None`` keeps the order; a number shuffles reproducibly before dividing.

    Returns:
        The items of the part, at least one.

    Raises:
        BadInputError: an unknown split, wrong ratios, or an empty part.
    """
    if split not in (*SPLITS, "all"):
        raise BadInputError(
            "unknown split", where="split", expected="train, val, test or all", found=repr(split)
        )
    order = list(range(len(items)))
    if shuffle_seed is not None:
        order = np.random.default_rng(shuffle_seed).permutation(len(items)).tolist()
    bounds = split_bounds(len(items), ratios)
    first, last = (0, len(items)) if split == "all" else bounds[SPLITS.index(split) :][:2]
    if first == last:
        raise BadInputError(
            f"the {split} split has no images",
            where="split",
            expected=f"at least one of {len(items)} images by ratios {tuple(ratios)}",
            found=f"{bounds[1] - bounds[0]} train, {bounds[2] - bounds[1]} val, {bounds[3] - bounds[2]} test",
            todo="add images or change `ratios`",
        )
    return [items[i] for i in order[first:last]]


def true_division(splits: Mapping[Path, str]) -> dict[Path, str]:
    """Keep ``splits`` where they name at least two parts; a set with one part is not divided.

    Args:
        splits: ``train``, ``val`` or ``test`` by the path of an image.

    Returns:
        A copy of them; empty where they name fewer than two parts.
    """
    return dict(splits) if len(set(splits.values())) > 1 else {}
