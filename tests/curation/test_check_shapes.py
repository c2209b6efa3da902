"""Shapes, exchanged sides, outliers, hashes and bodies, from numbers made for the purpose."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.curation.checks.images.looks import Looks, look_at
from kpplugins.curation.checks.images.videos import propose_pattern, sequences
from kpplugins.curation.checks.outliers import outlier_suspects as outliers
from kpplugins.curation.checks.person import body_rules, strange_lines
from kpplugins.curation.checks.shapes import reach
from kpplugins.curation.checks.sides import side_suspects as exchanged
from kpplugins.data import ImageInfo
from kpplugins.schema.from_names import COCO_SIGMAS, infer_schema

FACE = np.array([[0, 0], [-10, -12], [10, -12], [-7, 12], [7, 12], [0, 15]], float)
"""Nose, eyes, corners of the mouth, chin."""
FLIPS = np.array([0, 2, 1, 4, 3, 5])
NAMES = tuple(COCO_SIGMAS)


def faces(n: int, seed: int = 0) -> np.ndarray:
    """Turned, scaled and moved faces with a little noise."""
    generator = np.random.default_rng(seed)
    shapes = FACE @ [1, 1j] + generator.normal(0, 0.5, (n, 6)) + 1j * generator.normal(0, 0.5, (n, 6))
    turn = generator.uniform(1, 5, (n, 1)) * np.exp(1j * generator.uniform(0, 2 * np.pi, (n, 1)))
    moved = shapes * turn + generator.uniform(0, 500, (n, 1)) * (1 + 1j)
    return np.stack([moved.real, moved.imag], axis=-1)


def test_reach_is_the_nearest_tenth_and_at_least_three():
    distance = np.arange(1.0, 101)[None].repeat(2, axis=0)
    distance[1, 20:] = np.inf
    assert reach(distance).tolist() == [10, 3]
    assert np.isnan(reach(distance[:, :11])).all()


def test_exchanged_faces_are_found_and_no_others():
    points, has = faces(60), np.ones((60, 6), bool)
    assert exchanged(points, has, FLIPS) == []
    points[5] = points[5][FLIPS]
    points[9, [1, 2]] = points[9, [2, 1]]
    found = {i: moved.tolist() for i, _, moved in exchanged(points, has, FLIPS)}
    assert found == {5: [False, True, True, True, True, False], 9: [False, True, True, False, False, False]}


def test_outliers_are_found_and_named():
    points, has = faces(60), np.ones((60, 6), bool)
    assert outliers(points, has) == []
    size = np.sqrt(((points[7] - points[7].mean(axis=0)) ** 2).sum(axis=1).mean())
    points[7, 4] += [1.5 * size, 0]
    has[8:20, 2] = False
    ((place, k, off),) = outliers(points, has)
    assert (place, k) == (7, 4)
    assert off == pytest.approx(1.5, abs=0.5)  # in sizes of the five others


def test_look_alikes_among_ten_thousand_take_seconds():
    generator = np.random.default_rng(0)
    n = 10_000
    bits = generator.random((n, 64)) > 0.5
    bits[77] = bits[9_000]
    bits[77, :10] ^= True
    bits[78] = bits[9_001]
    bits[78, :11] ^= True
    thumbnails = np.ones((n, 32, 32), np.float32)
    looks = Looks(
        tuple(Path(str(i)) for i in range(n)),
        (b"",) * n,
        bits,
        thumbnails,
        np.full(n, 256),
        np.zeros(n, bool),
    )
    first, second = looks.close_pairs()
    assert (77, 9_000) in set(zip(first.tolist(), second.tolist(), strict=True))
    assert (78, 9_001) not in set(zip(first.tolist(), second.tolist(), strict=True))


def test_flat_images_have_no_look_and_broken_ones_are_told(tmp_path: Path):
    images = []
    for i, grey in enumerate((10, 200)):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((40, 50, 3), grey, np.uint8))
        images.append(ImageInfo(tmp_path / f"{i}.png", 50, 40))
    (tmp_path / "broken.png").write_bytes(b"nothing")
    seen = []
    looks = look_at([*images, ImageInfo(tmp_path / "broken.png", 5, 5)], lambda *done: seen.append(done))
    assert looks.undecodable == (tmp_path / "broken.png",)
    assert [len(part) for part in looks.close_pairs()] == [0, 0]
    assert len(set(looks.digests)) == 2
    assert seen == [(1, 3), (2, 3), (3, 3)]


def body(**moved: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Somebody who stands: rules judged, rules broken."""
    places = {"nose": (50, 20), "left_eye": (53, 17), "right_eye": (47, 17), "left_ear": (56, 19),
              "right_ear": (44, 19), "left_shoulder": (62, 35), "right_shoulder": (38, 35), "left_elbow": (66, 50),
              "right_elbow": (34, 50), "left_wrist": (68, 65), "right_wrist": (32, 65), "left_hip": (58, 70),
              "right_hip": (42, 70), "left_knee": (58, 95), "right_knee": (42, 95), "left_ankle": (58, 120),
              "right_ankle": (42, 120)}  # fmt: skip
    points = np.array([[{**places, **moved}[name] for name in NAMES]], float)
    return body_rules(points, np.ones((1, 17), bool), NAMES)


def test_rules_of_a_body():
    assert [v.tolist() for v in body()] == [[7], [0]]
    assert body(left_eye=(50, 9), right_eye=(50, 25))[1] == [1]  # eyes one above the other
    assert body(left_shoulder=(50, 30), right_shoulder=(50, 55))[1] >= [1]  # shoulders along the spine
    # the head drawn out along a blade, the trunk short: eyes and shoulders run along the axis, the eyes 25 apart with a
    # trunk of 23, nose 32 from them, ears 45, shoulders 72, and the knees 29 off the middle of the legs
    blade = body(
        nose=(50, 0), left_eye=(50, 20), right_eye=(50, 45), left_ear=(50, 70), right_ear=(50, 85),
        left_shoulder=(50, 100), right_shoulder=(50, 110), left_hip=(50, 130), right_hip=(60, 125),
    )  # fmt: skip
    assert [v.tolist() for v in blade] == [[7], [7]]


def test_lines_that_no_body_has():
    names = list(NAMES)
    ours = [("left_wrist", "nose"), ("left_hip", "right_wrist"), ("left_hip", "left_knee")]
    assert strange_lines(infer_schema("person", names, skeleton=ours)) == (3, ours[:2])


@pytest.mark.parametrize(
    ("names", "matches"),
    [
        ([f"a/img{i:04}.png" for i in range(40)], {"img000", "img001", "img002", "img003"}),
        ([f"a/frame_{i}.jpg" for i in range(40)], {"frame_", "frame_1", "frame_2", "frame_3"}),
        ([f"a/img{100 * i:06}.png" for i in range(40)], {"img000", "img001", "img002", "img003"}),
        ([f"a/{v}_{i:03}.png" for v in ("x", "y2", "z") for i in range(9)], {"x_", "y2_", "z_"}),
        ([f"a/{v}/img{i:03}.png" for v in "xyz" for i in range(9)], {"x/img", "y/img", "z/img"}),
        (
            [f"images/{s}/{v}{i:03}.png" for v in "xyz" for s in ("train", "val") for i in range(9)],
            {"x", "y", "z"},
        ),
    ],
)
def test_the_pattern_that_is_proposed_keeps_neighbours_together(names: list[str], matches: set[str]):
    import re

    found = sequences([Path(name) for name in names])
    pattern = propose_pattern(found[0], found)
    groups = {re.search(pattern, name).group(1) for name in names}
    assert groups == matches
