"""Shared fixtures: real data where it is present, drawn cats, cups and plates, command lines, and a screen."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
    """Real images and annotations to measure on; not part of the project."""
    path = Path(os.environ.get("KPPLUGINS_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; set KPPLUGINS_REAL_DATA to a folder that has it")
    return path


@pytest.fixture(scope="session")
def drawn_cats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty drawn cats in the CAT layout."""
    from kpplugins.synthetic import write_sample_cats

    out = tmp_path_factory.mktemp("drawn") / "cats"
    write_sample_cats(out, 20, seed=1)
    return out


@pytest.fixture
def one_cat(tmp_path: Path) -> Path:
    """A CAT folder with one grey image of 100×80 and nine points on a line."""
    folder = tmp_path / "cats" / "CAT_00"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "a.jpg"), np.full((80, 100, 3), 127, np.uint8))
    (folder / "a.jpg.cat").write_text("9 " + " ".join(f"{10 + 5 * i} {20 + 3 * i}" for i in range(9)) + " ")
    return folder.parent


@pytest.fixture(scope="session")
def kaggle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kaggle's three files: 20 training rows with 15 points, 10 with four; 3 test faces and what is asked of them."""
    import csv

    from kpplugins.formats.kaggle_faces.reader import FOUR, NAMES

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


@pytest.fixture(scope="module")
def tool(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess]:
    """Run a command line in its module's ``tool.folder``, by ``processes`` together; returns the finished process."""
    folder = tmp_path_factory.mktemp("flow")

    def run(name: str, *args: str | Path, status: int = 0, processes: int = 1) -> subprocess.CompletedProcess:
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
        command = [sys.executable, *(launch if processes > 1 else []), str(root / "tools" / name)]
        command += [*map(str, args), *(["--launcher", "pytorch"] if processes > 1 else [])]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
        assert done.returncode == status, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    run.folder = folder
    return run


@pytest.fixture(scope="session")
def cups_and_plates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight images of 80×80 with a bright cup and a dark plate each, of two points; in the inner format.

    One more of the training images is empty, one has a crowd of cups and a plate without points.
    """
    out = tmp_path_factory.mktemp("cups")
    (out / "images").mkdir()
    (out / "annotations").mkdir()
    points = ["head", "tail"]
    categories = [{"id": i, "name": name, "keypoints": points} for i, name in ((1, "cup"), (2, "plate"))]
    for split, numbers in (("train", (0, 1, 2, 3, 8, 9)), ("val", (4, 5)), ("test", (6, 7))):
        images, annotations = [], []
        for i in numbers:
            image = np.full((80, 80, 3), 127, np.uint8)
            for kind, (x, y) in ((1, (4 + i, 6)), (2, (44, 30 + i))) if i != 8 else ():
                image[y : y + 24, x : x + 30] = 250 if kind == 1 else 10
                seen = 0 if i == 9 else 2
                annotations.append({
                    "id": 10 * i + kind, "image_id": i, "category_id": kind, "bbox": [x, y, 30, 24], "area": 720,
                    "iscrowd": int(i == 9 and kind == 1), "num_keypoints": seen,
                    "keypoints": [x + 2, y + 12, seen, x + 27, y + 12, seen],
                })  # fmt: skip
            cv2.imwrite(str(out / f"images/{i}.png"), image)
            images.append({"id": i, "file_name": f"images/{i}.png", "width": 80, "height": 80})
        content = {"images": images, "annotations": annotations, "categories": categories}
        (out / f"annotations/{split}.json").write_text(json.dumps(content))
    return out


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A video of four frames of 96×80, from black to grey."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (96, 80))
    for i in range(4):
        writer.write(np.full((80, 96, 3), 40 * i, np.uint8))
    writer.release()
    return path


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A screen that nobody sees, by Xvfb; skips where that is not installed."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "640x480x24"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, pass_fds=[writing]) as server:
        os.close(writing)
        with os.fdopen(reading) as told:
            monkeypatch.setenv("DISPLAY", f":{told.readline().strip()}")
        yield
        server.terminate()


@pytest.fixture
def model_of() -> Callable[[Path, Path], Any]:
    """A config's model with a checkpoint's weights, in evaluation mode."""

    def load(config: Path, checkpoint: Path) -> Any:
        from mmpose.registry import MODELS

        from kpplugins.config.load import load_config
        from kpplugins.weights.checkpoints import load_strictly

        model = MODELS.build(load_config(config).model)
        load_strictly(model, checkpoint)
        return model.eval()

    return load
