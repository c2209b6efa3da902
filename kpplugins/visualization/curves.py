"""Loss and metric curves of a run, from MMEngine's logs."""

import json
from pathlib import Path
from typing import Any

from kpplugins.structures.replaced_file import replaced_file

METRIC_KEYS = ("AP", "AP50", "box/AP", "PCK@0.05", "PCK@0.1")
CURVES = "curves.png"
VAL_LOSS = "val_loss"


def read_scalars(work_dir: Path) -> tuple[list[dict], list[dict]]:
    """Read the training and validation entries of all runs in a work dir; a resumed run overrides what it repeats.

    Args:
        work_dir: the work dir.

    Returns:
        Entries with ``loss``, ``lr`` and ``step`` (iteration), and entries with metrics and ``step`` (epoch).
    """
    train: dict[int, dict] = {}
    val: dict[int, dict] = {}
    for file in sorted(work_dir.glob("*/vis_data/scalars.json")):
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue  # the last line of a run that was killed while writing it
            if "loss" in entry:
                train[entry["step"]] = entry
            elif any(key in entry for key in METRIC_KEYS) and "step" in entry:
                val[entry["step"]] = entry
    return [train[k] for k in sorted(train)], [val[k] for k in sorted(val)]


def plot_curves(work_dir: Path) -> Path | None:
    """Plot losses and learning rate over iterations, and validation metrics, if any, over epochs, to ``curves.png``.

    A sum of several losses is drawn with its parts.

    Args:
        work_dir: the work dir with the logs, which gets the file.

    Returns:
        The path of the file, or ``None`` if nothing was logged.
    """
    train, val = read_scalars(work_dir)
    if not train:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11 if val else 8, 4))
    figure.subplots_adjust(
        0.08, 0.13, 0.98 if val else 0.9, 0.91, wspace=0.35
    )  # a layout engine draws all twice
    FigureCanvasAgg(figure)
    left, *right = figure.subplots(1, 2 if val else 1, squeeze=False)[0]
    _draw_losses(left, train, val)
    if val:
        _draw_metrics(right[0], val)
    with replaced_file(work_dir / CURVES) as aside:
        figure.savefig(aside, dpi=110)
    return work_dir / CURVES


def _draw_losses(axes: Any, train: list[dict], val: list[dict]) -> None:
    steps = [e["step"] for e in train]
    parts = sorted({key for e in train for key in e if key.startswith("loss_")})
    for key in parts if len(parts) > 1 else []:
        axes.plot(steps, [e.get(key, float("nan")) for e in train], linewidth=1, label=key)
    axes.plot(steps, [e["loss"] for e in train], color="black", label="loss")
    validated = [e for e in val if VAL_LOSS in e]
    if validated:
        places = [_iteration(e["step"], train) for e in validated]
        axes.plot(
            places, [e[VAL_LOSS] for e in validated], color="tab:red", marker=".", label="validation loss"
        )
    drawn = [e[key] for e in train for key in ("loss", *parts) if key in e] + [e[VAL_LOSS] for e in validated]
    scale = "log" if min(drawn) > 0 else "linear"  # RLE's loss goes below zero
    axes.set(title="training", xlabel="iteration", ylabel="loss", yscale=scale)
    if len(parts) > 1 or validated:
        axes.legend(fontsize="x-small", loc="upper right")
    rate = axes.twinx()
    rate.plot(steps, [e.get("lr", float("nan")) for e in train], color="tab:gray", alpha=0.6, linestyle=":")
    rate.set_ylabel("learning rate (dotted)")


def _iteration(step: int, train: list[dict]) -> float:
    """Return the iteration of a validation, which is logged with its epoch, or else with its iteration."""
    last = train[-1]
    return step * last["step"] / last["epoch"] if last.get("epoch") and step <= last["epoch"] else step


def _draw_metrics(axes: Any, val: list[dict]) -> None:
    for key in METRIC_KEYS:
        known = [e for e in val if key in e]
        if known:
            axes.plot([e["step"] for e in known], [e[key] for e in known], marker=".", label=key)
    axes.set(title="validation", xlabel="epoch", ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
