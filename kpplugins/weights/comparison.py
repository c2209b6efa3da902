"""Compare a checkpoint's weights with a model: the one comparison behind every way of loading."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COUNTER = "num_batches_tracked"
"""Ending of the names of batch norm's counters, which old torch files lack and on which no output depends."""
SHOWN = 3
"""How many tensors a message names; the others are only counted."""


@dataclass(frozen=True)
class Comparison:
    """Tensors that a model and some weights share, and those that they do not.

    Attributes:
        fitting: names of tensors that both have in the same shape.
        missing: names that the model has and the weights lack, batch norm's counters aside.
        left_over: names that the weights have and the model lacks, batch norm's counters aside.
        other_shape: names that both have in different shapes, each with both shapes: ``(17, 4) for (9, 4)``.
    """

    fitting: tuple[str, ...]
    missing: tuple[str, ...]
    left_over: tuple[str, ...]
    other_shape: dict[str, str]

    @property
    def covers(self) -> bool:
        """Tell whether the weights cover the whole model."""
        return not self.missing and not self.other_shape

    @property
    def shapes(self) -> list[str]:
        """Return the tensors of another shape, in words."""
        return [f"{name} {shapes}" for name, shapes in self.other_shape.items()]


def compare(model: Mapping[str, Any], weights: Mapping[str, Any]) -> Comparison:
    """Compare a model's tensors with weights for it.

    Args:
        model: its tensors by name; only their shapes matter.
        weights: tensors by name.

    Returns:
        What fits and what does not; every name, batch norm's counters aside, is in one of the four groups.
    """
    common = [name for name in model if name in weights]
    return Comparison(
        fitting=tuple(n for n in common if model[n].shape == weights[n].shape),
        missing=tuple(n for n in model if n not in weights and not n.endswith(COUNTER)),
        left_over=tuple(n for n in weights if n not in model and not n.endswith(COUNTER)),
        other_shape={
            n: f"{tuple(weights[n].shape)} for {tuple(model[n].shape)}"
            for n in common
            if model[n].shape != weights[n].shape
        },
    )


def listed(kinds: Mapping[str, Any]) -> str:
    """Return groups of names as one line: ``2 missing (a, b); 5 left over (c, d, e, …)``.

    Args:
        kinds: names by the words for their group; empty groups are left out.

    Returns:
        The line; each group names at most ``SHOWN``.
    """
    return "; ".join(
        f"{len(names)} {kind} ({', '.join(list(names)[:SHOWN])}{', …' if len(names) > SHOWN else ''})"
        for kind, names in kinds.items()
        if names
    )
