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
from mmengine.hooks import Hook
from mmpose.registry import MODELS

from kpplugins.config.load import load_config
from kpplugins.engine.runner import build_runner
from kpplugins.synthetic import write_sample_cats

WARM_UP = 12
"""Uncounted iterations at the start: the first epoch, in which every image is decoded."""


class _StepClock(Hook):
    """Records the wall time of each training iteration, including waiting for data."""

    priority = "VERY_LOW"

    def __init__(self) -> None:
        self.ends: list[float] = []

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Record the end of a training iteration."""
        self.tick()

    def tick(self) -> None:
        """Record that an iteration ends now."""
        self.ends.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """Return the seconds per iteration after the warm-up."""
        return (self.ends[-1] - self.ends[WARM_UP - 1]) / (len(self.ends) - WARM_UP)


def training_throughput(config: Path, epochs: int = 6, rounds: int = 3) -> dict[str, float]:
    """Measure images per second through the Runner, and of the same model in a bare loop on ready tensors.

    The bare loop does what a training step must: forward, loss, backward, optimizer step. Everything else is the
    Runner's share: reading and augmenting images, the data workers on the same cores, logging, hooks.

    Args:
        config: config to train, on 300 drawn cats.
        epochs: epochs of each round, the first not counted; validation and checkpoints are left out.
        rounds: how often the two take turns; the median of each counts.

    Returns:
        ``runner`` and ``bare`` in images per second, and ``ratio``.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_sample_cats(Path(folder) / "cats", 300, 0)
        through, bare = [], []
        for _ in range(rounds):
            options = {"max_epochs": epochs, "train_cfg.val_interval": epochs + 1}
            cfg = load_config(config, data=f"{folder}/cats", work_dir=f"{folder}/run", cfg_options=options)
            cfg.default_hooks.checkpoint = None
            runner = build_runner(cfg, training=True)
            clock = _StepClock()
            runner.register_hook(clock)
            runner.train()
            through.append(clock.seconds)
            bare.append(_bare_loop(runner, len(clock.ends) - WARM_UP))
    size = cfg.train_dataloader.batch_size
    return {
        "runner": size / median(through),
        "bare": size / median(bare),
        "ratio": median(bare) / median(through),
    }


def _bare_loop(runner: Any, iterations: int) -> float:
    """Return the seconds per iteration of the runner's model and optimizer on ready tensors."""
    model, optimizer = runner.model.train(), runner.optim_wrapper.optimizer
    batches = [batch for batch, _ in zip(runner.train_dataloader, range(8), strict=False)]
    ready = [model.data_preprocessor(batch, training=True) for batch in batches]
    clock = _StepClock()
    for i in range(WARM_UP + iterations):
        loss = model(**ready[i % len(ready)], mode="loss")["loss_kpt"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        clock.tick()
    return clock.seconds


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
