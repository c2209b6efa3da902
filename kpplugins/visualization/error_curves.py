"""How far off each keypoint is: cumulative curves."""

from pathlib import Path

import numpy as np

from kpplugins.evaluation.evaluation_result import EvaluationResult
from kpplugins.structures.replaced_file import replaced_file

ERRORS = "errors.png"
"""File of the plot in a work dir."""
_MOST = 0.2
"""The largest error of the curves, as a fraction of the longer side of the box."""
_NAMED = 20
"""The most keypoints that each have a colour in the legend; of more only the worst are named."""


def plot_errors(result: EvaluationResult, path: Path) -> Path | None:
    """Plot, for each keypoint, the share of its labels that is found within an error, and its usual and large errors.

    Left: the share over the error, as a fraction of the longer side of the box; what is missed is never found. Right:
    the median of the errors in pixels and their 90th percentile, the worst keypoint first.

    Args:
        result: the result of a test, N instances with K keypoints.
        path: the image to write.

    Returns:
        ``path``; ``None``, and nothing is written, if no keypoint has a label.
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = result.schema.keypoints
    shares = np.where(result.labelled, result.distance / result.box_side[:, None], np.nan)
    shown = [k for k in range(len(names)) if result.labelled[:, k].any()]
    if not shown:
        return None
    order = sorted(shown, key=lambda k: -_quantile(result.distance[:, k], 0.9))
    figure = Figure(figsize=(13, max(4.5, 0.3 * len(shown) + 1)), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    colours = colormaps["turbo"](np.linspace(0.05, 0.95, len(order)))
    for colour, k in zip(colours, order, strict=True):
        label = names[k] if order.index(k) < _NAMED else None
        left.plot(*cumulated(shares[:, k], result.labelled[:, k]), color=colour, lw=1, label=label)
    left.plot(*cumulated(shares, result.labelled), color="black", lw=2.5, label="all")
    left.set(
        title=f"{int(result.labelled.sum())} keypoints of {len(result.images)} instances", xlim=(0, _MOST),
        ylim=(0, 1.02), xlabel="error / longer side of the box", ylabel="share of the labelled keypoints",
    )  # fmt: skip
    left.grid(alpha=0.3)
    left.legend(fontsize="x-small", loc="lower right")
    places = np.arange(len(order))
    for quantile, colour, label in ((0.9, "lightgrey", "90 % are below"), (0.5, "dimgrey", "50 % are below")):
        values = [_quantile(result.distance[:, k], quantile) for k in order]
        right.barh(places, values, color=colour, label=label)
    right.set_yticks(places, [names[k] for k in order], fontsize="small")
    right.invert_yaxis()
    right.set(title="error of those found", xlabel="pixels")
    right.legend(fontsize="x-small", loc="lower right")
    with replaced_file(path) as aside:
        figure.savefig(aside, dpi=100)
    return path


def cumulated(shares: np.ndarray, labelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the share of labelled keypoints with at most an error.

    Args:
        shares: errors of any shape, NaN where nothing was predicted.
        labelled: boolean of that shape; others do not count.

    Returns:
        Errors from 0 to 0.2 (T,), and the share of the labelled keypoints within each (T,).
    """
    errors = np.linspace(0, _MOST, 201)
    found = np.sort(shares[labelled & ~np.isnan(shares)])
    return errors, np.searchsorted(found, errors, side="right") / max(1, int(labelled.sum()))


def _quantile(distances: np.ndarray, share: float) -> float:
    known = distances[~np.isnan(distances)]
    return float(np.quantile(known, share)) if len(known) else 0.0
