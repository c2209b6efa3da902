"""Measure the cost of a comparison's models: parameters, operations, and time per image."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.flop_counter import FlopCounterMode

from kpplugins.inference.trained.trained_model import load_trained
from kpplugins.inference.trained.trained_top_down import TrainedTopDown

WARM_UP, ROUNDS, PASSES = 3, 7, 3
"""Uncounted passes at the start, turns of every model, and passes in a turn."""
SIDE = 256
"""Side in pixels of the square test image; the cost of a pass depends only on the model's input size."""


@torch.inference_mode()
def costs(runs: Sequence[tuple[Path, Path]]) -> list[dict[str, Any]]:
    """Measure size and speed of trained models on this machine, in turn, so that all are measured under the same load.

    Args:
        runs: config file and checkpoint of each.

    Returns:
        For each ``parameters``; ``multiply_adds`` of one forward pass at its input size (convolutions and matrix
        products, half of what ``torch.utils.flop_counter`` counts; a flip test takes twice that); and
        ``milliseconds`` per image at batch size 1, from a ready crop to keypoints in the image, flip test as
        configured, median of all passes.
    """
    models = [_Timed(config, checkpoint) for config, checkpoint in runs]
    for model in models:
        for _ in range(WARM_UP):
            model.once()
    taken: list[list[float]] = [[] for _ in models]
    for _ in range(ROUNDS):
        for model, seconds in zip(models, taken, strict=True):
            seconds += [model.once() for _ in range(PASSES)]
    return [
        {
            "parameters": sum(p.numel() for p in model.model.parameters()),
            "multiply_adds": model.multiply_adds(),
            "milliseconds": 1000 * median(seconds),
        }
        for model, seconds in zip(models, taken, strict=True)
    ]


class _Timed:
    """A model and a crop for it."""

    def __init__(self, config: Path, checkpoint: Path) -> None:
        trained = load_trained(config, checkpoint)
        self.model = trained.network
        image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        _, self.sample = TrainedTopDown(trained).prepare(image, np.array([0.0, 0.0, SIDE - 1, SIDE - 1]))

    def once(self) -> float:
        """Return the seconds of one image; the keypoints arrive as NumPy arrays, so an accelerator has finished."""
        batch = pseudo_collate([self.sample])
        start = time.perf_counter()
        self.model.test_step(batch)
        return time.perf_counter() - start

    def multiply_adds(self) -> float:
        """Return the multiply-adds of one forward pass."""
        batch = self.model.data_preprocessor(pseudo_collate([self.sample]), False)
        with FlopCounterMode(display=False) as counter:
            self.model(batch["inputs"], batch["data_samples"], mode="tensor")
        return counter.get_total_flops() / 2
