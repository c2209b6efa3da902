"""A model that takes no time: what is tested is everything around it. Also a program: ``python cheap_model.py …``."""

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.structures import BadInputError, PoseResult

IMAGE = np.zeros((4, 6, 3), np.uint8)


class CheapPredictor:
    """Finds one keypoint, at the image's number; by name or content, ``bad`` ones are faulty; ``poison`` kills."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def read(self, file: Path) -> np.ndarray:
        time.sleep(self.seconds)
        if "bad" in file.name or (file.is_file() and file.read_bytes() == b"bad"):
            raise BadInputError("image cannot be decoded", where=str(file))
        if "locked" in file.name:
            raise PermissionError(errno.EACCES, "Permission denied")
        if "poison" in file.name:
            os.kill(os.getpid(), signal.SIGKILL)
        return IMAGE

    def __call__(self, image: np.ndarray) -> PoseResult:
        zero = np.zeros((1, 1))
        return PoseResult(np.zeros((1, 1, 2)), zero, np.array([[0.0, 0, 5, 3]]), ("tip",))


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
