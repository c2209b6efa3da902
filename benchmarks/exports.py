"""Benchmarks of exported models against the trained one, pass for pass."""

import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
import torch
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from kpplugins.apis.exporting.graphs import graph_of
from kpplugins.config.load import load_config
from kpplugins.data.images import read_image
from kpplugins.deploy.runtimes import open_runtime
from kpplugins.deploy.targets.export_target import FP32, INT8, Order
from kpplugins.deploy.targets.registry import TARGETS
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.formats.load_annotations import load_annotations
from kpplugins.inference.trained.trained_model import TrainedModel, with_flip_test
from kpplugins.inference.trained.trained_top_down import TrainedTopDown
from kpplugins.structures.timed import timed
from kpplugins.synthetic import write_sample_cats

_WRITTEN = (("onnx", FP32), ("onnx", INT8), ("openvino", FP32), ("openvino", INT8))
WARM_UP = 5


def exported(config: Path, rounds: int = 9, passes: int = 20) -> dict[str, dict[str, float]]:
    """Time an image with one box, from its pixels to keypoints, on one core; the models take turns.

    Args:
        config: of a top-down model, whose weights are random. No flip test.
        rounds: how often each model has its turn; the median round counts.
        passes: images of each turn.

    Returns:
        By model (``trained``, and ``FORMAT PRECISION``) the milliseconds of CPU time of a pass, ``ms``, and how many
        times as fast as the trained one it is, ``ratio``. Formats whose packages are missing are left out.
    """
    trained, threads = _random(config), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            write_sample_cats(Path(folder) / "cats", 24, 0)
            records = load_annotations(Path(folder) / "cats").records
            boxes = [(read_image(r.image), r.bbox.astype(np.float32)) for r in records]
            models = {"trained": _in_torch(trained)} | _exported(trained, Path(folder), boxes)
            return _times(models, boxes, rounds, passes)
    finally:
        torch.set_num_threads(threads)


_Pass = Callable[[np.ndarray, np.ndarray], object]


def _times(
    models: dict[str, _Pass], boxes: list[tuple[np.ndarray, np.ndarray]], rounds: int, passes: int
) -> dict[str, dict[str, float]]:
    taken: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds):
        for name, once in models.items():
            for image, box in boxes[:WARM_UP]:
                once(image, box)
            _, seconds = timed(
                lambda once=once: [once(*boxes[i % len(boxes)]) for i in range(passes)], time.process_time
            )
            taken[name].append(seconds / passes)
    ms = {name: 1e3 * median(seconds) for name, seconds in taken.items()}
    return {name: {"ms": value, "ratio": ms["trained"] / value} for name, value in ms.items()}


def _random(config: Path) -> TrainedModel:
    cfg = load_config(config, schema=CAT_SCHEMA)
    init_default_scope("mmpose")
    torch.manual_seed(0)
    trained = TrainedModel(
        config=cfg, network=MODELS.build(cfg.model).eval(), pipeline=Compose(cfg.test_dataloader.dataset.pipeline),
        schema=CAT_SCHEMA, classes=(), device="cpu", name=config.stem,
    )  # fmt: skip
    with_flip_test(trained, False)
    return trained


def _in_torch(trained: TrainedModel) -> _Pass:
    model = TrainedTopDown(trained)
    return lambda image, box: model.run([model.prepare(image, box)])


def _exported(
    trained: TrainedModel, folder: Path, boxes: list[tuple[np.ndarray, np.ndarray]]
) -> dict[str, _Pass]:
    graph, made = graph_of(trained, False), {}

    def seen() -> Iterator[dict[str, np.ndarray]]:
        for image, box in boxes:
            yield {"image": image, "boxes": box[None]}

    for to, precision in _WRITTEN:
        target = TARGETS[to]
        if any(find_spec(package) is None for package in target.packages):
            continue
        out = folder / f"{to}_{precision}"
        out.mkdir()
        target.require(precision)
        target.write(graph, out, Order(precision, calibration=seen))
        made[f"{to} {precision}"] = _in_runtime(open_runtime(to, out / target.file, 1).run)
    return made


def _in_runtime(run: Callable[[dict[str, np.ndarray]], object]) -> _Pass:
    return lambda image, box: run({"image": image, "boxes": box[None]})
