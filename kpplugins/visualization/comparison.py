"""Several recipes in one image."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kpplugins.structures.replaced_file import replaced_file

Line = tuple[Sequence[float], Sequence[float | None]]
"""A line in a plot: x and y of its points; ``None`` where there is no value."""


def plot_comparison(
    path: Path,
    pck: Mapping[str, Line],
    loss: Mapping[str, Line],
    metric: Mapping[str, Line],
    metric_name: str = "AP",
) -> Path:
    """Plot PCK over its threshold, and training loss and validation metric over time, one colour per recipe.

    Args:
        path: the image to write.
        pck: by recipe, thresholds (fractions of the longer side of the box) and PCK.
        loss: by recipe, minutes of training and loss.
        metric: by recipe, minutes of training and a metric on the validation split.
        metric_name: name of that metric.

    Returns:
        ``path``.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    names = list(dict.fromkeys([*pck, *loss, *metric]))
    colours = {name: f"C{i}" for i, name in enumerate(names)}
    for axes, lines, marker in ((left, pck, ""), (middle, loss, ""), (right, metric, ".")):
        for name, (x, y) in lines.items():
            axes.plot(x, _numbers(y), marker=marker, color=colours[name], label=name)
        axes.grid(alpha=0.3)
        if lines:
            axes.legend(fontsize="small")
    left.set(title="test", xlabel="threshold / longer side of the box", ylabel="PCK", ylim=(0, 1.02))
    middle.set(title="training", xlabel="minutes of training", ylabel="loss")
    if all(v is None or v > 0 for _, y in loss.values() for v in y):  # likelihoods may be negative
        middle.set_yscale("log")
    right.set(title="validation", xlabel="minutes of training", ylabel=metric_name)
    with replaced_file(path) as aside:
        figure.savefig(aside, dpi=110)
    return path


def _numbers(values: Sequence[Any]) -> list[float]:
    return [float("nan") if v is None else v for v in values]
