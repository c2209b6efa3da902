from pathlib import Path

import numpy as np
import pytest

from kpplugins.schema import KeypointSchema
from kpplugins.schema.flip_proposal import propose_pairs

FACE = np.array([[1, -1], [-1, -1], [0, 0], [2, -0.7], [-2, -0.7], [0, 1.5]])
CARD = np.array([[-1, -0.6], [1, -0.6], [1, 0.6], [-1, 0.6]])
"""Corners from the upper left one, clockwise."""


def seen(shape: np.ndarray, n: int = 60, tilt: float | None = None, noise: float = 0.08, seed: int = 0):
    """Instances of one shape: upright but for a tilt, or turned any way, each a bit different."""
    generator = np.random.default_rng(seed)
    angles = generator.uniform(0, 2 * np.pi, n) if tilt is None else generator.normal(0, tilt, n)
    turns = np.stack([np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], 1).reshape(n, 2, 2)
    points = np.einsum("nij,nkj->nki", turns, shape + generator.normal(0, noise, (n, *shape.shape)))
    return points * generator.uniform(5, 50, (n, 1, 1)) + 100, np.ones((n, len(shape)), bool)


def unnamed(k: int) -> KeypointSchema:
    return KeypointSchema("thing", tuple(map(str, range(k))))


@pytest.mark.parametrize("tilt", [0.1, None])
@pytest.mark.parametrize("n", [20, 100])
def test_the_pairs_of_a_face(n: int, tilt: float | None):
    proposal = propose_pairs(*seen(FACE, n, tilt), unnamed(6))
    assert proposal.pairs == (("0", "1"), ("3", "4"))
    assert proposal.is_clear and proposal.instances == n and proposal.strangeness == 0


def test_a_card_that_stands_upright_is_mirrored_sideways():
    proposal = propose_pairs(*seen(CARD, tilt=0.15), unnamed(4))
    assert proposal.pairs == (("0", "1"), ("2", "3")) and proposal.is_clear


def test_a_card_that_lies_any_way_could_be_mirrored_either_way():
    assert not propose_pairs(*seen(CARD), unnamed(4)).is_clear


def test_what_is_its_own_mirror_image():
    line = np.array([[-1, 0], [0, 0], [1.4, 0]])
    proposal = propose_pairs(*seen(line), unnamed(3))
    assert proposal.pairs == () and proposal.is_clear


def test_two_keypoints_have_only_a_direction():
    left_right, up_down = np.array([[-1, 0], [1, 0]]), np.array([[0, -1], [0, 1]])
    assert propose_pairs(*seen(left_right, tilt=0.2), unnamed(2)).pairs == (("0", "1"),)
    proposal = propose_pairs(*seen(up_down, tilt=0.2), unnamed(2))
    assert proposal.pairs == () and proposal.is_clear
    assert not propose_pairs(*seen(up_down), unnamed(2)).is_clear  # in any direction


def test_always_from_one_side():
    dog = np.array([[-1.2, -0.9], [1.1, -0.6], [-0.7, 0], [-0.5, -0.06], [0.5, 0], [0.75, -0.06]])
    proposal = propose_pairs(*seen(dog, tilt=0, noise=0.03), unnamed(6))
    assert proposal.strangeness > 2 and not proposal.is_clear


def test_a_mouse_from_above_that_always_runs_left():
    mouse = np.array([[-2, 0], [-1, 0.6], [-1, -0.6], [0, 0.8], [0, -0.8], [2, 0], [3.5, 0]])
    proposal = propose_pairs(*seen(mouse, tilt=0.2), unnamed(7))
    assert proposal.strangeness > 2 and not proposal.is_clear
    assert propose_pairs(*seen(mouse), unnamed(7)).is_clear  # in any direction


def test_noise_and_few_instances_propose_nothing():
    noise = np.random.default_rng(0).normal(size=(60, 6, 2)), np.ones((60, 6), bool)
    assert not propose_pairs(*noise, unnamed(6)).is_clear
    few = propose_pairs(*seen(FACE, 9), unnamed(6))
    assert few.instances == 9 and few.pairs == () and not few.is_clear
    nothing = propose_pairs(np.zeros((0, 6, 2)), np.zeros((0, 6), bool), unnamed(6))
    assert nothing.instances == 0 and not nothing.is_clear


def test_keypoints_that_are_often_absent():
    points, labelled = seen(FACE, 100)
    labelled[np.random.default_rng(3).random((100, 6)) < 0.2] = False
    points[~labelled] = np.nan
    assert propose_pairs(points, labelled, unnamed(6)).pairs == (("0", "1"), ("3", "4"))


@pytest.mark.parametrize("folder", ["coco_mini", "openfield_dlc"])
def test_real_sets_without_their_names(real_data: Path, folder: str):
    from kpplugins.formats.open_source import open_source

    reading = open_source(real_data / folder)[1]
    points = np.array([r.keypoints for r in reading.records if r.num_labelled and not r.crowd])
    k = reading.schema.num_keypoints
    proposal = propose_pairs(points[..., :2], points[..., 2] > 0, unnamed(k))
    found = [tuple(reading.schema.keypoints[int(name)] for name in pair) for pair in proposal.pairs]
    assert set(map(frozenset, found)) == set(map(frozenset, reading.schema.flip_pairs))
