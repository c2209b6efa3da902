"""Loss and metric curves of a run, from MMEngine's logs."""

import json
from pathlib import Path

METRIC_KEYS = ("AP", "AP50", "PCK@0.05", "PCK@0.1")
NAME = "curves.png"


def read_scalars(work_dir: Path) -> tuple[list[dict], list[dict]]:
    """Training and validation entries of all runs in a work dir, oldest first; a resumed run overrides what it repeats.

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
    """Write ``curves.png``: loss and learning rate by iteration, metrics by epoch. ``None`` when nothing was logged."""
    train, val = read_scalars(work_dir)
    if not train:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    steps = [e["step"] for e in train]
    left.plot(steps, [e["loss"] for e in train], label="loss")
    scale = "log" if min(e["loss"] for e in train) > 0 else "linear"  # RLE's loss goes below zero
    left.set(title="training", xlabel="iteration", ylabel="loss", yscale=scale)
    rate = left.twinx()
    rate.plot(steps, [e.get("lr", float("nan")) for e in train], color="tab:gray", alpha=0.6)
    rate.set_ylabel("learning rate (grey)")
    for key in METRIC_KEYS:
        known = [e for e in val if key in e]
        if known:
            right.plot([e["step"] for e in known], [e[key] for e in known], marker=".", label=key)
    right.set(title="validation", xlabel="epoch", ylim=(0, 1.02))
    right.grid(alpha=0.3)
    if val:
        right.legend(loc="lower right")
    figure.savefig(work_dir / NAME, dpi=110)
    return work_dir / NAME
