"""Which images are chosen, of clusters that are known."""

import numpy as np
import pytest

from kpplugins.apis.labelling.appraisal import ranks
from kpplugins.apis.labelling.selection import WAYS, choose_images


@pytest.fixture(scope="module")
def heaps() -> tuple[np.ndarray, np.ndarray]:
    """Six heaps of 100, 50, 40, 30, 20 and 10 points, far apart; and the heap of each."""
    generator = np.random.default_rng(0)
    heap = np.repeat(np.arange(6), (100, 50, 40, 30, 20, 10))
    return generator.normal(0, 9, (6, 5))[heap] + generator.normal(0, 0.1, (250, 5)), heap


def test_one_of_each_heap_the_largest_first(heaps):
    features, heap = heaps
    chosen = choose_images(features, np.ones(250), range(250), 6, way="diverse", seed=3)
    assert heap[chosen].tolist() == [0, 1, 2, 3, 4, 5]
    others = [choose_images(features, np.ones(250), range(250), 6, way="diverse", seed=s) for s in range(40)]
    assert len({one[0] for one in others}) > 25  # any of the heap


def test_doubt_makes_a_heap_weigh_more(heaps):
    features, heap = heaps
    doubt = np.where(heap == 5, 1.0, 0.001)
    chosen = choose_images(features, doubt, range(250), 6, way="unsure", seed=3)
    assert heap[chosen][0] == 5 and (heap[chosen] == 5).sum() >= (heap[chosen] == 0).sum()
    few = choose_images(features, doubt, range(250), 2, way="unsure", seed=3)
    assert 5 in heap[few]


@pytest.mark.parametrize("way", WAYS)
def test_one_of_a_group_as_many_as_there_are_and_the_same_for_a_seed(heaps, way: str):
    features, heap = heaps
    doubt = np.random.default_rng(0).uniform(size=250)
    chosen = choose_images(features, doubt, heap, 50, way=way)
    assert sorted(heap[chosen]) == list(range(6))
    chosen = choose_images(features, doubt, range(250), 120, way=way, seed=1)
    assert len(set(chosen)) == 120
    assert chosen == choose_images(features, doubt, range(250), 120, way=way, seed=1)
    assert chosen != choose_images(features, doubt, range(250), 120, way=way, seed=2)


def test_of_a_group_the_least_sure_one(heaps):
    features, heap = heaps
    doubt = np.random.default_rng(0).uniform(size=250)
    chosen = choose_images(features, doubt, heap, 6, way="unsure")
    assert sorted(chosen) == [int(np.where(heap == h, doubt, -1).argmax()) for h in range(6)]


def test_images_that_are_all_alike_to_the_model(heaps):
    chosen = choose_images(np.zeros((20, 3)), np.ones(20), range(20), 7, way="diverse")
    assert len(set(chosen)) == 7


def test_ranks_of_equal_values_are_equal():
    assert ranks(np.array([3.0, 1.0, 3.0, 7.0])).tolist() == [0.625, 0.25, 0.625, 1.0]
