"""Datasets inside wrappers, such as ``CombinedDataset``, ``ConcatDataset`` and ``RepeatDataset``."""

from collections.abc import Iterator
from typing import Any


def datasets_with_steps(dataset: Any, outer: tuple = ()) -> Iterator[tuple[Any, tuple]]:
    """Find the datasets inside wrappers, and what happens to their samples.

    Args:
        dataset: any dataset.
        outer: steps of the wrappers around it.

    Yields:
        The datasets that it wraps, or itself, each with the steps that its samples go through.
    """
    steps = (*getattr(getattr(dataset, "pipeline", None), "transforms", ()), *outer)
    inner = getattr(dataset, "datasets", None) or [getattr(dataset, "dataset", None)]
    if inner == [None]:
        yield dataset, steps
        return
    for part in inner:
        yield from datasets_with_steps(part, steps)


def inner_datasets(dataset: Any) -> Iterator[Any]:
    """Find the datasets inside wrappers.

    Args:
        dataset: any dataset.

    Yields:
        The datasets that it wraps, or itself.
    """
    return (inner for inner, _ in datasets_with_steps(dataset))
