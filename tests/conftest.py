"""Shared fixtures: real data where it is present, drawn cats, cups and plates, command lines, and a screen."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy, OpenCV and PyTorch start their threads;
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")  # children and data workers inherit it

import gc
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import settings

import kpplugins  # noqa: F401  # its stand-ins, before anything imports MMPose

ROOT = Path(__file__).resolve().parent.parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell starts what runs in its background so
    signal.signal(signal.SIGINT, signal.default_int_handler)

# the same examples in every run; HYPOTHESIS_PROFILE=fuzz draws others, and more
settings.register_profile("suite", derandomize=True, database=None)
settings.register_profile("fuzz", max_examples=4000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave the modules that are loaded by now out of garbage collections: MMEngine asks for one per dataset."""
    gc.collect()
    gc.freeze()


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


class Forks:
    """Commands in forks of a process that has imported some modules: a fresh process each, without their imports."""

    def __init__(self, folder: Path, *modules: str) -> None:
        self._folder = folder
        self._server = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/forks.py"), *modules],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def run(
        self, argv: list[str], cwd: Path, envs: Sequence[dict[str, str]] = ({},), timeout: float = 600
    ) -> subprocess.CompletedProcess:
        """One process for each of ``envs``, at the same time; the first status that is not 0, what all have said."""
        assert self._server.stdin is not None and self._server.stdout is not None
        commands = [
            {"argv": argv, "cwd": str(cwd), "env": {**os.environ, **env},
             "out": str(self._folder / f"{number}.out"), "err": str(self._folder / f"{number}.err")}
            for number, env in enumerate(envs)
        ]  # fmt: skip
        self._server.stdin.write(json.dumps(commands) + "\n")
        self._server.stdin.flush()
        late = threading.Timer(timeout, os.killpg, (self._server.pid, signal.SIGKILL))
        late.start()
        answer = self._server.stdout.readline()
        late.cancel()
        out, err = ("".join(Path(c[key]).read_text() for c in commands) for key in ("out", "err"))
        assert answer, f"{argv} took too long, or the forks have ended: {out[-3000:]}{err[-3000:]}"
        return subprocess.CompletedProcess(argv, next(filter(None, json.loads(answer)), 0), out, err)

    def close(self) -> None:
        """No more commands. Data workers of tests may hold the other end of its input, so its end is not waited for."""
        self._server.terminate()
        self._server.wait()


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Forks]]:
    """``Forks`` by the modules that they have imported."""
    made: dict[tuple[str, ...], Forks] = {}

    def of(*modules: str) -> Forks:
        if modules not in made:
            made[modules] = Forks(tmp_path_factory.mktemp("forks"), *modules)
        return made[modules]

    yield of
    for one in made.values():
        one.close()


HEAVY = (
    "kpplugins", "cv2", "matplotlib.pyplot", "mmpose.apis", "mmpose.codecs", "mmpose.datasets", "mmpose.engine",
    "mmpose.evaluation", "mmpose.models", "mmpose.visualization", "torch.distributed.launcher.api",
)  # fmt: skip
"""What the command lines import of others, which takes most of a short one's time; behind this project's stand-ins."""


@pytest.fixture(scope="session")
def heavy_forks(forks: Callable[..., Forks]) -> Forks:
    """Forks of a process that has imported ``HEAVY``."""
    return forks(*HEAVY)


@pytest.fixture(scope="module")
def tool(
    root: Path, tmp_path_factory: pytest.TempPathFactory, forks: Callable[..., Forks]
) -> Callable[..., subprocess.CompletedProcess]:
    """Run a command line in its module's ``tool.folder``, by ``processes`` together; returns the finished process.

    In forks that need not import what others wrote, or ``fresh``, as a user does: a new interpreter, or torchrun.
    """
    folder = tmp_path_factory.mktemp("flow")

    def run(
        name: str, *args: str | Path, status: int = 0, processes: int = 1, fresh: bool = False
    ) -> subprocess.CompletedProcess:
        command = [str(root / "tools" / name), *map(str, args)]
        command += ["--launcher", "pytorch"] if processes > 1 else []
        if fresh or not hasattr(os, "fork"):
            launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
            command = [sys.executable, *(launch if processes > 1 else []), *command]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
        else:
            ranks = torchrun_environments(processes) if processes > 1 else [{}]
            done = run.forks.run(command, folder, ranks)
        assert done.returncode == status, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    run.folder, run.forks = folder, forks(*HEAVY)
    return run


def torchrun_environments(processes: int) -> list[dict[str, str]]:
    """What torchrun tells its processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(probe.getsockname()[1])}
    world = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes), **address}
    return [{"RANK": str(i), "LOCAL_RANK": str(i), **world} for i in range(processes)]


@pytest.fixture(scope="session")
def torchrun() -> Callable[[int], list[dict[str, str]]]:
    """The environments of some processes that torchrun starts together."""
    return torchrun_environments


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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mount real disks of some size; skips where that is not allowed."""
    mounted: list[Path] = []

    def mount(size: str, *options: str) -> Path:
        disk = tmp_path / f"disk{len(mounted)}"
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "tmpfs", str(disk)]
        if (
            not hasattr(os, "geteuid")
            or os.geteuid()
            or subprocess.run(command, stderr=subprocess.DEVNULL).returncode
        ):
            pytest.skip("mounting a file system is not allowed here")
        mounted.append(disk)
        return disk

    yield mount
    for disk in mounted:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def model_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a hub, whose address huggingface_hub uses; its cache is empty."""
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import constants

    from tests.fake_hub import Hub

    folder = tmp_path / "hub"
    folder.mkdir()
    handler = type("Hub", (Hub,), {"folder": folder, "made": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield folder
    server.shutdown()
    server.server_close()
