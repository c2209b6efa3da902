"""Whether uncertainty is right: predicted against found."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kpplugins.structures.replaced_file import replaced_file

RELIABILITY = "reliability.png"
"""File of the plot in a work dir."""


def plot_reliability(numbers: Mapping[str, Any], path: Path) -> Path | None:
    """Plot the standard deviation found over that predicted, and the shares found within the radii over their levels.

    Right: the error of the surest keypoints over their share.

    Args:
        numbers: of ``evaluation.uncertainty.uncertainty_numbers``.
        path: the image to write.

    Returns:
        ``path``; ``None``, and nothing is written, if nothing was measured.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not numbers["coverage"]:
        return None
    figure = Figure(figsize=(13, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    sigma, found = ([row[key] for row in numbers["reliability"]] for key in ("sigma", "found"))
    end = 1.05 * max(*sigma, *found)
    left.plot([0, end], [0, end], color="grey", lw=1)
    left.plot(sigma, found, "o-")
    left.set(
        xlabel="σ predicted, px", ylabel="σ found, px", title=f"{numbers['keypoints']} keypoints in ten bins"
    )
    levels, shares = ([row[key] for row in numbers["coverage"]] for key in ("level", "found"))
    middle.plot([0.4, 1], [0.4, 1], color="grey", lw=1)
    middle.plot(levels, shares, "o-")
    middle.set(xlabel="level of the radius", ylabel="share of the keypoints within it", title="coverage")
    kept, errors = ([row[key] for row in numbers["kept"]] for key in ("share", "EPE"))
    right.plot(kept, errors, "o-")
    right.set(
        xlabel="share of the keypoints kept", ylabel="EPE, px", title="the surest keypoints", ylim=(0, None)
    )
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
    with replaced_file(path) as aside:
        figure.savefig(aside, dpi=100)
    return path
