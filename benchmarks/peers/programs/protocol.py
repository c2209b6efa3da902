"""What the programs share: the task, the clock of the budget, and the neutral form. Needs NumPy alone."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_TICK = 0.01
"""Seconds of a tick of the clock of CPU time."""


def task() -> dict[str, Any]:
    """Read the task that the program was started with: ``python PROGRAM.py task.json``."""
    return json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))


def coco(given: dict[str, Any], split: str) -> dict[str, Any]:
    """Read the annotations of a split; without images where the data have no such split."""
    if given[split] is None:
        return {"images": [], "annotations": [], "categories": []}
    return json.loads(Path(given[split]).read_text(encoding="utf-8"))


def image_path(given: dict[str, Any], image: dict[str, Any]) -> str:
    """Return the path of an image."""
    return str(Path(given["images"]) / image["file_name"])


def labelled(annotations: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the annotations that have keypoints, without crowds."""
    return [a for a in annotations if a["num_keypoints"] and not a["iscrowd"]]


def processor_seconds() -> float:
    """Return the CPU time of this process and its ended children: two threads busy for a second count as two."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Stopwatch:
    """The clock of a training: from its first iteration to its last, and the images that it has seen."""

    def __init__(self, minutes: float) -> None:
        self.limit = 60 * minutes
        self.images = 0
        self.start()

    def start(self) -> None:
        """Begin to count."""
        self._start = processor_seconds()
        self.stopped: float | None = None

    def stop(self) -> None:
        """Stop counting; may be called again, and then counts up to the last call."""
        self.stopped = processor_seconds() - self._start

    @property
    def seconds(self) -> float:
        """Return the seconds spent."""
        return processor_seconds() - self._start if self.stopped is None else self.stopped

    @property
    def share(self) -> float:
        """Return the share of the budget that is spent."""
        return self.seconds / self.limit

    @property
    def over(self) -> bool:
        """Tell whether the budget is spent."""
        return self.share >= 1


def epochs_that_fit(minutes: float, seconds_an_image: float, images: int, reserve: float = 0.03) -> float:
    """Return the number of epochs for a budget, whole ones and a part."""
    return 60 * minutes * (1 - reserve) / (seconds_an_image * images)


def entry(
    image_id: int, category_id: int, points: np.ndarray, scores: np.ndarray, score: float,
    box: Sequence[float] | None = None, annotation_id: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return a predicted instance in the neutral form.

    ``points`` (K, 2) in pixels, ``scores`` (K,); ``box`` x, y, width, height, if the method finds or was given one;
    ``annotation_id`` of a given one.
    """
    flat = np.column_stack([points, np.asarray(scores).reshape(-1)]).astype(float).ravel()
    row: dict[str, Any] = {
        "image_id": image_id, "category_id": category_id, "keypoints": [round(float(v), 4) for v in flat],
        "score": float(score),
    }  # fmt: skip
    if box is not None:
        row["bbox"] = [round(float(v), 4) for v in box]
    return row if annotation_id is None else {**row, "annotation_id": annotation_id}


def one_by_one(
    predict: Callable[[dict[str, Any]], list[dict[str, Any]]],
) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """Return the function that ``finish`` takes for one that takes an image."""
    return lambda images: [row for image in images for row in predict(image)]


def finish(
    given: dict[str, Any],
    watch: Stopwatch,
    predict: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
    *,
    parameters: int,
    shape: Sequence[int],
    train_images: int,
) -> None:
    """Predict every test image, measure that, and write ``results.json`` and ``facts.json``.

    Args:
        given: the task.
        watch: of the training, with the images that it has seen.
        predict: returns the entries of the images of the test; see ``one_by_one``.
        parameters: of the network.
        shape: width and height of its input.
        train_images: number of images, or for top-down methods instances, in an epoch.
    """
    images = coco(given, "test")["images"]
    begin = processor_seconds()
    rows = predict(images)
    seconds = processor_seconds() - begin
    out = Path(given["out"])
    (out / "results.json").write_text(json.dumps(rows), encoding="utf-8")
    facts = {
        "parameters": parameters,
        "input": "×".join(map(str, shape)) or "-",
        "epochs": watch.images / train_images if train_images else None,
        "cpu_minutes": watch.seconds / 60,
        "training_images_per_second": watch.images / watch.seconds if watch.images else None,
        "test_images_per_second": len(images) / max(seconds, _TICK),
    }
    (out / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
