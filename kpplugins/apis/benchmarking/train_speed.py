"""The speed of training, against the same model in a bare loop."""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook

from kpplugins.apis.benchmarking.benchmark_report import BenchmarkReport
from kpplugins.config.load import load_config
from kpplugins.engine.runner import build_runner
from kpplugins.structures import BadInputError

READY = 8
"""Batches that the bare loop goes round."""
WORDS = (
    "The bare loop does what a step must (forward, loss, backward, optimizer step) on ready tensors; everything else\n"
    "is the Runner's share: reading and augmenting, data workers on the same cores, logging, hooks. The first epoch,\n"
    "in which every image is decoded, is not counted."
)


class _StepClock(Hook):
    """Records when each training iteration begins, its batch being there, and when it ends."""

    priority = "VERY_LOW"

    def __init__(self) -> None:
        self.begins: list[float] = []
        self.ends: list[float] = []

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Record that the batch is there."""
        self.begins.append(time.perf_counter())

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Record the end of a training iteration."""
        self.ends.append(time.perf_counter())

    def seconds(self, warm_up: int) -> float:
        """Return the seconds an iteration after the first ones."""
        return (self.ends[-1] - self.ends[warm_up - 1]) / (len(self.ends) - warm_up)

    def waiting(self, warm_up: int) -> float:
        """Return the share of the time after the first iterations that went by without a batch."""
        waits = sum(a - b for a, b in zip(self.begins[warm_up:], self.ends[warm_up - 1 : -1], strict=True))
        return waits / (self.ends[-1] - self.ends[warm_up - 1])


def train_speed(
    config: str | Path,
    data: str | Path | None = None,
    epochs: int = 6,
    rounds: int = 3,
    cfg_options: Mapping[str, Any] | None = None,
) -> BenchmarkReport:
    """Measure images a second through the Runner, and of the same model in a bare loop on ready tensors.

    Args:
        config: what to train; validation and checkpoints are left out.
        data: the data folder that the datasets read.
        epochs: of each round, the first not counted.
        rounds: how often the two take turns; the median of each counts.
        cfg_options: values of the config to override.

    Returns:
        ``images a second`` of both, the share of the time that the Runner waits for data, and the ratio of the speeds.

    Raises:
        BadInputError: see ``load_config``; or the data are too few for two epochs of an iteration.
    """
    if epochs < 2 or rounds < 1:
        raise BadInputError(
            "too little to measure", expected="≥ 2 epochs, ≥ 1 round", found=f"{epochs}, {rounds}"
        )
    through, bare, waits = [], [], []
    size = 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            clock, runner, warm_up = _trained(config, data, folder, epochs, dict(cfg_options or {}))
            size = runner.train_dataloader.batch_size
            through.append(clock.seconds(warm_up))
            waits.append(clock.waiting(warm_up))
            bare.append(_bare_loop(runner, len(clock.ends), warm_up))
    rows = [
        {"what": "Runner", "images a second": size / median(through), "waiting for data": median(waits)},
        {"what": "bare loop", "images a second": size / median(bare), "waiting for data": None},
    ]
    ratio = median(bare) / median(through)
    facts = {
        "config": str(config),
        "batch size": size,
        "epochs": epochs,
        "rounds": rounds,
        "Runner ÷ bare loop": ratio,
    }
    return BenchmarkReport("train", facts, rows, WORDS)


def _trained(
    config: str | Path, data: str | Path | None, folder: str, epochs: int, changed: dict[str, Any]
) -> tuple[_StepClock, Any, int]:
    """Train; return the clock, the runner, and the number of iterations in the first epoch."""
    options = {"max_epochs": epochs, "train_cfg.val_interval": epochs + 1, **changed}
    cfg: Config = load_config(config, data=data, work_dir=f"{folder}/run", cfg_options=options)
    cfg.default_hooks.checkpoint = None
    runner = build_runner(cfg, training=True)
    clock = _StepClock()
    runner.register_hook(clock)
    runner.train()
    return clock, runner, len(clock.ends) // epochs


def _bare_loop(runner: Any, iterations: int, warm_up: int) -> float:
    """Return the seconds per iteration of the runner's model and optimizer on ready tensors."""
    model, optimizer = runner.model.train(), runner.optim_wrapper.optimizer
    batches = [batch for batch, _ in zip(runner.train_dataloader, range(READY), strict=False)]
    ready = [model.data_preprocessor(batch, training=True) for batch in batches]
    clock = _StepClock()
    for i in range(iterations):
        with runner.optim_wrapper.optim_context(model):  # in the precision of the training
            losses = model(**ready[i % len(ready)], mode="loss")
        loss, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        clock.after_train_iter(runner, i)
    return clock.seconds(warm_up)
