"""Predictions frame by frame, read from JSON Lines."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kpplugins.data.parsing.documents import parse_json
from kpplugins.data.parsing.values import as_dict, as_list, as_name, as_number, as_numbers
from kpplugins.formats.frames.frame_log import VERSION
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

_LONGEST_LINE = 50_000_000
"""Bytes of a line; one with a thousand instances of a hundred keypoints has five million."""


class PredictedFrames:
    """Reads JSON Lines frame by frame, as often as it is iterated, without keeping them.

    A last line that was cut off is left out.

    Args:
        path: the file.

    Attributes:
        path: the file.
        head: its first line.
        names: the K keypoint names.

    Raises:
        BadInputError: it is no such file, or was written by a newer kpplugins.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head = as_dict(next((value for _, value in self._lines()), {}), "the head", str(path))
        version = self.head.get("kpplugins_frames")
        if not isinstance(version, int):
            raise BadInputError("not predictions of kpplugins", where=str(path), expected="its JSON Lines")
        if version > VERSION:
            raise BadInputError(
                "written by a newer kpplugins", where=str(path), expected=f"version {VERSION}",
                found=str(version), todo="pip install --upgrade kpplugins",
            )  # fmt: skip
        listed = as_list(self.head.get("keypoint_names"), "'keypoint_names'", str(path))
        self.names = tuple(as_name(name, "keypoint name", str(path)) for name in listed)
        if not self.names or len(set(self.names)) < len(self.names):
            raise BadInputError("keypoint names must be unique and at least one", where=str(path))

    @property
    def schema(self) -> KeypointSchema:
        """Return the keypoints, as far as the head describes them."""
        flips, skeleton = (
            tuple((str(a), str(b)) for a, b in as_list(self.head.get(key, []), repr(key), str(self.path)))
            for key in ("flip_pairs", "skeleton")
        )
        return KeypointSchema(str(self.head.get("name", "object")), self.names, flips, skeleton)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each frame.

        Yields:
            Its line; ``instances`` is there in all, and checked: K keypoints of x, y, score, and a box.

        Raises:
            BadInputError: a line is not a frame.
        """
        for number, value in self._lines():
            where = f"{self.path}:{number}"
            line = as_dict(value, "the line", where)
            if number == 1 or "end" in line:
                continue
            as_number(line.get("frame"), "'frame'", where)
            instances = as_list(line.setdefault("instances", []), "'instances'", where)
            for i, instance in enumerate(instances):
                self._check(instance, f"{where}: instances[{i}]")
            yield line

    @property
    def whole(self) -> bool:
        """Return whether the run came to its end."""
        return any("end" in value for _, value in self._lines() if isinstance(value, dict))

    def _check(self, instance: Any, where: str) -> None:
        entry = as_dict(instance, "instance", where)
        rows = as_list(entry.get("keypoints"), "keypoints", where)
        if len(rows) != len(self.names):
            raise BadInputError(
                "wrong number of keypoints", where=where, expected=f"{len(self.names)} of x, y, score",
                found=str(len(rows)),
            )  # fmt: skip
        for row in rows:
            as_numbers(row, "keypoint", where, 3)
        as_numbers(entry.get("bbox"), "bbox", where, 4)
        as_number(entry.get("score"), "score", where)

    def _lines(self) -> Iterator[tuple[int, Any]]:
        """Yield the number and value of each line that is whole."""
        try:
            with self.path.open("rb") as file:
                for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
                    if not line.endswith(b"\n"):
                        return
                    yield number, parse_json(line.decode("utf-8", "replace"), f"{self.path}:{number}")
        except OSError as error:
            raise BadInputError(
                f"cannot be read ({error.strerror or error})", where=str(self.path)
            ) from error
