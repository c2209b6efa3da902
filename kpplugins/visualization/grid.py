"""Images of one size side by side."""

import numpy as np


def grid(tiles: list[np.ndarray], columns: int) -> np.ndarray:
    """Arrange tiles row by row in one image; the rest of the last row is black.

    Args:
        tiles: one or more, (h, w, 3) each.
        columns: tiles per row.

    Returns:
        (rows · h, columns · w, 3).
    """
    blank = np.zeros_like(tiles[0])
    padded = tiles + [blank] * (-len(tiles) % columns)
    return np.vstack([np.hstack(padded[i : i + columns]) for i in range(0, len(padded), columns)])
