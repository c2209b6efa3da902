"""Say which images could not be read any more while a run went on."""

from collections.abc import Callable
from typing import Any

from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from torch.utils.data import DataLoader

from kpplugins.datasets.record_dataset import RecordDataset
from kpplugins.datasets.wrapped import inner_datasets

_NAMED = 5
"""How many files a message names."""


@HOOKS.register_module()
class LostSamplesHook(Hook):
    """With ``skip_bad``, says at the end of each epoch, validation and test which images were lost since the last one.

    In training another sample took the place of a lost one; a validation or test leaves it out of its numbers.
    """

    def __init__(self) -> None:
        self._told: dict[int, set[int]] = {}

    def after_train_epoch(self, runner: Any) -> None:
        """Say which training images were replaced."""
        self._tell(runner, runner.train_dataloader, "replaced by others in training")

    def after_train(self, runner: Any) -> None:
        """Say it of a training that has no epochs, and sum up."""
        self._tell(runner, runner.train_dataloader, "replaced by others in training")
        number = sum(map(len, self._told.values()))
        if number:
            runner.logger.warning("%d samples could not be read while this training ran", number)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Say which images are not in the numbers."""
        self._tell(runner, runner.val_dataloader, "left out of the validation")

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Say which images are not in the numbers."""
        self._tell(runner, runner.test_dataloader, "left out of the test")

    def _tell(self, runner: Any, loader: Any, where: str) -> None:
        for dataset in inner_datasets(loader.dataset):
            if getattr(dataset, "lost", None) is None:
                continue
            lost = set().union(*all_gather_object(set(dataset.lost.indices())))
            known = self._told.setdefault(id(dataset), set())
            if new := sorted(lost - known):
                known |= lost
                files = list(dict.fromkeys(str(dataset.get_data_info(i)["img_path"]) for i in new))
                more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
                named = ", ".join(files[:_NAMED]) + more
                # formatted here: of messages with one format, MMEngine's logger shows the first only
                runner.logger.warning(f"{len(new)} samples cannot be read any more, {where}: {named}")


def leave_out_lost(loader: DataLoader) -> None:
    """Let a loader leave out the samples that its dataset could not read, which are ``None``.

    Args:
        loader: changed in place, if any of its datasets skips bad files.
    """
    if any(isinstance(d, RecordDataset) and d.skip_bad for d in inner_datasets(loader.dataset)):
        loader.collate_fn = _Present(loader.collate_fn)
        loader.__class__ = _WithoutNone


class _Present:
    """Collates the samples that are there."""

    def __init__(self, collate: Callable[[list], Any]) -> None:
        self.collate = collate

    def __call__(self, samples: list) -> Any:
        present = [sample for sample in samples if sample is not None]
        return self.collate(present) if present else None


class _WithoutNone(DataLoader):
    """Leaves out batches of which nothing is there."""

    def __iter__(self) -> Any:
        return (batch for batch in super().__iter__() if batch is not None)
