"""Check that weights are numbers."""

from collections.abc import Mapping
from typing import Any

from kpplugins.structures import BadInputError
from kpplugins.weights.comparison import listed

_LEARNT = ("weight", "bias", "running_mean", "running_var")
"""Endings of names whose values are never infinite; a mask in a buffer may be."""


def require_finite(weights: Mapping[str, Any], where: str) -> None:
    """Stop where weights contain NaN or infinity, as those of a training that has diverged do.

    Args:
        weights: tensors by name.
        where: their file, for the message.

    Raises:
        BadInputError: some do; the message names the first ones.
    """
    import torch

    bad = []
    for name, value in weights.items():
        if not isinstance(value, torch.Tensor) or not value.is_floating_point():
            continue
        whole = bool(torch.isfinite(value).all())
        if not whole and (name.endswith(_LEARNT) or bool(torch.isnan(value).any())):
            bad.append(name)
    if bad:
        raise BadInputError(
            "weights that are not finite", where=where, expected="numbers",
            found=listed({f"of {len(weights)} tensors with NaN or infinity": bad}),
            todo="its training has diverged: give an earlier checkpoint, or train again with a lower learning rate",
        )  # fmt: skip
