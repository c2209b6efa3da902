"""Names of images in, lines of JSON out, in one process."""

import json
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from glob import has_magic
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from kpplugins.inference.ahead import ahead
from kpplugins.inference.bulk.addresses import fetch_address, is_address
from kpplugins.inference.bulk.outcome import Outcome
from kpplugins.inference.pose_result import PoseResult
from kpplugins.structures import BadInputError

if TYPE_CHECKING:
    from kpplugins.inference.predictor import Predictor

_FETCHERS = 8
_AHEAD = 32
"""Images that are fetched ahead, by so many threads."""


class ImageWorker:
    """Predicts on images by name.

    Args:
        predictor: the model.
        folder: what relative names are relative to; default: the current folder.
        batch_size: see ``Predictor.predict``.
    """

    def __init__(self, predictor: "Predictor", folder: str | Path = "", batch_size: int = 16) -> None:
        self._predictor, self._folder, self._batch_size = predictor, Path(folder), batch_size

    def __call__(self, names: Iterable[str]) -> Iterator[Outcome]:
        """Predict on images, reading ahead.

        Args:
            names: files and addresses; asked for only as far as they are needed.

        Yields:
            One outcome for each name, in order.
        """
        under_way: deque[tuple[str, Path, BadInputError | None]] = deque()
        with tempfile.TemporaryDirectory(prefix="kpplugins-") as folder:
            files = _files(names, self._folder, Path(folder), under_way)
            results = self._predictor.predict(files, batch_size=self._batch_size, skip_bad=True)
            for result in results:
                name, file, fault = under_way.popleft()
                yield _outcome(name, file, fault, result)
                if is_address(name):
                    file.unlink(missing_ok=True)


def _outcome(name: str, file: Path, fault: BadInputError | None, result: PoseResult) -> Outcome:
    fault = fault or result.fault
    if fault is None:
        return Outcome(name, line=json.dumps({**result.to_dict(), "image": name}, allow_nan=False))
    if fault.where == str(file):  # which may be a copy
        fault = BadInputError(
            fault.what, where=name, expected=fault.expected, found=fault.found, todo=fault.todo
        )
    return Outcome(name, fault=str(fault))


def _files(
    names: Iterable[str], folder: Path, aside: Path, under_way: deque[tuple[str, Path, BadInputError | None]]
) -> Iterator[Path]:
    """Yield a file for each name, and note it; those of addresses are fetched, or are missing."""

    def fetched(numbered: tuple[int, str]) -> tuple[str, Path, BadInputError | None]:
        number, name = numbered
        if not is_address(name):
            return name, folder / name, None
        file = aside / f"{number}{Path(name.partition('?')[0]).suffix}"
        try:
            fetch_address(name, file)
        except BadInputError as fault:
            return name, file, fault
        return name, file, None

    for name, file, fault in ahead(fetched, zip(count(), names, strict=False), _FETCHERS, _AHEAD):
        if has_magic(str(file)) and not file.exists():  # the predictor would take it for a pattern
            fault = fault or BadInputError("image is missing", where=name, todo="fetch it again")
            file = aside / "missing"
        under_way.append((name, file, fault))
        yield file
