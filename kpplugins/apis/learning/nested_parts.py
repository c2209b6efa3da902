"""Parts of a training split, each within the next larger one, with groups of images kept whole."""

from collections.abc import Hashable, Sequence

import numpy as np

from kpplugins.structures import BadInputError


def nested_parts(groups: Sequence[Hashable], fractions: Sequence[float], seed: int) -> list[list[int]]:
    """Choose the samples of each part.

    Args:
        groups: what samples that belong together have in common, one for each of the N samples.
        fractions: sizes of the parts, above 0 and at most 1.
        seed: of the order in which groups are taken.

    Returns:
        For each fraction the indices of its samples, in their order: as many whole groups as come nearest to it, one at
        least.

    Raises:
        BadInputError: two parts are the same, for there are too few groups.
    """
    members: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    names = list(members)
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names)).tolist()]
    reached = np.cumsum([len(members[name]) for name in order])
    counts = [int(np.abs(reached - fraction * len(groups)).argmin()) + 1 for fraction in fractions]
    if len(set(counts)) < len(counts):
        raise BadInputError(
            "too few groups for these fractions", where="--fractions", found=f"{len(names)} groups of {len(groups)}",
            expected=f"parts of different sizes at {', '.join(f'{f:g}' for f in fractions)}",
            todo="give fewer fractions, or a finer --group-by",
        )  # fmt: skip
    return [sorted(i for name in order[:count] for i in members[name]) for count in counts]
