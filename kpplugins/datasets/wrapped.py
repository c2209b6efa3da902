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
    inner = _wrapped_by(dataset)
    if not inner:
        yield dataset, steps
        return
    for part in inner:
        yield from datasets_with_steps(part, steps)


def every_dataset(dataset: Any) -> Iterator[Any]:
    """Find a dataset and everything inside it, the wrappers first.

    Args:
        dataset: any dataset.

    Yields:
        Itself, and all datasets that it wraps, wrappers among them.
    """
    yield dataset
    for part in _wrapped_by(dataset):
        yield from every_dataset(part)


def inner_datasets(dataset: Any) -> Iterator[Any]:
    """Find the datasets inside wrappers.

    Args:
        dataset: any dataset.

    Yields:
        The datasets that it wraps, or itself.
    """
    return (inner for inner, _ in datasets_with_steps(dataset))


def _wrapped_by(dataset: Any) -> list[Any]:
    """Return the datasets that one wraps directly; none if it is no wrapper."""
    inner = getattr(dataset, "datasets", None) or [getattr(dataset, "dataset", None)]
    return [part for part in inner if part is not None]
