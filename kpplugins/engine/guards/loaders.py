"""Check that every loader gives batches, and end its workers."""

import logging
from collections.abc import Iterable
from typing import Any

from mmengine.runner import TestLoop, ValLoop
from torch.utils.data import DataLoader

from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
_LOADERS = {"val": ValLoop, "test": TestLoop}


def require_batches(loops: Iterable[Any]) -> None:
    """Raise if a loop has no batch; warn of one that leaves instances of a test out.

    Args:
        loops: MMEngine's loops; ``None`` is skipped.

    Raises:
        BadInputError: a loader gives no batch, since its data are empty or fewer than a batch that is dropped.
    """
    for loop in loops:
        loader = getattr(loop, "dataloader", None)
        if not isinstance(loader, DataLoader):
            continue
        name = (
            next((key for key, kind in _LOADERS.items() if isinstance(loop, kind)), "train") + "_dataloader"
        )
        size, number, left = loader.batch_size or 1, len(loader.sampler), 0  # type: ignore[arg-type]
        if loader.drop_last:
            left = number % size
        if len(loader) == 0 and (number or name == "train_dataloader" or not len(loader.dataset)):  # type: ignore[arg-type]
            raise BadInputError(
                "no batch", where=name, expected=f"at least {size} samples for one batch, the last one is dropped",
                found=f"{number} samples", todo=f"{name}.batch_size={max(number, 1)}, or drop_last=False",
            )  # fmt: skip
        if left and name != "train_dataloader":
            logger.warning("%s.drop_last leaves %d of %d samples out of the result", name, left, number)


def end_workers(*loops: Any) -> None:
    """End the workers that a loader keeps for its next epoch.

    Left to Python's search for garbage, PyTorch would wait five seconds for each of them, at any moment.

    Args:
        *loops: MMEngine's loops; what is not built yet is skipped.
    """
    for loop in loops:
        end_workers_of(getattr(loop, "dataloader", None))


def end_workers_of(loader: Any) -> None:
    """End the workers that one loader keeps; its next epoch starts others.

    Args:
        loader: a data loader, also in a wrapper that has it as ``loader``; anything else is left alone.
    """
    loader = getattr(loader, "loader", loader)
    iterator = getattr(loader, "_iterator", None)
    if isinstance(loader, DataLoader) and iterator is not None:
        loader._iterator = None
        iterator._shutdown_workers()
