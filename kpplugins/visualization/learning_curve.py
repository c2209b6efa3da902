"""The error over the number of labels, and where it goes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kpplugins.structures.replaced_file import replaced_file


def plot_learning_curve(
    path: Path,
    points: Sequence[tuple[float, float]],
    curve: Sequence[tuple[float, float, float, float]],
    what: str,
) -> Path:
    """Plot the errors of trainings, and the law through them with its band, on logarithmic axes.

    Args:
        path: the image to write.
        points: training samples and error of each training.
        curve: training samples, and low end, median and high end of the predicted error.
        what: name of the error.

    Returns:
        ``path``.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator, ScalarFormatter

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    samples, low, middle, high = np.array(curve).T
    axes.fill_between(samples, low, high, color="C0", alpha=0.2, label="95 % of one more training")
    axes.plot(samples, middle, color="C0", label="power law")
    axes.plot(*np.array(points).T, "o", color="C1", label="trained")
    last = max(count for count, _ in points)
    axes.axvline(2 * last, color="grey", lw=1, ls="--", label="twice the labels")
    axes.set(xscale="log", yscale="log", xlabel="training samples", ylabel=what, title="learning curve")
    ticks = sorted({count for count, _ in points}) + [2 * last, 4 * last]
    axes.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(ScalarFormatter())
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize="small")
    with replaced_file(path) as aside:
        figure.savefig(aside, dpi=110)
    return path
