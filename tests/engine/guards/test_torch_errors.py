"""Errors of PyTorch, the machine and missing packages, in one line."""

import pytest
import torch
from torch.utils.data import DataLoader

from kpplugins.engine.guards.loaders import require_batches
from kpplugins.engine.guards.torch_errors import one_line_of
from kpplugins.structures import BadInputError


def chained(text: str, module: str) -> ImportError:
    """As MMEngine's backends raise it."""
    try:
        try:
            raise ModuleNotFoundError(f"No module named '{module}'", name=module)
        except ImportError:
            raise ImportError(text)  # noqa: B904
    except ImportError as error:
        return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (chained('Please run "pip install future tensorboard" to install', "tensorboard"), "pip install tensorboard"),
        (chained('Please run "pip install wandb" to install wandb', "wandb"), "pip install wandb"),
        (chained('Please run "pip install -U neptune" to install neptune', "neptune"), "pip install neptune"),
        (chained('Please run "pip install dvclive" to install dvclive', "pygit2"), "pip install dvclive"),
        (RuntimeError("albumentations is not installed"), "the package albumentations is not installed"),
        (ModuleNotFoundError("No module named 'timm.layers'", name="timm.layers"), "pip install timm"),
        (RuntimeError("Given input size: (64x1x1). Output size is too small"), "a larger input_size"),
        (RuntimeError("The size of tensor a (3) must match the size of tensor b (2)"), "multiples of 32"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "a smaller train_dataloader.batch_size"),
        (MemoryError(), "a smaller train_dataloader.batch_size"),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."), "train_dataloader.num_workers=1"),
        (RuntimeError("[gloo/tcp/pair.cc:545] Read error [::1]:9: Connection reset by peer."), "another process"),
        (ValueError("Expected more than 1 spatial element when training"), "a larger input_size"),
    ],
)  # fmt: skip
def test_what_the_user_can_do(error: BaseException, words: str):
    line = one_line_of(error, "a.py")
    assert (
        line is not None and words in str(line) and "\n" not in str(line) and str(line).startswith("a.py: ")
    )


@pytest.mark.parametrize(
    "error", [RuntimeError("unknown"), KeyError("a"), ModuleNotFoundError("No module", name="kpplugins.x")]
)
def test_other_errors_stay(error: BaseException):
    assert one_line_of(error, "a.py") is None


class Loop:
    """A training loop of MMEngine."""

    def __init__(self, samples: int, **options) -> None:
        self.dataloader = DataLoader(torch.zeros(samples, 1), **options)


def test_a_loader_without_batch_is_one_line():
    require_batches([None, Loop(8, batch_size=4, drop_last=True), Loop(3, batch_size=4)])
    with pytest.raises(
        BadInputError, match="train_dataloader: no batch.*at least 64.*found 32 samples.*batch_size=32"
    ):
        require_batches([Loop(32, batch_size=64, drop_last=True)])
