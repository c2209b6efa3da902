"""The speed of a predictor, by stages, and against its bare network."""

import itertools
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from kpplugins.apis.benchmarking.benchmark_report import BenchmarkReport, in_milliseconds
from kpplugins.apis.benchmarking.stages import Stages
from kpplugins.inference.predictor import Predictor
from kpplugins.structures import BadInputError
from kpplugins.structures.model_kind import ONE_STAGE, TOP_DOWN
from kpplugins.structures.timed import timed
from kpplugins.synthetic import write_sample_cats

WARM_UP = 3
WORDS = (
    "Stages are measured one after the other on single images. `array to PoseResult` is the predictor's call; the\n"
    "bare network gets the same boxes as ready tensors and does not decode (flip test in both, if it is on). Ratios\n"
    "are medians over rounds, in which all take turns. `files, overlapped` is `predict`, which reads ahead."
)


def predict_speed(
    predictor: Predictor, images: Sequence[Path] = (), boxes: int = 16, rounds: int = 20
) -> BenchmarkReport:
    """Measure latency by stages, throughput, and the share of everything but the network.

    Args:
        predictor: of any kind of model.
        images: files to predict on; default: drawn cats.
        boxes: for a top-down model, boxes in each image, at random places.
        rounds: how often each is measured, after ``WARM_UP`` uncounted rounds.

    Returns:
        ``p50 ms`` and ``p95 ms`` of each stage, of the call as a whole, and of the references: the bare network or
        session, and MMPose's ``inference_topdown`` for a top-down model in PyTorch; with ``images a second`` and the
        ratio to the bare network.

    Raises:
        BadInputError: an image cannot be read, or a number is not positive.
    """
    if boxes < 1 or rounds < 1:
        raise BadInputError("not a number of boxes or rounds", expected="≥ 1", found=str(min(boxes, rounds)))
    with tempfile.TemporaryDirectory() as folder:
        files = list(images) or _drawn(Path(folder))
        stages, works = Stages(predictor), _works(predictor)
        taken: dict[str, list[float]] = {name: [] for name in works}
        for number, file in zip(range(WARM_UP + rounds), itertools.cycle(files), strict=False):
            image = predictor.read(file)
            given = None if predictor.model.kind == ONE_STAGE else random_boxes(image, boxes, number)
            stages(file, given)
            for name, make in works.items():
                taken[name].append(timed(make(image, given))[1])
        whole = _files_overlapped(predictor, files, boxes, rounds)
    ours = {
        name: in_milliseconds(seconds[WARM_UP:])
        for name, seconds in [*stages.seconds.items(), *taken.items()]
    }
    return BenchmarkReport(
        "predict",
        {"model": predictor.model.name, "kind": predictor.model.kind, "boxes": boxes, "rounds": rounds},
        [*_rows(ours, taken), {"what": "files, overlapped", "p50 ms": None, "p95 ms": None,
                               "images a second": whole, "÷ bare": None}],
        WORDS,
    )  # fmt: skip


def _rows(ours: dict[str, dict[str, float]], taken: dict[str, list[float]]) -> list[dict[str, Any]]:
    bare = next((name for name in taken if name.startswith("bare")), None)
    rows = []
    for name, times in ours.items():
        ratio = None
        if bare is not None and name in taken and name != bare:
            ratio = median(a / b for a, b in zip(taken[name][WARM_UP:], taken[bare][WARM_UP:], strict=True))
        rows.append({"what": name, **times, "images a second": 1e3 / times["p50 ms"], "÷ bare": ratio})
    return rows


_Work = Callable[[np.ndarray, np.ndarray | None], Callable[[], Any]]


def _works(predictor: Predictor) -> dict[str, _Work]:
    """Return what takes turns: each makes its preparations, which do not count, and returns what is measured."""
    works: dict[str, _Work] = {"array to PoseResult": lambda image, boxes: partial(predictor, image, boxes)}
    runtime, trained = (getattr(predictor.model, name, None) for name in ("runtime", "trained"))
    if runtime is not None:
        works["bare session"] = lambda image, boxes: partial(runtime.run, _inputs(image, boxes))
    elif trained is not None:
        from kpplugins.apis.benchmarking.bare_network import bare_network, by_mmpose

        works["bare network"] = partial(bare_network, predictor.model)
        if predictor.model.kind == TOP_DOWN:
            works["MMPose's inference_topdown"] = partial(by_mmpose, predictor.model)
    return works


def _inputs(image: np.ndarray, boxes: np.ndarray | None) -> dict[str, np.ndarray]:
    return {"image": image} | ({} if boxes is None else {"boxes": boxes.astype(np.float32)})


def _files_overlapped(predictor: Predictor, files: Sequence[Path], boxes: int, rounds: int) -> float:
    """Return the images a second of ``predict`` over files."""
    many = [file for file, _ in zip(itertools.cycle(files), range(max(rounds, len(files))), strict=False)]
    given = None
    if predictor.model.kind != ONE_STAGE:
        given = [random_boxes(predictor.read(file), boxes, number) for number, file in enumerate(many)]
    _, seconds = timed(lambda: list(predictor.predict(many, given)))
    return len(many) / seconds


def random_boxes(image: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw boxes of a third to two thirds of an image.

    Args:
        image: (H, W, 3).
        count: N.
        seed: of the random numbers.

    Returns:
        (N, 4) xyxy in pixels.
    """
    rng, size = np.random.default_rng(seed), np.array(image.shape[1::-1], float)
    sides = rng.uniform(1 / 3, 2 / 3, (count, 2)) * size
    corners = rng.uniform(0, 1, (count, 2)) * (size - sides)
    return np.concatenate([corners, corners + np.maximum(sides - 1, 1)], axis=1)


def _drawn(folder: Path) -> list[Path]:
    write_sample_cats(folder / "cats", 4, 0)
    return sorted((folder / "cats").rglob("*.jpg"))
