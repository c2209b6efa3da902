"""Randomness that depends on where a training stands, and on nothing else.

The state of the random generators is a function of the seed, the epoch and the sample's place in it, and in the
training process of the seed and the iteration. A training that was stopped anywhere goes on as if it had not been, with
any number of data workers, and no state of theirs has to be saved.
"""

import random
from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info
from torch.utils.data import DataLoader

_OF_SAMPLES, _OF_ITERATIONS = 0, 1


class SeededBatches:
    """A loader's batches of indices, which seed the random generators anew for every sample that is loaded.

    It can start within an epoch, without loading what is skipped.

    Args:
        batches: the loader's batch sampler.
        seed: of the training.
    """

    def __init__(self, batches: Any, seed: int) -> None:
        self._batches, self.seed = batches, seed
        self._rank, self._world = get_dist_info()
        self._epoch, self._skipped, self._first = 0, 0, 0

    @classmethod
    def put_into(cls, loader: Any, seed: int) -> "SeededBatches | None":
        """Let a loader load by seeded batches; its sampler and batch size stay what they are.

        Args:
            loader: before its first iteration.
            seed: of the training.

        Returns:
            The batches; ``None`` where the loader is not PyTorch's, or has no batches of indices.
        """
        if not isinstance(loader, DataLoader) or loader.batch_sampler is None:
            return None
        batches = cls(loader.batch_sampler, seed)
        vars(loader)["batch_sampler"] = batches  # PyTorch allows no other one, to keep batch_size as it is
        return batches

    def start_at(self, epoch: int, skipped: int = 0, first: int = 0) -> None:
        """Say where the next pass over the data begins; those after it are the epochs that follow.

        Args:
            epoch: its number.
            skipped: how many batches are left out at its beginning.
            first: the place of the sampler's first sample in the epoch, where the sampler itself leaves some out.
        """
        self._epoch, self._skipped, self._first = epoch, skipped, first

    def start_after(self, done: int) -> int:
        """Begin after a number of batches, which may be more than a pass over the data; nothing is loaded.

        Args:
            done: the number of batches.

        Returns:
            The number of the pass.
        """
        sampler, epoch = self._batches.sampler, 0
        if hasattr(sampler, "skip"):  # endless
            first = done * getattr(self._batches, "batch_size", 1)
            sampler.skip(first)
            self.start_at(0, 0, first)
            return 0
        while hasattr(sampler, "set_epoch"):
            sampler.set_epoch(epoch)
            found = sum(1 for _ in islice(self._batches, done))
            if found == done or not found:
                break
            done, epoch = done - found, epoch + 1
        self.start_at(epoch, done)
        return epoch

    def __iter__(self) -> Iterator["_SeededIndices"]:
        epoch, skipped, place = self._epoch, self._skipped, self._first
        self.start_at(epoch + 1)  # only now: PyTorch makes two iterators, and uses one
        for number, indices in enumerate(self._batches):
            if number >= skipped:
                places = range(
                    place * self._world + self._rank, (place + len(indices)) * self._world, self._world
                )
                yield _SeededIndices(list(indices), [(self.seed, epoch, p) for p in places])
            place += len(indices)

    def __len__(self) -> int:
        return len(self._batches)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_batches":  # asked for while it is copied
            raise AttributeError(name)
        return getattr(self._batches, name)


class _SeededIndices(Iterable[int], Sized):
    """Indices of a batch; before each one, the random generators of the process are seeded.

    PyTorch loads a batch by ``[dataset[index] for index in indices]``, in whichever process does it.

    Args:
        indices: of the samples.
        keys: what each sample's randomness depends on.
    """

    def __init__(self, indices: Sequence[int], keys: Sequence[tuple[int, ...]]) -> None:
        self._indices, self._keys = indices, keys

    def __iter__(self) -> Iterator[int]:
        for index, key in zip(self._indices, self._keys, strict=True):
            torch.default_generator.manual_seed(_seed(_OF_SAMPLES, *key))
            yield index

    def __len__(self) -> int:
        return len(self._indices)


def seed_iteration(seed: int, iteration: int) -> None:
    """Seed the random generators of this process, the GPU's included, for an iteration, such as its dropout.

    Args:
        seed: of the training.
        iteration: its number.
    """
    torch.manual_seed(_seed(_OF_ITERATIONS, seed, get_dist_info()[0], iteration))


def _seed(*key: int) -> int:
    """Seed Python's and NumPy's generators; return a seed for PyTorch's."""
    words = np.random.SeedSequence(key).generate_state(6)
    random.seed(int(words[0]) << 32 | int(words[1]))
    np.random.seed(words[2:4])
    return int(words[4]) << 32 | int(words[5])
