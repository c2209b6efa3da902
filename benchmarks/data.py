"""Benchmarks of reading large data sets."""

import json
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np
import psutil
from torch.utils.data import DataLoader

from kpplugins.curation.convert import convert
from kpplugins.data.coco.schema import schema_of_file
from kpplugins.datasets import CustomKeypointDataset
from kpplugins.schema.from_names import COCO_SIGMAS

_MAXRSS_PER_MB = 2**20 if sys.platform == "darwin" else 2**10


def large_set(images: int = 20_000, each: int = 5) -> dict[str, float]:
    """Convert a generated COCO set with 17 keypoints per instance and load it for training, each in a fresh process.

    Args:
        images: number of images, all of them black and of 640×480.
        each: instances per image.

    Returns:
        ``instances``, ``convert instances a second`` on one core without the checks, ``load seconds``, and ``load
        MB``, the rise of the process's peak memory while ``CustomKeypointDataset`` is built.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, converted = Path(folder) / "source", Path(folder) / "converted"
        spawned = multiprocessing.get_context("spawn").Pool
        with spawned(1) as fresh:  # not here: a child's peak memory starts at its parent's
            fresh.apply(_generate, (source, images, each))
        with spawned(1) as fresh:
            convert_seconds = fresh.apply(_convert, (source, converted))
        with spawned(1) as fresh:
            load_seconds, megabytes = fresh.apply(_load, (converted, Path(folder) / "cache"))
    return {
        "instances": images * each,
        "convert instances a second": images * each / convert_seconds,
        "load seconds": load_seconds,
        "load MB": megabytes,
    }


def shared_index(images: int = 200_000, each: int = 5, workers: int = 8) -> dict[str, float]:
    """Load a generated set twice, and measure the memory of the training process and its data workers together.

    Args:
        images: number of images.
        each: instances per image.
        workers: number of data workers that are compared with none.

    Returns:
        ``instances``; ``build seconds`` and ``open seconds``, of the first and the second load; in MB of proportional
        set size, the ``index`` and everything (``all``) without workers and with them, each worker having
        read samples from everywhere; and the growth of both.
    """
    spawned = multiprocessing.get_context("spawn").Pool
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder) / "set", Path(folder) / "cache"
        with spawned(1) as fresh:
            fresh.apply(_generate, (root, images, each))
            fresh.apply(_write_schema, (root,))
        with spawned(1) as fresh:
            build_seconds, _ = fresh.apply(_load, (root, cache))
        with spawned(1) as fresh:
            open_seconds, _ = fresh.apply(_load, (root, cache))
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        trainer = context.Process(
            target=_measure_memory, args=(root, cache, workers, sender)
        )  # no daemon: has workers
        trainer.start()
        memory = receiver.recv()
        trainer.join()
    index, everything = (memory[key, workers] / memory[key, 0] for key in ("index", "all"))
    return {
        "instances": images * each, "build seconds": build_seconds, "open seconds": open_seconds,
        **{f"{key} PSS MB with {count} workers": mb for (key, count), mb in memory.items()},
        "index growth": index, "growth": everything,
    }  # fmt: skip


def _write_schema(root: Path) -> None:
    schema_of_file(root / "annotations/train.json").save(root / "schema.json")


def _measure_memory(root: Path, cache: Path, workers: int, sender: Connection) -> None:
    os.environ["XDG_CACHE_HOME"] = str(cache)
    dataset = CustomKeypointDataset(str(root), "train")
    memory = {("index", 0): _pss_mb(cache), ("all", 0): _pss_mb()}
    every = max(1, len(dataset) // 20_000)
    loader = DataLoader(
        dataset, batch_size=100, sampler=range(0, len(dataset), every), num_workers=workers, collate_fn=len,
        persistent_workers=True, multiprocessing_context="fork",
    )  # fmt: skip
    batches = iter(loader)
    for _ in batches:
        pass
    memory |= {("index", workers): _pss_mb(cache), ("all", workers): _pss_mb()}
    sender.send(memory)


def _pss_mb(folder: Path | None = None) -> float:
    """Return the proportional set size of this process and its children, or that of files in a folder; Linux alone."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    if not psutil.LINUX:
        return float("nan")
    if folder is None:
        return sum(process.memory_full_info().pss for process in processes) / 2**20
    maps = [m for process in processes for m in process.memory_maps() if m.path.startswith(str(folder))]
    return sum(m.pss for m in maps) / 2**20


def _convert(source: Path, out: Path) -> float:
    start = time.perf_counter()
    convert(source, out, ratios=(100, 0, 0), place="hardlink", checks=False)
    return time.perf_counter() - start


def _load(folder: Path, cache: Path) -> tuple[float, float]:
    os.environ["XDG_CACHE_HOME"] = str(cache)
    before, start = _peak_mb(), time.perf_counter()
    CustomKeypointDataset(str(folder), "train")
    seconds = time.perf_counter() - start
    return seconds, _peak_mb() - before


def _peak_mb() -> float:
    """Return the peak memory of this process. Linux's ``ru_maxrss`` would start at that of the parent."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MAXRSS_PER_MB


def _generate(root: Path, images: int, each: int) -> None:
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    first = root / "images/0.png"
    cv2.imwrite(str(first), np.zeros((480, 640, 3), np.uint8))
    rng, k = np.random.default_rng(0), len(COCO_SIGMAS)
    entries: list[dict] = []
    annotations: list[dict] = []
    for i in range(images):
        if i:
            shutil.copyfile(first, root / "images" / f"{i}.png")  # a link would be the same image twice
        entries.append({"id": i + 1, "file_name": f"{i}.png", "width": 640, "height": 480})
        for _ in range(each):
            corner, size = rng.uniform(0, 300, 2), rng.uniform(50, 170, 2)
            points = np.column_stack([corner + rng.uniform(0, 1, (k, 2)) * size, rng.integers(0, 3, k)])
            points[points[:, 2] == 0] = 0
            annotations.append({
                "id": len(annotations) + 1, "image_id": i + 1, "category_id": 1, "iscrowd": 0,
                "bbox": [*corner.tolist(), *size.tolist()], "area": float(size.prod()),
                "keypoints": points.round(3).ravel().tolist(),
            })  # fmt: skip
    categories = [{"id": 1, "name": "person", "keypoints": list(COCO_SIGMAS)}]
    content = {"images": entries, "annotations": annotations, "categories": categories}
    (root / "annotations/train.json").write_text(json.dumps(content))
