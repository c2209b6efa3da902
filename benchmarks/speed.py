"""Benchmarks of speed and size, as ratios within one run wherever two things are compared."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from mmpose.registry import MODELS

from kpplugins.apis.benchmarking.train_speed import train_speed
from kpplugins.synthetic import write_sample_cats


def training_throughput(config: Path) -> dict[str, float]:
    """Measure ``train_speed`` of a config on 300 drawn cats.

    Args:
        config: to train.

    Returns:
        ``runner`` and ``bare`` in images per second, ``waiting`` (share of the time without a batch), and ``ratio``.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_sample_cats(Path(folder) / "cats", 300, 0)
        report = train_speed(config, f"{folder}/cats")
    runner, bare = report.rows
    return {
        "runner": runner["images a second"], "bare": bare["images a second"], "waiting": runner["waiting for data"],
        "ratio": report.facts["Runner ÷ bare loop"],
    }  # fmt: skip


def start_up(root: Path, runs: int = 5) -> dict[str, float]:
    """Time ``tools/train.py --help`` as a whole process, and an empty Python beside it; medians in seconds."""

    def seconds(*command: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, capture_output=True, cwd=root)
        return time.perf_counter() - start

    return {
        "train --help": median(seconds("-X", "importtime", "tools/train.py", "--help") for _ in range(runs)),
        "python -c pass": median(seconds("-c", "pass") for _ in range(runs)),
    }


def drawing(num: int = 100) -> dict[str, float]:
    """Measure drawn cats per second, on one core, writing included."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_sample_cats(Path(folder) / "cats", num, 0)
        return {"cats a second": num / (time.perf_counter() - start)}


def model_sizes() -> list[dict[str, float | str | int]]:
    """Count parameters (millions) and multiply-adds (10⁹) at 256×256, K = 17, of 1, 2, 4 and 8 stacks.

    Gated and vanilla at C = 256 and depth 4; MMPose's ``HourglassNet`` at the same channels, depth and one block per
    level; and ``HourglassNet`` as MMPose configures it (depth 5, 256 to 512 channels, two to four blocks per level).
    """
    rows: list[dict[str, float | str | int]] = []
    for stacks in (1, 2, 4, 8):
        for name, make in _HOURGLASSES.items():
            parameters, operations = _cost(MODELS.build({"type": "TopdownPoseEstimator", **make(stacks)}))
            rows.append(
                {"stacks": stacks, "model": name, "parameters M": parameters, "multiply-adds G": operations}
            )
    return rows


def _ours(stacks: int, gated: bool) -> dict:
    head = dict(
        type="GatedHourglassHead", in_channels=256, out_channels=17, num_stacks=stacks, depth=4, gated=gated
    )
    return dict(backbone=dict(type="HourglassStem", channels=256, gated=gated), head=head)


def _mmpose(stacks: int, **settings: Any) -> dict:
    head = dict(type="CPMHead", in_channels=256, out_channels=17, num_stages=stacks, deconv_out_channels=None)
    return dict(backbone=dict(type="HourglassNet", num_stacks=stacks, **settings), head=head)


_HOURGLASSES: dict[str, Callable[[int], dict]] = {
    "gated": lambda n: _ours(n, True),
    "vanilla": lambda n: _ours(n, False),
    "HourglassNet, same setting": lambda n: _mmpose(
        n, downsample_times=4, stage_channels=(256,) * 5, stage_blocks=(1,) * 5
    ),
    "HourglassNet, MMPose's default": lambda n: _mmpose(n),
}


def _cost(model: Any) -> tuple[float, float]:
    from torch.utils.flop_counter import FlopCounterMode

    model.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.head(model.backbone(torch.zeros(1, 3, 256, 256)))
    return sum(p.numel() for p in model.parameters()) / 1e6, counter.get_total_flops() / 2e9
