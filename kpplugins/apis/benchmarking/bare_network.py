"""The references of a predictor in PyTorch: its bare network, and MMPose's own call."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate


def bare_network(model: Any, image: np.ndarray, boxes: np.ndarray | None) -> Callable[[], Any]:
    """Prepare what the network alone does with an image: a forward pass, with flip test also of the mirrored image.

    Args:
        model: ``TrainedTopDown`` or ``TrainedOneStage``.
        image: (H, W, 3) BGR uint8.
        boxes: (N, 4) xyxy in pixels, for a top-down model.

    Returns:
        What is to be measured: it begins with the normalised batch, and decodes nothing.
    """
    network = model.trained.network
    units = [model.prepare(image, box) for box in ([None] if boxes is None else boxes)]
    packed = [unit[1] if isinstance(unit, tuple) else unit for unit in units]
    inputs = network.data_preprocessor(pseudo_collate(packed), False)["inputs"]
    flipped = bool((network.test_cfg or {}).get("flip_test", False))
    return partial(_forward, network, [inputs, inputs.flip(-1)] if flipped else [inputs])


@torch.inference_mode()
def _forward(network: Any, batches: list[Any]) -> list[Any]:
    return [network(batch, None, mode="tensor") for batch in batches]


def by_mmpose(model: Any, image: np.ndarray, boxes: np.ndarray | None) -> Callable[[], Any]:
    """Prepare what MMPose's users call for the same: ``inference_topdown``.

    Args:
        model: ``TrainedTopDown``.
        image: (H, W, 3) BGR uint8.
        boxes: (N, 4) xyxy in pixels.

    Returns:
        What is to be measured.
    """
    from mmpose.apis import inference_topdown

    network = model.trained.network
    network.cfg = model.trained.config
    network.dataset_meta = {"flip_indices": model.schema.flip_indices, "flip_pairs": []}
    return partial(inference_topdown, network, image, boxes)
