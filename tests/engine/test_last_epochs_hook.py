"""Other augmentation at the end of a training."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.dataset import Compose
from mmengine.hooks import Hook
from mmpose.registry import DATASETS, HOOKS, TRANSFORMS

from kpplugins.datasets.transforms import RandomBoxTransform, RandomImageAffine
from kpplugins.engine.last_epochs_hook import LastEpochsHook, with_arguments
from kpplugins.structures import BadInputError


@TRANSFORMS.register_module()
class ToNumber:
    """Gives its number."""

    def __init__(self, number: float, other: int = 3) -> None:
        self.number, self.other = number, other

    def __call__(self, results: Any) -> torch.Tensor:
        return torch.full((2,), self.number)


@DATASETS.register_module()
class Around(torch.utils.data.Dataset):
    """A dataset whose samples go through steps of its own, as in ``CombinedDataset``."""

    def __init__(self, number: float) -> None:
        self.datasets, self.pipeline = [[0] * 4], Compose([ToNumber(number)])

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.pipeline(self.datasets[0][index])


@DATASETS.register_module()
class Numbered(torch.utils.data.Dataset):
    """Samples from a pipeline of one step."""

    def __init__(self, number: float) -> None:
        self.pipeline = Compose([ToNumber(number)])

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.pipeline(index)


@HOOKS.register_module()
class Seen(Hook):
    """Keeps the numbers that the network gets, by epoch."""

    def __init__(self) -> None:
        self.found: dict[int, set[float]] = {}

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        self.found.setdefault(runner.epoch, set()).update(torch.stack(list(data_batch)).unique().tolist())


@pytest.fixture
def numbers(training):
    """Train on a number that is another in the last epochs; returns those seen, and the steps at the end."""

    def run(
        workers: int,
        share: float,
        epochs: int = 5,
        resume: str | None = None,
        kind: str = "Numbered",
        **steps: Any,
    ):
        runner = training(
            None, epochs=epochs, resume=resume,
            train_dataloader=dict(
                dataset=dict(type=kind, number=1.0), batch_size=2, num_workers=workers,
                persistent_workers=workers > 0, sampler=dict(type="DefaultSampler", shuffle=True),
                collate_fn=dict(type="pseudo_collate"),
            ),
            custom_hooks=[
                dict(type="LastEpochsHook", share=share, steps=steps or {"ToNumber": {"number": 2.0}}),
                dict(type="Seen"),
            ],
            default_hooks=dict(checkpoint=dict(type="CheckpointHook", interval=1)),
        )  # fmt: skip
        return next(hook for hook in runner.hooks if isinstance(hook, Seen)).found, runner

    return run


@pytest.mark.parametrize("workers", [0, 1])
def test_the_last_epochs_have_other_arguments(numbers, workers: int):
    found, runner = numbers(workers, 0.4)
    assert found == {0: {1.0}, 1: {1.0}, 2: {1.0}, 3: {2.0}, 4: {2.0}}
    (step,) = runner.train_dataloader.dataset.pipeline.transforms
    assert (step.number, step.other) == (2.0, 3)
    resumed, _ = numbers(workers, 0.4, resume=f"{runner.work_dir}/epoch_4.pth")
    assert resumed == {4: {2.0}}


def test_the_steps_of_a_wrapper_count_too(numbers):
    assert numbers(0, 0.4, kind="Around")[0] == {0: {1.0}, 1: {1.0}, 2: {1.0}, 3: {2.0}, 4: {2.0}}


def test_a_share_that_is_no_epoch_is_said(numbers, caplog):
    found, _ = numbers(0, 0.1, epochs=2)
    assert found == {0: {1.0}, 1: {1.0}} and "0.1 of 2 epochs is none" in caplog.text


def test_unknown_steps_and_arguments_are_named(numbers, tmp_path: Path):
    with pytest.raises(BadInputError, match="the training pipeline has no such step; found Missing"):
        numbers(0, 0.4, Missing=dict(number=2.0))
    with pytest.raises(BadInputError, match="ToNumber: .*no such argument; expected number, other; found x"):
        numbers(0, 0.4, ToNumber=dict(x=2.0))
    seen = list(tmp_path.rglob("epoch_*.pth"))
    assert seen == []  # before anything was trained


@pytest.mark.parametrize(
    ("step", "arguments"),
    [
        (RandomBoxTransform(rotate_factor=30), dict(rotate_prob=0.0, scale_factor=(0.9, 1.1))),
        (RandomImageAffine(input_size=(64, 32)), dict(degrees=0.0)),
    ],
)
def test_steps_that_augment_are_made_anew_with_all_else(step: Any, arguments: dict):
    other = with_arguments(step, arguments)
    assert type(other) is type(step)
    for name, value in vars(step).items():
        changed = arguments.get(name, value)
        assert getattr(other, name) == changed or repr(getattr(other, name)) == repr(changed)


@pytest.mark.parametrize(("share", "steps"), [(0, {"A": {}}), (1.0, {"A": {}}), (True, {"A": {}}), (0.5, {})])
def test_arguments_that_mean_nothing(share: Any, steps: dict):
    with pytest.raises(BadInputError, match="LastEpochsHook"):
        LastEpochsHook(share, steps)
