"""Names of images in, lines of JSON out, in one process."""

import json
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kpplugins.inference.bulk.addresses import fetch_address, is_address
from kpplugins.inference.bulk.outcome import Outcome
from kpplugins.inference.bulk.results_file import SOURCE
from kpplugins.structures import BadInputError, PoseResult

if TYPE_CHECKING:
    from kpplugins.inference.predictor import Predictor

_FETCHERS = 8
_AHEAD = 32
"""Images that are fetched ahead of the one that is predicted, by so many threads."""


class ImageWorker:
    """Predicts on images by name.

    Args:
        predictor: the model.
        folder: what relative names are relative to; default: the current folder.
    """

    def __init__(self, predictor: "Predictor", folder: str | Path = "") -> None:
        self._predictor, self._folder = predictor, Path(folder)

    def __call__(self, names: Iterable[str]) -> Iterator[Outcome]:
        """Predict on images, one by one, and read ahead.

        Args:
            names: files and addresses; asked for only as far as they are needed.

        Yields:
            One outcome for each name, in order.
        """
        with tempfile.TemporaryDirectory(prefix="kpplugins-") as aside:
            for name, file in self._fetched(names, Path(aside)):
                yield self._outcome(name, file)
                if isinstance(file, Path) and is_address(name):
                    file.unlink(missing_ok=True)

    def _outcome(self, name: str, file: Path | BadInputError) -> Outcome:
        if isinstance(file, BadInputError):
            return Outcome(name, fault=str(file))
        try:
            image = self._predictor.read(file)
            result = self._predictor(image)
        except BadInputError as error:
            if error.where == str(file):  # which may be a copy
                error = BadInputError(
                    error.what, where=name, expected=error.expected, found=error.found, todo=error.todo
                )
            return Outcome(name, fault=str(error))
        except OSError as error:  # a file that may not be read, a name that cannot be one
            return Outcome(name, fault=str(BadInputError(f"cannot be read ({error.strerror})", where=name)))
        return Outcome(name, line=line_of(name, result, image.shape[1], image.shape[0]))

    def _fetched(self, names: Iterable[str], aside: Path) -> Iterator[tuple[str, Path | BadInputError]]:
        """Yield each name with its file, or why there is none; addresses are copied to files, ahead, in threads."""
        ahead: deque[tuple[str, Path, Future | None]] = deque()
        with ThreadPoolExecutor(_FETCHERS) as pool:
            try:
                for number, name in enumerate(names):
                    if is_address(name):
                        file = aside / f"{number}{Path(name.partition('?')[0]).suffix}"
                        ahead.append((name, file, pool.submit(fetch_address, name, file)))
                    else:
                        ahead.append((name, self._folder / name, None))
                    if len(ahead) > _AHEAD or ahead[0][2] is None:
                        yield _waited(*ahead.popleft())
                while ahead:
                    yield _waited(*ahead.popleft())
            finally:
                pool.shutdown(cancel_futures=True)


def line_of(name: str, result: PoseResult, width: int, height: int) -> str:
    """Write a prediction as a line of JSON, in ASCII; what breaks lines in names is escaped.

    Args:
        name: of the image.
        result: the prediction.
        width: of the image in pixels.
        height: of the image in pixels.

    Returns:
        The line, without its end.
    """
    content: dict[str, Any] = {SOURCE: name, **result.to_json(name, width, height)}
    return json.dumps(content, allow_nan=False)


def _waited(name: str, file: Path, future: Future | None) -> tuple[str, Path | BadInputError]:
    try:
        if future is not None:
            future.result()
    except BadInputError as error:
        return name, error
    return name, file
