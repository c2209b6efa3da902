"""Names of images in, lines of JSON out, in one process."""

import json
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from glob import has_magic
from itertools import count, groupby
from pathlib import Path
from typing import TYPE_CHECKING

from kpplugins.inference.ahead import ahead
from kpplugins.inference.bulk.addresses import fetch_address
from kpplugins.inference.bulk.outcome import Outcome
from kpplugins.inference.pose_result import PoseResult
from kpplugins.structures import BadInputError, MachineError
from kpplugins.structures.addresses import is_address

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

        Raises:
            MachineError: a package that addresses need is missing.
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
    """Yield a file for each name, and note it; those of addresses are fetched ahead in threads, or are missing."""
    numbers = count()

    def fetched(name: str) -> tuple[str, Path, BadInputError | None]:
        file = aside / f"{next(numbers)}{Path(name.partition('?')[0]).suffix}"
        try:
            fetch_address(name, file)
        except MachineError:  # a missing package: no other image there can be fetched either
            raise
        except BadInputError as fault:
            return name, file, fault
        return name, file, None

    def found(name: str) -> tuple[str, Path, BadInputError | None]:
        file = folder / name
        if not has_magic(str(file)) or _is_there(file):
            return name, file, None
        fault = BadInputError("image is missing", where=name, todo="fetch it again")
        return name, aside / "missing", fault  # the predictor would take its name for a pattern

    for far, some in groupby(names, is_address):
        for one in ahead(fetched, some, _FETCHERS, _AHEAD) if far else map(found, some):
            under_way.append(one)
            yield one[1]


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:  # a name that is too long
        return False
