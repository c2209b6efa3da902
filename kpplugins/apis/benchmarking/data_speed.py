"""The speed of the training data, by number of workers."""

import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import DATASETS

from kpplugins.apis.benchmarking.benchmark_report import BenchmarkReport
from kpplugins.config.load import load_config
from kpplugins.structures import BadInputError

WORDS = (
    "The bare dataset is its items one after the other in this process, without batches. A crop is an instance with\n"
    "its targets: one a sample for a top-down model, all of an image for a one-stage model."
)


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
        ``samples a second`` and ``crops a second`` of the bare dataset and of each number of workers, and the ratio to
        the bare dataset.

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
    rows = [{"what": "bare dataset", **_measured(_items(dataset), len(dataset), seconds)}]
    for number in workers:
        changed = deepcopy(loader)
        changed.update(num_workers=number, persistent_workers=number > 0)
        if number == 0:
            changed.pop("prefetch_factor", None)
        batches = _batches(Runner.build_dataloader(changed))
        rows.append({"what": f"{number} workers", **_measured(batches, len(dataset), seconds)})
    bare = rows[0]["samples a second"]
    for row in rows:
        row["÷ bare"] = row["samples a second"] / bare
    facts = {"config": str(config), "batch size": loader.batch_size, "seconds": seconds}
    return BenchmarkReport("data", facts, rows, WORDS)


def _measured(groups: Any, length: int, seconds: float) -> dict[str, Any]:
    """Count samples and instances for some time, after a first pass, or as much time, that does not count."""
    _count(groups, length, seconds)
    samples, crops, taken = _count(groups, None, seconds)
    groups.close()
    return {"samples a second": samples / taken, "crops a second": crops / taken}


def _count(groups: Any, most: int | None, seconds: float) -> tuple[int, int, float]:
    samples = crops = 0
    start = time.perf_counter()
    for group in groups:
        samples += len(group)
        crops += sum(map(_instances, group))
        if time.perf_counter() - start >= seconds or (most is not None and samples >= most):
            break
    return samples, crops, time.perf_counter() - start


def _items(dataset: Any) -> Any:
    while True:
        for i in range(len(dataset)):
            yield [dataset[i]["data_samples"]]


def _batches(loader: Any) -> Any:
    while True:
        for batch in loader:
            yield batch["data_samples"]


def _instances(sample: Any) -> int:
    found = sample.get("gt_instances")
    return 1 if found is None else max(1, len(found))
