"""The parameters of a backbone, by depth."""

import re
from collections.abc import Iterable

_BLOCK = re.compile(r"^(.*?(?:^|[._-])\d+)(?:\.|$)")
"""The name of a block: up to its first number, as in ``net.layer1.0``, ``stages_2.1`` or ``model.blocks.11``."""
_INNER = re.compile(r"\.(?:blocks|layers)\.\d+(?=\.)")
"""A block inside of a numbered stage."""


def depth_groups(names: Iterable[str]) -> list[list[str]]:
    """Divide the parameters of a network into blocks, from the input to the output.

    A block is what has a number of its own: a residual block, a stage's block, a layer of a transformer. What stands
    before the first one, such as a stem or embeddings, is a group; what stands between or behind is part of the block
    before it.

    Args:
        names: of the parameters, in the order in which the network defines them.

    Returns:
        Names by depth.
    """
    groups: dict[str, list[str]] = {}
    current = ""
    for name in names:
        block = _block_of(name)
        current = block if block is not None else current
        groups.setdefault(current, []).append(name)
    return list(groups.values())


def _block_of(name: str) -> str | None:
    """Return the block that a parameter belongs to; ``None`` if no part of it has a number of its own."""
    found = _BLOCK.match(name)
    if found is None:
        return None
    inner = _INNER.match(name, found.end(1))
    return found[1] + (inner[0] if inner else "")
