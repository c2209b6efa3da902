"""One recipe of a comparison: its training, its test and its results."""

import hashlib
import json
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.logging import MessageHub

from kpplugins.apis.comparison.budget import Budget, epochs_within
from kpplugins.apis.statistics.interval_report import MeasuredImages
from kpplugins.apis.test import finite, write_report
from kpplugins.apis.train import train
from kpplugins.config.load import load_config
from kpplugins.data.images import SHOWN, read_image
from kpplugins.engine.runner import build_runner
from kpplugins.engine.time_budget_hook import OVER
from kpplugins.evaluation import BoxKeypointMetric, EvaluationResult, KeypointMetric
from kpplugins.evaluation.intervals.per_image_table import PER_IMAGE
from kpplugins.evaluation.limits import limits_of
from kpplugins.storage.files import stamp_of, walk
from kpplugins.structures.replaced_file import replace_text
from kpplugins.visualization.curves import METRIC_KEYS, read_scalars
from kpplugins.weights.checkpoints import default_checkpoint, load_strictly

ROW = "recipe.json"
"""File in which a finished run keeps its row, so that it need not be trained again."""
THRESHOLDS = np.linspace(0, 0.2, 81)
"""Thresholds of the PCK curve, as fractions of the box's longer side."""


@dataclass(frozen=True)
class Recipe:
    """A config, and the conditions under which it is compared.

    Attributes:
        name: of its row and of its folder.
        config: the config file.
        data: the data folder that every dataset reads.
        work_dir: the work dir of its run.
        budget: how long it is trained.
        seed: of weights, order and augmentation.
        cfg_options: values by dotted key that override the config's.
        skip_bad: skip bad files.
        from_scratch: leave out the pretrained weights that the config names.
    """

    name: str
    config: Path
    data: Path
    work_dir: Path
    budget: Budget
    seed: int
    cfg_options: dict[str, Any]
    skip_bad: bool
    from_scratch: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """Return the config options, with the seed."""
        return {**self.cfg_options, "randomness.seed": self.seed}

    def fingerprint(self) -> str:
        """Return a hash of the settled config, the data's files (name, size, time), the budget and the seed.

        Returns:
            The hash, in hexadecimal digits.

        Raises:
            BadInputError: see ``load_config``.
        """
        stamps = [(name, *stamp_of(self.data / name)) for name in sorted(walk(self.data))]
        content = [self._settled().to_dict(), str(self.budget), self.seed, self.from_scratch, stamps]
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()

    def finished(self, fingerprint: str) -> dict[str, Any] | None:
        """Read the row of an earlier run of the same recipe.

        Args:
            fingerprint: from ``fingerprint``, which the earlier run must have had too.

        Returns:
            The row, under today's name; ``None`` where there is no such run.
        """
        kept = self.work_dir / ROW
        try:
            row = json.loads(kept.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        there = row.get("fingerprint") == fingerprint and any(self.work_dir.glob("*.pth"))
        return {**row, "name": self.name} if there else None

    def epochs(self) -> int:
        """Return the budget in epochs of this recipe; a budget in minutes is converted with a probe.

        Returns:
            The number of epochs, at least 1.

        Raises:
            BadInputError: see ``epochs_within``.
        """
        if self.budget.minutes is None:
            return int(self.budget.epochs or 1)
        return epochs_within(
            self.budget,
            self.config,
            data=self.data,
            cfg_options=self.options,
            skip_bad=self.skip_bad,
            from_scratch=self.from_scratch,
        )

    def run(self, fingerprint: str, epochs: int) -> dict[str, Any]:
        """Train the recipe, test its best checkpoint, and keep the row.

        Call it in a process that has not trained yet: MMEngine keeps its loggers by name as long as Python runs, so a
        second run would log into the first one's work dir.

        Args:
            fingerprint: from ``fingerprint``; it is kept in the row.
            epochs: number of epochs to train.

        Returns:
            The row: ``name``, ``config``, ``fingerprint``, ``checkpoint``, ``epochs`` done and ``max_epochs`` planned,
            ``minutes`` of training (start and validation included), ``stopped`` (by the clock), ``images_per_second``
            in training, ``training`` and ``validation`` curves, and what ``tested`` gives: ``numbers``, ``pck``,
            ``test`` and ``limits``.

        Raises:
            BadInputError: see ``train`` and ``load_config``.
        """
        options: dict[str, Any] = {**self.options, "max_epochs": epochs}
        if self.budget.minutes is not None:
            hooks = [hook.to_dict() for hook in self._settled().get("custom_hooks") or []]
            ending = {"type": "TimeBudgetHook", "minutes": self.budget.minutes, "clock": self.budget.clock}
            options["custom_hooks"] = [*hooks, ending]
        start = time.monotonic()
        train(
            self.config,
            work_dir=self.work_dir,
            data=self.data,
            cfg_options=options,
            skip_bad=self.skip_bad,
            from_scratch=self.from_scratch,
        )
        course = {"minutes": (time.monotonic() - start) / 60, **self._course()}
        checkpoint = default_checkpoint(self.work_dir)
        row = {
            "name": self.name, "config": str(self.config), "fingerprint": fingerprint, "checkpoint": checkpoint.name,
            "max_epochs": epochs, **course, **self._tested(checkpoint),
        }  # fmt: skip
        row = finite(row)
        replace_text(self.work_dir / ROW, json.dumps(row) + "\n")
        return row

    def tested_again(self, row: dict[str, Any]) -> dict[str, Any]:
        """Test a finished run once more, for what an earlier version did not keep of its test.

        Args:
            row: of the run.

        Returns:
            The row with the new test.
        """
        row = finite({**row, **self._tested(self.work_dir / row["checkpoint"])})
        replace_text(self.work_dir / ROW, json.dumps(row) + "\n")
        return row

    def _course(self) -> dict[str, Any]:
        """Return speed and curves of the training that has just ended, over the minutes of its iterations."""
        hub = MessageHub.get_current_instance()
        seconds = np.asarray(hub.get_scalar("train/time").data[0], float)
        per_epoch = max(1, hub.get_info("max_iters") // hub.get_info("max_epochs"))
        # the first epoch starts the workers and decodes the images
        warm = seconds[per_epoch if len(seconds) > per_epoch else min(1, len(seconds) - 1) :]
        minutes = np.cumsum(seconds) / 60
        steps, entries = read_scalars(self.work_dir)
        reached = [min(e["step"] * per_epoch, len(minutes)) - 1 for e in entries]
        return {
            "epochs": len(seconds) / per_epoch,
            "stopped": bool(hub.get_info(OVER, False)),
            "images_per_second": self._settled().train_dataloader.batch_size / float(warm.mean()),
            "training": {
                "minutes": [float(minutes[min(e["step"], len(minutes)) - 1]) for e in steps],
                "loss": [e["loss"] for e in steps],
            },
            "validation": {
                "minutes": [float(minutes[i]) for i in reached],
                **{k: [e.get(k) for e in entries] for k in METRIC_KEYS if any(k in e for e in entries)},
            },
        }

    def _settled(self, work_dir: str | Path = "-") -> Config:
        return load_config(
            self.config, data=self.data, work_dir=work_dir, cfg_options=self.options, skip_bad=self.skip_bad
        )

    def _tested(self, checkpoint: Path) -> dict[str, Any]:
        """Test on the test split, write the usual report into the work dir, and return metrics and PCK curve."""
        cfg = self._settled(self.work_dir)
        runner = build_runner(cfg, training=False)
        load_strictly(runner.model, checkpoint)
        numbers = {k: float(v) for k, v in runner.test().items()}
        found = [
            m.result
            for m in runner.test_evaluator.metrics
            if isinstance(m, (KeypointMetric, BoxKeypointMetric))
        ]
        result = next(filter(None, found), None)
        image_of = getattr(runner.test_dataloader.dataset, "image", partial(read_image, rule=SHOWN))
        origin = {"config": str(self.config), "checkpoint": str(checkpoint)}
        write_report(self.work_dir, numbers, result, origin, image_of)
        for images in MeasuredImages.of(runner.test_evaluator.metrics)[:1]:
            images.table.save(self.work_dir / PER_IMAGE)
        return tested(numbers, result)


def tested(numbers: dict[str, float], result: EvaluationResult | None) -> dict[str, Any]:
    """Return the entries of a row that a test gives.

    Args:
        numbers: the metrics by name.
        result: what they were computed from; ``None`` for models without keypoints.

    Returns:
        ``numbers``; ``pck``, the curve; ``test``: number of ``instances`` and ``digest`` of images and labels;
        ``limits``, see ``limits_of``. The last three are ``None`` without a result.
    """
    if result is None:
        return {"numbers": numbers, "pck": None, "test": None, "limits": None}
    values = result.pck_curve(THRESHOLDS).tolist()
    return {
        "numbers": numbers,
        "pck": {"thresholds": THRESHOLDS.tolist(), "values": values},
        "test": {"instances": len(result.images), "digest": _digest(result)},
        "limits": limits_of(result),
    }


def _digest(result: EvaluationResult) -> str:
    """Return a hash that is the same for two tests on the same images with the same labelled keypoints."""
    instances = sorted(
        (Path(image).name, np.round(np.where(known[:, None], truth, 0), 2).tolist())
        for image, truth, known in zip(result.images, result.truth, result.labelled, strict=True)
    )
    return hashlib.sha256(json.dumps(instances).encode()).hexdigest()[:16]
