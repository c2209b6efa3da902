"""The predictions of a run on the disk: one JSON line an image, written as they come."""

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kpplugins.inference.bulk.image_names import key_of
from kpplugins.inference.bulk.name_set import NameSet
from kpplugins.inference.bulk.outcome import Outcome
from kpplugins.structures import BadInputError
from kpplugins.structures.file_lock import FileLock
from kpplugins.structures.line_file import LineFile
from kpplugins.structures.replaced_file import replace_text
from kpplugins.version import __version__

logger = logging.getLogger(__name__)
SOURCE = "image"
"""Key of the image's name in each line, see ``PoseResult.to_dict``."""
_FORMAT = 1
_AT_ONCE = 4096
_DECIDING = {"model": "another model", "options": "other options", "shard": "another shard"}
"""What must be the same when a run is resumed, and the words for a difference."""


class ResultsFile:
    """Holds the results of one run, or of one shard of it, while the block runs.

    Beside ``FILE.jsonl`` stand ``FILE.jsonl.run.json`` (model, options, inputs), ``FILE.bad.jsonl`` (the images without
    a prediction, and why) and, while a process writes, ``FILE.jsonl.lock``. A file that exists is continued: the images
    in it are in ``done``; those that were bad are tried again.

    Args:
        path: the file.
        facts: what the run was made from, plain data: ``model``, ``options``, ``shard``, and others for the reader.

    Attributes:
        done: keys of the images that have a line.
        bad: number of images without a prediction.

    Raises:
        BadInputError: on entry: another process writes it, it holds results of another model or of other options, or a
            line in it is damaged.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self.path, self.bad_path, self.run_path = path, bad_path_of(path), run_path_of(path)
        self.facts = json.loads(json.dumps(dict(facts)))
        self.done, self.bad = NameSet(), 0
        self._lock = FileLock(
            path.with_name(path.name + ".lock"), what="another process writes these results", where=str(path),
            todo="wait for its end or stop it, or give another --out",
        )  # fmt: skip
        self._lines: LineFile | None = None
        self._bad_lines: LineFile | None = None

    def __enter__(self) -> "ResultsFile":
        if self.path.exists() and not self.path.is_file():
            raise BadInputError("not a file", where=str(self.path), todo="give a file as --out")
        self._lock.__enter__()
        try:
            self._continue()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        try:
            for lines in (self._lines, self._bad_lines):
                if lines is not None:
                    lines.close()
        finally:
            self._lines = self._bad_lines = None
            self._lock.__exit__()

    def append(self, outcomes: Sequence[Outcome]) -> None:
        """Write what became of some images, all together.

        Args:
            outcomes: in the order of the images.

        Raises:
            BadInputError: they cannot be written; what was there before is unchanged.
        """
        if self._lines is None:
            raise RuntimeError("results are written inside the block")
        bad = [one for one in outcomes if one.fault]
        if bad:
            if self._bad_lines is None:
                self._bad_lines = LineFile(self.bad_path)
            self._bad_lines.append(json.dumps({SOURCE: one.source, "fault": one.fault}) for one in bad)
            self.bad += len(bad)
        self._lines.append(one.line for one in outcomes if not one.fault)

    def finish(self, counts: Mapping[str, Any]) -> None:
        """Note that the run went through all of its images.

        Args:
            counts: numbers of images, for the reader.
        """
        self._note(finished=True, ended=_now(), **counts)

    def _continue(self) -> None:
        """Check what is there, and open the files."""
        fresh = not self.path.exists() or self.path.stat().st_size == 0
        if fresh:
            self._note(finished=False, started=_now())
        else:
            self._require_same()
        self._lines = LineFile(self.path)
        if self._lines.torn:
            logger.warning(
                "%s: a last line of %d bytes that was not finished is cut off; its image is done again",
                self.path, self._lines.torn,
            )  # fmt: skip
        names: list[str] = []
        for source, _ in lines_of(self.path):
            names.append(key_of(source))
            if len(names) == _AT_ONCE:
                self.done.add(names)
                names = []
        self.done.add(names)
        if not fresh:
            self._note(finished=False, started=_now())
        self.bad_path.unlink(missing_ok=True)

    def _require_same(self) -> None:
        before = read_run(self.path)
        for key, words in _DECIDING.items():
            if _compared(before.get(key)) != _compared(self.facts.get(key)):
                raise BadInputError(
                    f"these results are of {words}", where=str(self.path),
                    expected=_words(before.get(key)), found=_words(self.facts.get(key)),
                    todo="give another --out, or delete the file to begin anew",
                )  # fmt: skip
        if before.get("folder") != self.facts.get("folder") and self.facts.get("relative"):
            raise BadInputError(
                "these results name images relative to another folder", where=str(self.path),
                expected=str(before.get("folder")), found=str(self.facts.get("folder")),
                todo="run it from there, or give absolute names and another --out",
            )  # fmt: skip
        if before.get("inputs") != self.facts.get("inputs"):
            logger.info(
                "%s: the inputs are not those of the run before; what they add is appended", self.path
            )

    def _note(self, **more: Any) -> None:
        content = {"format": _FORMAT, "kpplugins_version": __version__, **self.facts, **more}
        replace_text(self.run_path, json.dumps(content, indent=1) + "\n")


def lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """Read a file of results, line by line.

    Args:
        path: the file.

    Yields:
        The name of the image, and the line without its end.

    Raises:
        BadInputError: a line is not what was written.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                source = json.loads(line)[SOURCE]
                if not isinstance(source, str) or not line.endswith(b"\n"):
                    raise ValueError
            except (ValueError, KeyError, TypeError) as error:
                raise BadInputError(
                    "a damaged line", where=f"{path}:{number}", expected="a line that kpplugins predict wrote",
                    todo="delete this line and run it again: its image is done again",
                ) from error  # fmt: skip
            yield source, line[:-1].decode("utf-8")


def read_run(path: Path) -> dict[str, Any]:
    """Read what a file of results was made from.

    Args:
        path: the file of results.

    Returns:
        The content of the ``.run.json`` beside it.

    Raises:
        BadInputError: it is missing or damaged, or of a newer version.
    """
    beside = run_path_of(path)
    try:
        content = json.loads(beside.read_bytes())
        version = int(content["format"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            "these results do not say what they were made from", where=str(path), expected=str(beside),
            todo="restore that file, or give another --out",
        ) from error  # fmt: skip
    if version > _FORMAT:
        raise BadInputError(
            "made by a newer kpplugins", where=str(beside), expected=f"format {_FORMAT}", found=str(version),
            todo="pip install --upgrade kpplugins",
        )  # fmt: skip
    return content


def bad_path_of(path: Path) -> Path:
    """Return the file of the images without a prediction.

    Args:
        path: the file of results.

    Returns:
        ``FILE.bad.jsonl`` of ``FILE.jsonl``.
    """
    return path.with_name(f"{path.stem}.bad{path.suffix}")


def run_path_of(path: Path) -> Path:
    """Return the file that says what results were made from.

    Args:
        path: the file of results.

    Returns:
        ``FILE.jsonl.run.json`` of ``FILE.jsonl``.
    """
    return path.with_name(path.name + ".run.json")


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _compared(value: Any) -> Any:
    """Drop where a model stands: its check sum says which one it is."""
    return {k: v for k, v in value.items() if k != "file"} if isinstance(value, dict) else value


def _words(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{key} {str(one)[:80]}" for key, one in value.items() if one is not None) or "none"
