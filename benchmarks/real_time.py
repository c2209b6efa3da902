"""Benchmarks of use: a default call against MMPose's and rtmlib's, and a stream on one core."""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from benchmarks.predictor import random_run
from kpplugins.apis.benchmarking.bare_network import by_mmpose
from kpplugins.apis.export import export
from kpplugins.apis.train import train
from kpplugins.curation.convert import convert
from kpplugins.data.images import read_image
from kpplugins.data.pose_record import PoseRecord
from kpplugins.formats.load_annotations import load_annotations
from kpplugins.inference.live.live_run import LiveRun
from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.inference.predictor import Predictor
from kpplugins.inference.trained.trained_model import load_trained
from kpplugins.inference.video.camera import Camera
from kpplugins.structures.timed import timed
from kpplugins.synthetic import write_sample_cats
from kpplugins.weights.checkpoints import default_checkpoint

_SIZE = (640, 480)
_TESTED = 60
_Call = Callable[[np.ndarray, np.ndarray], np.ndarray]


def used(root: Path, epochs: int = 16, seconds: float = 8) -> dict[str, Any]:
    """Train a small hourglass on drawn cats, export it, and use it on images and streams.

    Args:
        root: the repository.
        epochs: of the training, on 300 cats.
        seconds: of each stream.

    Returns:
        ``default call``: see ``against_mmpose``; ``same RTMPose-t``: see ``against_rtmlib``, where rtmlib is installed;
        ``stream``: see ``stream``, by model, for streams of 30 and of 60 frames a second.
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # of the runtimes that are opened from here on
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sample_cats(folder / "cats", 300 + 2 * _TESTED, 0)
        convert(folder / "cats", folder / "data")
        run = train(
            root / "configs/cat_hourglass_sample.py", work_dir=folder / "run", data=folder / "cats",
            cfg_options={"max_epochs": epochs},
        )  # fmt: skip
        checkpoint = default_checkpoint(run)
        exported, _ = export(None, checkpoint, folder / "onnx", data=folder / "cats")
        smaller, _ = export(
            None,
            checkpoint,
            folder / "int8",
            int8=folder / "data",
            data=folder / "cats",
            accept_loss=True,
        )
        records = load_annotations(folder / "cats").records[-_TESTED:]
        found: dict[str, Any] = {
            "default call": against_mmpose(checkpoint, {"ONNX fp32": exported, "ONNX int8": smaller}, records)
        }
        if find_spec("rtmlib") is not None:
            found["same RTMPose-t"] = against_rtmlib(root / "configs/custom_rtmpose_t.py", folder / "rtm")
        whole = random_run(root / "configs/glue_tubes_centernet.py", folder / "centernet")
        one_stage, _ = export(None, whole, folder / "centernet_onnx")
        models = {"cat_hourglass_sample": exported, "glue_tubes_centernet": one_stage}
        found["stream"] = {
            f"{model}, {fps} frames a second": stream(
                path, _film(folder / f"{fps}.mp4", records, fps, seconds)
            )
            for model, path in models.items()
            for fps in (30, 60)
        }
        return found


def _turns(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median milliseconds of CPU time of each; they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 2):
        for name, call in calls.items():
            _, seconds = timed(call, time.process_time)
            if number > 1:
                taken[name].append(1e3 * seconds)
    return {name: median(values) for name, values in taken.items()}


def against_mmpose(
    checkpoint: Path, exported: dict[str, Path], records: Sequence[PoseRecord], rounds: int = 15
) -> dict[str, dict[str, float]]:
    """Compare the default call of exported models with ``inference_topdown`` and its flip test, on one core.

    Args:
        checkpoint: of a top-down model.
        exported: its exports by name.
        records: test instances, one to an image.
        rounds: how often each is measured, in turn.

    Returns:
        By name the milliseconds of CPU time for an image with one box, how many times as fast as
        ``inference_topdown`` that is, the mean error in pixels, and its ratio.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        trained, reference = Predictor(checkpoint), "inference_topdown"
        calls: dict[str, _Call] = {
            reference: lambda image, box: by_mmpose(trained.model, image, box)()[0].pred_instances.keypoints[
                0
            ],
            "PyTorch": lambda image, box: trained(image, box).keypoints[0],
        }
        for name, path in exported.items():
            calls[name] = partial(_keypoints, Predictor(path))
        given = [(read_image(r.image), np.asarray(r.bbox, float)[None], r) for r in records]
        image, box, _ = given[0]
        ms = _turns({name: partial(call, image, box) for name, call in calls.items()}, rounds)
        error = {
            name: float(np.mean([_error(call(image, box), record) for image, box, record in given]))
            for name, call in calls.items()
        }
        return {
            name: {
                "ms": ms[name], "times as fast": ms[reference] / ms[name],
                "error px": error[name], "error ratio": error[name] / error[reference],
            }
            for name in calls
        }  # fmt: skip
    finally:
        torch.set_num_threads(threads)


