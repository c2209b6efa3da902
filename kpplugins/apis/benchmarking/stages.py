"""Where the time of a prediction goes."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.inference.predictor import Predictor
from kpplugins.structures.model_kind import ONE_STAGE
from kpplugins.structures.timed import timed


class Stages:
    """Does what a predictor does, one stage after the other, and measures each.

    Attributes:
        seconds: of each stage, one number a call.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor, self.model = predictor, predictor.model
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def __call__(self, file: Path, boxes: np.ndarray | None) -> None:
        """Predict on one image.

        Args:
            file: of the image.
            boxes: (N, 4) xyxy in pixels to predict in; ``None`` for a one-stage model.
        """
        image = self._timed("reading", lambda: self.predictor.read(file))
        if self.predictor.detector is not None:
            detector = self.predictor.detector
            self._timed("boxes of the detector", lambda: detector(image))
        given = [None] if boxes is None else list(boxes)
        units = self._timed("preprocessing", lambda: [self.model.prepare(image, box) for box in given])
        with decode_timed(self.model) as decoded:
            results, taken = timed(lambda: self.model.run(units))
        if decoded is not None:
            self.seconds["decoding"].append(sum(decoded))
        self.seconds["network" if decoded is not None else "network and decoding"].append(
            taken - sum(decoded or [])
        )
        result = type(results[0]).joined(results, self.predictor.schema)
        self._timed("drawing", lambda: result.draw(image))

    def _timed(self, stage: str, work: Callable[[], Any]) -> Any:
        value, seconds = timed(work)
        self.seconds[stage].append(seconds)
        return value


@contextmanager
def decode_timed(model: Any) -> Iterator[list[float] | None]:
    """Measure the decoding inside a model in PyTorch, while the block runs.

    Args:
        model: a ``PoseModel``.

    Yields:
        The seconds of each call; ``None`` where decoding is no step of its own, as in exported files.
    """
    head: Any = getattr(getattr(getattr(model, "trained", None), "network", None), "head", None)
    owner, name = head, "decode"
    if hasattr(getattr(head, "decoder", None), "batch_decode") and model.kind == ONE_STAGE:
        owner, name = head.decoder, "batch_decode"
    if owner is None or not hasattr(owner, name):
        yield None
        return
    seconds: list[float] = []
    original = getattr(owner, name)

    def measured(*args: Any, **kwargs: Any) -> Any:
        value, taken = timed(lambda: original(*args, **kwargs))
        seconds.append(taken)
        return value

    vars(owner)[name] = measured
    try:
        yield seconds
    finally:
        del vars(owner)[name]
