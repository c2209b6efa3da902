"""Randomness by seed, epoch and place, in whichever process loads."""

import random

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from torch.utils.data import DataLoader, Dataset

from kpplugins.engine.continuity.epoch_loop import ContinuedEpochLoop
from kpplugins.engine.continuity.iteration_loop import ContinuedIterationLoop
from kpplugins.engine.continuity.seeded_batches import SeededBatches, seed_iteration


class Draws(Dataset):
    """Seven samples of an index and what three generators draw for it."""

    def __len__(self) -> int:
        return 7

    def __getitem__(self, index: int) -> list[float]:
        return [index, random.random(), np.random.rand(), float(torch.rand(()))]


def loaded(workers: int = 0, epochs: int = 2, start: tuple[int, int] = (0, 0), seed: int = 5) -> list:
    dataset = Draws()
    sampler = DefaultSampler(dataset, shuffle=True, seed=1)
    loader = DataLoader(
        dataset, sampler=sampler, batch_size=2, num_workers=workers, persistent_workers=workers > 0,
        collate_fn=list, multiprocessing_context="fork" if workers else None,
    )  # fmt: skip
    batches = SeededBatches.put_into(loader, seed)
    assert batches is not None and (loader.batch_size, loader.sampler, len(loader)) == (2, sampler, 4)
    found = []
    for epoch in range(start[0], epochs):
        sampler.set_epoch(epoch)
        batches.start_at(epoch, start[1] if epoch == start[0] else 0)
        found.append(list(loader))
    return found


def test_workers_and_a_start_within_an_epoch_change_nothing():
    whole = loaded()
    assert loaded(workers=2) == loaded(workers=3) == whole
    assert loaded(start=(0, 3)) == [whole[0][3:], whole[1]]
    assert loaded(workers=2, start=(1, 1)) == [whole[1][1:]]


def test_no_two_draws_are_the_same():
    rows = [row for epoch in loaded() for batch in epoch for row in batch]
    assert len(rows) == 14 and all(len({row[i] for row in rows}) == 14 for i in (1, 2, 3))
    assert loaded(seed=6) != loaded()


def test_an_iteration_draws_what_it_draws():
    drawn = []
    for iteration in (3, 4, 3):
        seed_iteration(5, iteration)
        drawn.append((random.random(), np.random.rand(), float(torch.rand(()))))
    assert drawn[0] == drawn[2] and drawn[0] != drawn[1]


@pytest.mark.parametrize(("by_epoch", "loop"), [(True, ContinuedEpochLoop), (False, ContinuedIterationLoop)])
def test_the_runner_trains_with_loops_that_can_go_on(training, by_epoch: bool, loop: type):
    cfg = dict(by_epoch=True, max_epochs=1) if by_epoch else dict(by_epoch=False, max_iters=2)
    assert type(training(None, train_cfg=cfg).train_loop) is loop
