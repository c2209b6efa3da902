"""Measure the cost of a comparison's models: parameters, operations, and time per image."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from mmpose.registry import DATASETS
from torch.utils.flop_counter import FlopCounterMode

from kpplugins.config.load import load_config
from kpplugins.inference.trained.trained_model import kind_of, load_trained
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
WARM_UP, ROUNDS = 3, 21
"""Uncounted passes at the start, and turns of every model."""
SAMPLES = 7
"""Number of inputs, spread over the test split, that each model gets in turn."""


@torch.inference_mode()
def costs(runs: Sequence[tuple[Path, Path]], data: str | Path) -> list[dict[str, Any]]:
    """Measure size and speed of trained models on this machine, in turn, so that all are measured under the same load.

    The inputs are those of the recipes' own test splits: what a pass costs depends on the size of the image where a
    model resizes it with its proportions kept, and on what is found where a model looks again at each finding.

    Args:
        runs: config file and checkpoint of each, of any kind of model.
        data: the data folder of all.

    Returns:
        For each ``kind`` (see ``kpplugins.structures.model_kind``); ``parameters``; ``multiply_adds`` of one pass
        (convolutions and matrix products, half of what ``torch.utils.flop_counter`` counts; mean over the inputs; a
        flip test takes twice that); and ``milliseconds`` of an input at batch size 1, from a ready input to what the
        model finds in the image, flip test as configured, median of all passes. An input is one instance for a
        top-down model, and a whole image, with all that is found in it, for all others. For a model that cannot be
        measured only ``note``, the reason.
    """
    ready = [_ready(config, checkpoint, data) for config, checkpoint in runs]
    models = [model for model in ready if isinstance(model, _Timed)]
    for turn in range(ROUNDS):
        for model in models:
            model.take(turn)
    return [model.measured if isinstance(model, _Timed) else {"note": model} for model in ready]


def _ready(config: Path, checkpoint: Path, data: str | Path) -> "_Timed | str":
    """Return a model that has been run on all its inputs, or why it cannot."""
    try:
        return _Timed(config, checkpoint, data)
    except Exception as error:  # whatever it is, the test results are kept, and the others are measured
        words = " ".join(str(error).split())[:200]
        logger.warning("%s: size and speed not measured", config, exc_info=True)
        return f"size and speed not measured: {type(error).__name__}: {words}"


class _Timed:
    """A model, inputs for it, and what it takes."""

    def __init__(self, config: Path, checkpoint: Path, data: str | Path) -> None:
        self.trained = load_trained(config, checkpoint)
        dataset = DATASETS.build(load_config(config, data=data).test_dataloader.dataset)
        if not len(dataset):
            raise BadInputError("nothing to measure on: the test split is empty", where=str(data))
        places = np.linspace(0, len(dataset) - 1, min(SAMPLES, len(dataset))).round().astype(int)
        self.samples = [dataset[int(i)] for i in places]
        with FlopCounterMode(display=False) as counter:
            for sample in self.samples:
                self.trained.predict([sample], quick=True)
        self.multiply_adds = counter.get_total_flops() / 2 / len(self.samples)
        self.seconds: list[float] = []
        for turn in range(WARM_UP):
            self.take(turn)
        self.seconds.clear()

    def take(self, turn: int) -> None:
        """Measure an input; what is found arrives on the CPU, so an accelerator has finished."""
        sample = self.samples[turn % len(self.samples)]
        start = time.perf_counter()
        self.trained.predict([sample])
        self.seconds.append(time.perf_counter() - start)

    @property
    def measured(self) -> dict[str, Any]:
        """Return the entries of a row."""
        return {
            "kind": kind_of(self.trained.config),
            "parameters": sum(p.numel() for p in self.trained.network.parameters()),
            "multiply_adds": self.multiply_adds,
            "milliseconds": 1000 * median(self.seconds),
        }
