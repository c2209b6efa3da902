"""Benchmarks of prediction: the predictor against its bare network, cold starts, and memory over many frames."""

import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import psutil
import torch
from mmpose.registry import MODELS

from kpplugins.apis.benchmarking.predict_speed import predict_speed
from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.inference.predictor import Predictor

_SIZE = (480, 640)


def random_run(config: Path, folder: Path, cfg_options: Mapping[str, Any] | None = None) -> Path:
    """Write a checkpoint of random weights, with its config and schema, as a training would.

    Args:
        config: of the model; its keypoints become those of the cats.
        folder: the work dir, made if needed.
        cfg_options: values of the config to override.

    Returns:
        The checkpoint.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    cfg = load_config(config, schema=CAT_SCHEMA, cfg_options=dict(cfg_options or {}))
    CAT_SCHEMA.save(folder / "schema.json")
    cfg.dump(folder / config.name)
    checkpoint = folder / "epoch_1.pth"
    torch.save({"state_dict": MODELS.build(cfg.model).state_dict()}, checkpoint)
    return checkpoint


def against_bare(configs: dict[str, Path], rounds: int = 15) -> dict[str, dict[str, float]]:
    """Measure the predictor's call against its bare network, 16 boxes in an image for top-down models.

    Args:
        configs: by name; models get random weights, so that what they find means nothing.
        rounds: how often each is measured.

    Returns:
        For each, milliseconds of the median of the call and of the bare network, and the ratio of rounds; and of
        MMPose's ``inference_topdown`` for a top-down model.
    """
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, config in configs.items():
            checkpoint = random_run(config, Path(folder) / name)
            report = predict_speed(Predictor(None, checkpoint, "cpu"), rounds=rounds)
            rows = {row["what"]: row for row in report.rows}
            ours, bare = rows["array to PoseResult"], rows["bare network"]
            found[name] = {"ours ms": ours["p50 ms"], "bare ms": bare["p50 ms"], "ratio": ours["÷ bare"]}
            if "MMPose's inference_topdown" in rows:
                found[name]["inference_topdown ratio"] = rows["MMPose's inference_topdown"]["÷ bare"]
    return found


def cold_start(root: Path, models: dict[str, Path], runs: int = 3) -> dict[str, float]:
    """Time ``tools/predict.py`` as a whole process, from the command to the written result of one image.

    Args:
        root: the repository.
        models: checkpoints and exported folders, by name.
        runs: processes of each, in turn.

    Returns:
        The medians in seconds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in models}
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "a.jpg"
        cv2.imwrite(str(image), np.full((*_SIZE, 3), 127, np.uint8))
        for number in range(runs):
            for name, model in models.items():
                words = ["--config", str(model), "--out", f"{folder}/{name}{number}.jsonl"]
                start = time.perf_counter()
                subprocess.run(
                    [sys.executable, str(root / "tools/predict.py"), str(image), *words],
                    check=True, capture_output=True,
                )  # fmt: skip
                seconds[name].append(time.perf_counter() - start)
    return {name: median(taken) for name, taken in seconds.items()}


def memory(model: Path, frames: int = 10_000) -> dict[str, float]:
    """Measure the memory of a process that predicts on many frames, one box in each.

    Args:
        model: a checkpoint or an exported folder.
        frames: how many.

    Returns:
        ``MB after a tenth`` and ``MB at the end`` (resident), and ``growth MB`` between the two.
    """
    with multiprocessing.get_context("spawn").Pool(1) as fresh:
        early, late = fresh.apply(resident, (str(model), frames))
    return {"frames": frames, "MB after a tenth": early, "MB at the end": late, "growth MB": late - early}


def resident(model: str, frames: int) -> tuple[float, float]:
    """Predict on many frames in this process.

    Args:
        model: a checkpoint or an exported folder.
        frames: how many.

    Returns:
        MB of resident memory after a tenth of them, and at the end.
    """
    torch.set_num_threads(1)
    predictor, process = Predictor(model), psutil.Process()
    box, early = np.array([[200.0, 100, 420, 330]]), 0.0

    def images() -> Iterator[np.ndarray]:
        rng = np.random.default_rng(0)
        for _ in range(frames):
            yield rng.integers(0, 256, (*_SIZE, 3), np.uint8)

    for number, _ in enumerate(predictor.predict(images(), (box for _ in range(frames)), batch_size=4), 1):
        if number == frames // 10:
            early = process.memory_info().rss / 2**20
    return early, process.memory_info().rss / 2**20
