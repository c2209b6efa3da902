"""A model that takes no time: what is tested is everything around it. Also a program: ``python cheap_model.py …``."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.inference.pose_result import PoseResult
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

SCHEMA = KeypointSchema("pen", ("tip",))


class CheapPredictor:
    """Finds one keypoint; by name or content, ``bad`` images are faulty, ``poison`` kills; ``wait`` needs ``go``."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def predict(self, images: Iterable[Path], *, batch_size: int, skip_bad: bool) -> Iterator[PoseResult]:
        for file in images:
            yield self._one(file)

    def _one(self, file: Path) -> PoseResult:
        time.sleep(self.seconds)
        while "wait" in file.name and not (file.parent / "go").exists():
            time.sleep(0.01)
        if "poison" in file.name:
            os.kill(os.getpid(), signal.SIGKILL)
        if "bad" in file.name or (file.is_file() and file.read_bytes() == b"bad"):
            return PoseResult.empty(SCHEMA, fault=BadInputError("image cannot be decoded", where=str(file)))
        one = np.zeros((1, 1))
        return PoseResult(np.zeros((1, 1, 2)), one, np.array([[0.0, 0, 5, 3]]), SCHEMA, source=str(file))


@dataclass(frozen=True)
class CheapModel:
    """Stands where a ``ModelChoice`` does."""

    checksum: str = "1"
    seconds: float = 0.0
    device: str = "cpu"

    def settled(self) -> "CheapModel":
        return self

    def identity(self) -> dict[str, Any]:
        return {"file": "cheap.pth", "checksum": self.checksum}

    def options(self) -> dict[str, Any]:
        return {"box_thr": 0.3}

    def open(self) -> CheapPredictor:
        return CheapPredictor(self.seconds)


def main(words: Sequence[str]) -> None:
    """Run ``predict`` with the options of a JSON dict."""
    from kpplugins.apis.predict import predict
    from kpplugins.commands._command import run

    options = json.loads(words[0])
    model = CheapModel(options.pop("checksum", "1"), options.pop("seconds", 0.0))
    sys.exit(run(lambda: int(predict(model=model, **options).bad > 0)))


if __name__ == "__main__":
    main(sys.argv[1:])
