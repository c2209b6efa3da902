"""What of a checkpoint's weights fits a model: the one comparison that every way of loading decides by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COUNTER = "num_batches_tracked"
"""How names of batch norm's counters end; files of old versions of torch lack them, and no output depends on them."""
SHOWN = 3
"""Tensors that are named in one line; the others are counted."""


@dataclass(frozen=True)
class Comparison:
    """Which tensors two sides have in common.

    Attributes:
        fitting: names of tensors that both have, in one shape.
        missing: names that the model has and the weights lack, without counters of batches.
        left_over: names that the weights have and the model lacks, without counters of batches.
        other_shape: names that both have in different shapes, each with both as ``(17, 4) for (9, 4)``.
    """

    fitting: tuple[str, ...]
    missing: tuple[str, ...]
    left_over: tuple[str, ...]
    other_shape: dict[str, str]

    @property
    def covers(self) -> bool:
        """Whether the weights give the model everything."""
        return not self.missing and not self.other_shape

    @property
    def shapes(self) -> list[str]:
        """The tensors of another shape, in words."""
        return [f"{name} {shapes}" for name, shapes in self.other_shape.items()]


def compare(model: Mapping[str, Any], weights: Mapping[str, Any]) -> Comparison:
    """Compare a model's tensors with weights for it.

    Args:
        model: its tensors by name; only their shapes are looked at.
        weights: tensors by name.

    Returns:
        What fits and what does not; every name but the counters' is in one of the four.
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
    """Groups of names in one line, ``2 missing (a, b); 5 left over (c, d, e, …)``; empty groups are left out."""
    return "; ".join(
        f"{len(names)} {kind} ({', '.join(list(names)[:SHOWN])}{', …' if len(names) > SHOWN else ''})"
        for kind, names in kinds.items()
        if names
    )
