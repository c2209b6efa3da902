"""The one-euro filter: a low-pass filter that smooths more the slower its input moves.

Casiez, Roussel, Vogel: "1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems",
CHI 2012.
"""

import numpy as np


def smoothing_factor(cutoff: np.ndarray, elapsed: float) -> np.ndarray:
    """Return the share of the new value in exponential smoothing.

    Args:
        cutoff: frequency in Hz above which changes are damped.
        elapsed: seconds since the value before.

    Returns:
        From 0 to 1, in the shape of ``cutoff``.
    """
    turn = 2 * np.pi * np.asarray(cutoff) * elapsed
    return turn / (turn + 1)


def one_euro_step(
    before: np.ndarray,
    speed: np.ndarray,
    value: np.ndarray,
    elapsed: float,
    *,
    min_cutoff: float,
    beta: float,
    speed_cutoff: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Filter one more value.

    The cut-off grows with the speed, here the length of its vector, so that both coordinates of a keypoint are
    treated alike and whichever way it moves.

    Args:
        before: ``(..., D)`` the filtered value before.
        speed: ``(..., D)`` its filtered speed, units a second.
        value: ``(..., D)`` the new value.
        elapsed: seconds since the one before, more than 0.
        min_cutoff: Hz, of what stands still.
        beta: Hz for each unit a second.
        speed_cutoff: Hz, of the speed.

    Returns:
        The filtered value and speed, in the shape of ``value``.
    """
    share = smoothing_factor(np.asarray(speed_cutoff), elapsed)
    new_speed = share * (value - before) / elapsed + (1 - share) * speed
    cutoff = min_cutoff + beta * np.linalg.norm(new_speed, axis=-1, keepdims=True)
    share = smoothing_factor(cutoff, elapsed)
    return share * value + (1 - share) * before, new_speed
