"""Images of one size side by side."""

import numpy as np


def grid(tiles: list[np.ndarray], columns: int) -> np.ndarray:
    """Tiles of one size, (h, w, 3) each, as one image, row by row; missing ones are black."""
    blank = np.zeros_like(tiles[0])
    padded = tiles + [blank] * (-len(tiles) % columns)
    return np.vstack([np.hstack(padded[i : i + columns]) for i in range(0, len(padded), columns)])
