"""Benchmark of where images are stored: a folder, packs of it, and addresses."""

import functools
import http.server
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np

from kpplugins.curation.pack import pack
from kpplugins.data.images import read_pixels
from kpplugins.storage.files import read_bytes
from kpplugins.structures.addresses import as_path

_PASSES = 5
_FOLDER = "folder"


def storages(images: int = 400, passes: int = _PASSES) -> dict[str, dict[str, float]]:
    """Read the same images from everywhere, in a random order, one after the other in one process.

    The files are in the memory of the system, so that what is measured is the way to them and not the disk; the passes
    over the storages take turns. ``http`` is a server on this machine, ``memory`` is fsspec's.

    Args:
        images: number of JPEGs of 640×480, about 60 kB each.
        passes: over all images, of which the fastest counts.

    Returns:
        By storage: ``images a second`` read and decoded, their ``ratio`` to those of the folder, and ``files a second``
        that are only read.
    """
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "set"
        names = _write(root, images)
        roots = {
            _FOLDER: root,
            **{kind: Path(pack(root, kind, shard_size=5)["out"]) for kind in ("zip", "lmdb", "tar")},
        }
        with _served(Path(place)) as address:
            _into_memory(Path(place))
            for name in (_FOLDER, "zip"):
                last = root if name == _FOLDER else roots[name]
                roots[f"{name}, memory"] = as_path(f"memory://{last.name}")
                if address:
                    roots[f"{name}, http"] = as_path(f"{address}/{last.name}")
            decoded, read = {}, {}
            for _ in range(passes):
                for name, one in roots.items():
                    paths = [one / image for image in names]
                    decoded[name] = max(decoded.get(name, 0), _speed(read_pixels, paths))
                    read[name] = max(read.get(name, 0), _speed(read_bytes, paths))
    return {
        name: {
            "images a second": decoded[name], "ratio": decoded[name] / decoded[_FOLDER], "files a second": read[name]
        }
        for name in roots
    }  # fmt: skip


def _speed(work: Callable[[Path], object], paths: list[Path]) -> float:
    start = time.perf_counter()
    for path in paths:
        work(path)
    return len(paths) / (time.perf_counter() - start)


def _write(root: Path, images: int) -> list[str]:
    """Write a set of one instance in each image; return the images' names in a random order."""
    generator = np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    entries, annotations = [], []
    for i in range(images):
        coarse = generator.integers(0, 255, (60, 80, 3), dtype=np.uint8)
        noise = generator.integers(0, 24, (480, 640, 3), dtype=np.uint8)
        image = cv2.add(cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC) // 2, noise)
        cv2.imwrite(str(root / f"images/{i:05d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 80])
        entries.append({"id": i, "file_name": f"{i:05d}.jpg", "width": 640, "height": 480})
        annotations.append({
            "id": i, "image_id": i, "category_id": 1, "bbox": [9, 9, 99, 99], "area": 9801,
            "keypoints": [20, 20, 2, 50, 50, 2],
        })  # fmt: skip
    categories = [{"id": 1, "name": "thing", "keypoints": ["a", "b"]}]
    content = {"images": entries, "annotations": annotations, "categories": categories}
    (root / "annotations/train.json").write_text(json.dumps(content))
    return [f"images/{i:05d}.jpg" for i in generator.permutation(images)]


def _into_memory(place: Path) -> None:
    import fsspec

    system = fsspec.filesystem("memory")
    for path in (place / "set.zip", *(place / "set").rglob("*")):
        if path.is_file():
            system.pipe(f"/{path.relative_to(place).as_posix()}", path.read_bytes())


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Serve a folder from a process of its own, and yield its address; empty where fsspec cannot read from the web."""
    try:
        import aiohttp  # noqa: F401
    except ImportError:
        yield ""
        return
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(folder, sender), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{receiver.recv()}"
    finally:
        process.terminate()
        process.join()


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Python's own, which keeps connections open and sends parts of files."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 20

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path, wanted = Path(self.translate_path(self.path)), self.headers.get("Range", "")
        if not wanted or not path.is_file():
            super().do_GET()
            return
        start, _, end = wanted.removeprefix("bytes=").partition("-")
        with path.open("rb") as file:
            file.seek(int(start))
            content = file.read(int(end) + 1 - int(start))
        self.send_response(206)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _serve(folder: Path, sender: Connection) -> None:
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        sender.send(server.server_port)
        server.serve_forever()
