"""The speed of the training data, by number of workers."""

import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import DATASETS

from kpplugins.apis.benchmarking.benchmark_report import BenchmarkReport
from kpplugins.config.load import load_config
from kpplugins.data.images import read_pixels
from kpplugins.datasets.record_dataset import RecordDataset
from kpplugins.datasets.transforms.load_cached_image import LoadCachedImage
from kpplugins.structures import BadInputError

WORDS = (
    "The bare dataset is its items one after the other in this process, without batches, after the images that it can\n"
    "keep were decoded; `nothing kept` decodes an image for every sample, and the bare decoder does only that. These\n"
    "are by CPU time, the others by the clock. A crop is an instance with its targets: one a sample for a top-down\n"
    "model, all of an image for a one-stage model."
)
_DECODER = "bare decoder"
_MOST = 1000
"""Samples whose images the bare decoder goes round."""


def data_speed(
    config: str | Path,
    data: str | Path | None = None,
    workers: Sequence[int] = (0, 1, 2),
    seconds: float = 5.0,
    cfg_options: Mapping[str, Any] | None = None,
) -> BenchmarkReport:
    """Measure how fast a config's training data are read, augmented and encoded.

    Args:
        config: its ``train_dataloader`` is measured.
        data: the data folder that the datasets read.
        workers: numbers of data workers.
        seconds: how long each is measured, at least one batch, after a first pass over the data, or as much time, that
            does not count: images are kept after they were decoded.
        cfg_options: values of the config to override.

    Returns:
        ``samples a second`` and ``crops a second`` of the bare dataset, of one that keeps no decoded image, of decoding
        the images alone (if they are files), and of each number of workers, and the ratio to the bare dataset.

    Raises:
        BadInputError: see ``load_config``; or no number of workers, or a negative one.
    """
    if not workers or min(workers) < 0 or seconds <= 0:
        raise BadInputError(
            "nothing to measure", where="--workers", expected="numbers ≥ 0", found=str(list(workers))
        )
    cfg = load_config(config, data=data, cfg_options=dict(cfg_options or {}))
    init_default_scope(cfg.get("default_scope", "mmpose"))
    loader = cfg.train_dataloader
    dataset = DATASETS.build(deepcopy(loader.dataset))
    rows = [{"what": "bare dataset", **_measured(_items(dataset), len(dataset), seconds, time.process_time)}]
    rows += _decoding(loader.dataset, seconds)
    for number in workers:
        changed = deepcopy(loader)
        changed.update(num_workers=number, persistent_workers=number > 0)
        if number == 0:
            changed.pop("prefetch_factor", None)
        batches = _batches(Runner.build_dataloader(changed))
        rows.append(
            {"what": f"{number} workers", **_measured(batches, len(dataset), seconds, time.perf_counter)}
        )
    bare = rows[0]["samples a second"]
    for row in rows:
        row["÷ bare"] = row["samples a second"] / bare
    facts = {"config": str(config), "batch size": loader.batch_size, "seconds": seconds}
    return BenchmarkReport("data", facts, rows, WORDS)


def _decoding(settings: Any, seconds: float) -> list[dict[str, Any]]:
    """Measure a dataset that keeps no decoded image, and the decoding of its images alone."""
    changed = deepcopy(settings)
    for step in changed.get("pipeline", ()):
        if str(step["type"]).rsplit(".", 1)[-1] == LoadCachedImage.__name__:
            step["cache_mb"] = 0
    dataset = DATASETS.build(changed)
    if not isinstance(dataset, RecordDataset) or "img" in dataset.get_data_info(0):
        return []
    kinds = (("nothing kept", _items), (_DECODER, _decoded))
    return [
        {"what": what, **_measured(items(dataset), len(dataset), seconds, time.process_time)}
        for what, items in kinds
    ]


def _measured(groups: Any, length: int, seconds: float, clock: Callable[[], float]) -> dict[str, Any]:
    """Count samples and instances for some time, after a first pass, or as much time, that does not count."""
    _count(groups, length, seconds, clock)
    samples, crops, taken = _count(groups, None, seconds, clock)
    groups.close()
    return {"samples a second": samples / taken, "crops a second": crops / taken}


def _count(
    groups: Any, most: int | None, seconds: float, clock: Callable[[], float]
) -> tuple[int, int, float]:
    samples = crops = 0
    start = clock()
    for group in groups:
        samples += len(group)
        crops += sum(map(_instances, group))
        if clock() - start >= seconds or (most is not None and samples >= most):
            break
    return samples, crops, clock() - start


def _decoded(dataset: Any) -> Any:
    infos = [dataset.get_data_info(i) for i in range(min(len(dataset), _MOST))]
    while True:
        for info in infos:
            read_pixels(info["img_path"])
            yield [info]


def _items(dataset: Any) -> Any:
    while True:
        for i in range(len(dataset)):
            yield [dataset[i]["data_samples"]]


def _batches(loader: Any) -> Any:
    while True:
        for batch in loader:
            yield batch["data_samples"]


def _instances(sample: Any) -> int:
    found = sample.get("gt_instances", sample.get("keypoints"))
    return 1 if found is None else max(1, len(found))
