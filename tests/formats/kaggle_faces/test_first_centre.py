"""From which number a file's coordinates count, by the symmetry of drawn faces."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.data import ImageInfo
from kpplugins.data.record_builder import build_record
from kpplugins.formats.kaggle_faces import first_centre
from kpplugins.formats.kaggle_faces.first_centre import first_centre_of
from kpplugins.formats.kaggle_faces.reader import NAMES, first_centre_in, read_faces
from kpplugins.formats.kaggle_faces.test_file import Asked, write_submission

EYES = ("left_eye_center", "right_eye_center")


def drawn(n: int, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Draw faces with a bright ellipse, two dark eyes and light from a random side.

    Returns:
        Images (96, 96) uint8, and the eyes (n, 2, 2), left first, the first pixel's centre at 0.
    """
    generator, images, eyes = np.random.default_rng(seed), [], []
    y, x = np.mgrid[:96, :96].astype(np.float32)
    for _ in range(n):
        middle, apart = generator.uniform(40, 55, 2), generator.uniform(12, 16)
        points = middle + np.array([[apart, 0], [-apart, 0]])
        face = 180.0 * (((x - middle[0]) / 26) ** 2 + ((y - middle[1] - 10) / 34) ** 2 < 1)
        for point in points:
            face -= 120 * np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / 18)
        face += generator.uniform(-0.5, 0.5) * (x - 48) + generator.normal(0, 5, face.shape)
        images.append(
            np.clip(cv2.GaussianBlur(face.astype(np.float32), (0, 0), 1) + 40, 0, 255).astype(np.uint8)
        )
        eyes.append(points)
    return images, np.array(eyes)


def records_of(eyes: np.ndarray, first: float) -> list:
    """What is read if the first pixel's centre is ``first`` in the file, and taken to be Kaggle's 0.5."""
    made = []
    for two in eyes:
        keypoints = np.zeros((len(NAMES), 3))
        keypoints[:2] = np.column_stack([two + first - 0.5, [2, 2]])
        info = ImageInfo(Path("1.png"), 96, 96)
        box = np.array([0.0, 0, 95, 95])
        made.append(
            build_record(info, keypoints, source=Path("x"), where="x", box=box, category="face", border=0)
        )
    return made


@pytest.mark.parametrize("first", [0.0, 0.5, 1.0])
def test_symmetry_tells_the_convention(first: float):
    images, eyes = drawn(200)
    assert first_centre_of(images, records_of(eyes, first)) == first


def test_few_faces_say_nothing():
    images, eyes = drawn(199)
    assert first_centre_of(images, records_of(eyes, 1.0)) == 0.5


def test_faces_that_disagree_say_nothing():
    images, eyes = drawn(200)
    mixed = [records_of(eyes[i : i + 1], i % 2)[0] for i in range(200)]
    assert first_centre_of(images, mixed) == 0.5


def test_a_file_that_counts_from_one_is_read_and_answered_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(first_centre, "_FEWEST", 40)
    images, eyes = drawn(40)
    names = [f"{name}_{axis}" for name in EYES for axis in "xy"]
    header = [f"{name}_{axis}" for name in NAMES for axis in "xy"] + ["Image"]
    with (tmp_path / "training.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        for image, two in zip(images, eyes, strict=True):
            values = dict(zip(names, (two + 1).ravel(), strict=True))
            writer.writerow({**values, "Image": " ".join(map(str, image.ravel()))})
    read, reading = read_faces(tmp_path)
    assert np.array_equal(read, images)
    assert np.allclose([r.keypoints[:2, :2] for r in reading.records], eyes)
    assert first_centre_in(tmp_path) == 1.0
    assert first_centre_in(tmp_path / "nowhere") == 0.5
    found = {1: reading.records[0].keypoints[:, :2]}
    asked = [Asked(1, 1, names[0]), Asked(2, 1, names[1])]
    write_submission(asked, found, NAMES, tmp_path / "out.csv", 1.0)
    lines = (tmp_path / "out.csv").read_text().split()[1:]
    assert [float(line.split(",")[1]) for line in lines] == pytest.approx((eyes[0, 0] + 1).tolist(), abs=1e-4)