def _keypoints(predictor: Predictor, image: np.ndarray, box: np.ndarray) -> np.ndarray:
    return predictor(image, box).keypoints[0]


def _error(found: np.ndarray, record: PoseRecord) -> float:
    labelled = record.keypoints[:, 2] > 0
    return float(np.linalg.norm(found - record.keypoints[:, :2], axis=-1)[labelled].mean())


def against_rtmlib(config: Path, folder: Path, rounds: int = 25) -> dict[str, float]:
    """Compare our exported RTMPose with rtmlib on a file of the same weights, both with one thread of ONNX Runtime.

    Args:
        config: of a SimCC model; its weights are random.
        folder: a folder to write to.
        rounds: how often each is measured, in turn.

    Returns:
        The milliseconds of CPU time for an image with one box and with four, and how many times as fast ours is.
    """
    import onnxruntime
    from rtmlib import RTMPose

    checkpoint = random_run(config, folder)
    trained = load_trained(None, checkpoint, "cpu")
    width, height = trained.config.codec.input_size
    raw = folder / "simcc.onnx"
    torch.onnx.export(
        _Raw(trained.network), (torch.zeros(1, 3, height, width),), raw, dynamo=True, verbose=False
    )
    theirs = RTMPose(str(raw), (width, height), backend="onnxruntime", device="cpu")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    theirs.session = onnxruntime.InferenceSession(raw, options, ["CPUExecutionProvider"])
    out, _ = export(None, checkpoint, folder / "onnx")
    ours = Predictor(out)
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    boxes = np.array([[100.0, 50, 300, 400], [200, 90, 420, 330], [10, 20, 200, 300], [300, 100, 600, 450]])
    ms = _turns(
        {
            "rtmlib ms": lambda: theirs(image, boxes[:1]),
            "ours ms": lambda: ours(image, boxes[:1]),
            "rtmlib ms, four boxes": lambda: theirs(image, boxes),
            "ours ms, four boxes": lambda: ours(image, boxes),
        },
        rounds,
    )
    ratios = {
        "times as fast" + rest: ms["rtmlib ms" + rest] / ms["ours ms" + rest] for rest in ("", ", four boxes")
    }
    return ms | ratios


class _Raw(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: torch.Tensor) -> Any:
        return self.network(crops, None, mode="tensor")


def _film(file: Path, records: Sequence[PoseRecord], fps: int, seconds: float) -> Path:
    """Write a video in which a drawn cat moves."""
    if file.is_file():
        return file
    image = cv2.resize(read_image(records[0].image), _SIZE)
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"mp4v"), fps, _SIZE)
    for number in range(int(fps * seconds)):
        place = 30 * np.sin(2 * np.pi * number / fps / 3)
        writer.write(cv2.warpAffine(image, np.array([[1, 0, place], [0, 1, 0]]), _SIZE))
    writer.release()
    return file


def stream(model: Path, film: Path) -> dict[str, float]:
    """Run the demo's camera loop on one core, with a video as the camera, recorded instead of shown.

    Args:
        model: an exported folder.
        film: a video, which plays at its own rate.

    Returns:
        Frames a second that were found, drawn and recorded, the share of the camera's frames, and the milliseconds
        from capture to drawn: the median, and those that 95 % keep.
    """
    with multiprocessing.get_context("spawn").Pool(1) as fresh:
        return fresh.apply(on_one_core, (str(model), str(film)))


def on_one_core(model: str, film: str) -> dict[str, float]:
    """Run the camera loop in this process, which is bound to one core for good.

    Args:
        model: an exported folder.
        film: a video.

    Returns:
        See ``stream``.
    """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    predictor = Predictor(model)
    with tempfile.TemporaryDirectory() as out:
        camera = Camera(film)
        live = LiveRun([("model", predictor)], camera, RunSettings(out=Path(out)))
        _, seconds = timed(live.run)
    return {
        "frames a second": live.rate.frames / seconds,
        "share of frames": live.rate.frames / max(camera.captured, 1),
        "p50 ms": 1e3 * live.rate.quantile(0.5),
        "p95 ms": 1e3 * live.rate.quantile(0.95),
    }
