"""Shared fixtures: real data where it is present, drawn cats, and small files that are wrong in one way."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

import kpplugins  # noqa: F401  # its stand-ins, before anything imports MMPose

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real pictures and annotations to measure on; not part of the project."""
    path = Path(os.environ.get("KPPLUGINS_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; set KPPLUGINS_REAL_DATA to a folder that has it")
    return path


@pytest.fixture(scope="session")
def drawn_cats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty drawn cats in the CAT layout."""
    from kpplugins.converters.sample_cats import write_sample_cats

    out = tmp_path_factory.mktemp("drawn") / "cats"
    write_sample_cats(out, 20, seed=1)
    return out


@pytest.fixture
def one_cat(tmp_path: Path) -> Path:
    """A CAT folder with one grey picture of 100×80 and nine points on a line."""
    folder = tmp_path / "cats" / "CAT_00"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "a.jpg"), np.full((80, 100, 3), 127, np.uint8))
    (folder / "a.jpg.cat").write_text("9 " + " ".join(f"{10 + 5 * i} {20 + 3 * i}" for i in range(9)) + " ")
    return folder.parent


@pytest.fixture(scope="session")
def kaggle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kaggle's three files: 20 training rows with 15 points, 10 with four; 3 test faces and what is asked of them."""
    import csv

    from kpplugins.converters.kaggle_faces import FOUR, NAMES

    folder, generator = tmp_path_factory.mktemp("kaggle"), np.random.default_rng(0)
    coordinates = [f"{name}_{axis}" for name in NAMES for axis in "xy"]

    def grey() -> str:
        return " ".join(map(str, generator.integers(0, 256, 96 * 96)))

    def write(name: str, header: list[str], lines: list[list]) -> None:
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows([header, *lines])

    rows = []
    for i in range(30):
        shown = NAMES if i < 20 else FOUR
        points = [
            f"{v:.3f}" if name in shown else "" for name in NAMES for v in generator.uniform(10, 85, size=2)
        ]
        rows.append([*points, grey()])
    write("training.csv", [*coordinates, "Image"], rows)
    write("test.csv", ["ImageId", "Image"], [[i, grey()] for i in (1, 2, 3)])
    asked = [(i, c) for i in (1, 2, 3) for c in coordinates if i == 1 or c.rsplit("_", 1)[0] in FOUR]
    write(
        "IdLookupTable.csv", ["RowId", "ImageId", "FeatureName", "Location"],
        [[n, i, c, ""] for n, (i, c) in enumerate(asked, 1)],
    )  # fmt: skip
    return folder
