"""Names of categories."""

from collections.abc import Sequence

import numpy as np

from kpplugins.structures import BadInputError


def names_of(labels: np.ndarray, classes: Sequence[str]) -> tuple[str, ...]:
    """Return the names of categories.

    Args:
        labels: (N,) indices into ``classes``.
        classes: the names.

    Returns:
        N names.

    Raises:
        BadInputError: a label has no name.
    """
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(classes):
        raise BadInputError(
            "predicted label without a name", where="classes.json", expected=f"0 to {len(classes) - 1}",
            found=str(labels.max()),
        )  # fmt: skip
    return tuple(classes[label] for label in labels)
