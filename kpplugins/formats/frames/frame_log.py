"""JSON Lines of predictions, written as they come."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kpplugins.schema import KeypointSchema
from kpplugins.structures.line_file import LineFile
from kpplugins.structures.replaced_file import unwritable

VERSION = 1
SUFFIX = ".jsonl"


def head_of(schema: KeypointSchema, source: str, kind: str, **facts: Any) -> dict[str, Any]:
    """Return the first line of JSON Lines.

    Args:
        schema: the keypoints.
        source: name of the video, camera or folder.
        kind: ``images``, ``video`` or ``live``.
        **facts: ``width``, ``height``, ``fps``, ``frame_count``; those that are ``None`` are left out.

    Returns:
        The head.
    """
    return {
        "kpplugins_frames": VERSION, "source": source, "kind": kind, "name": schema.name,
        "keypoint_names": list(schema.keypoints), "skeleton": [list(pair) for pair in schema.skeleton],
        "flip_pairs": [list(pair) for pair in schema.flip_pairs],
        **{name: value for name, value in facts.items() if value is not None},
    }  # fmt: skip


class FrameLog:
    """Writes one line a frame; each is with the system when ``add`` returns, whatever ends this process then.

    Args:
        path: the file, which is replaced.
        head: its first line, see ``head_of``.

    Attributes:
        path: the file.
        frames: how many were written.

    Raises:
        BadInputError: it cannot be written.
    """

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self.path, self.frames = path, 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        except OSError as error:
            raise unwritable(path, error) from error
        self._lines = LineFile(path)
        self._write(head)

    def add(self, frame: Mapping[str, Any]) -> None:
        """Write a frame.

        Args:
            frame: see the package's documentation; every value is finite.

        Raises:
            BadInputError: it cannot be written; the lines before it are whole.
        """
        self._write(frame)
        self.frames += 1

    def close(self, **facts: Any) -> None:
        """Write the last line, which says that nothing was cut off.

        Args:
            **facts: what it says.

        Raises:
            BadInputError: it cannot be written.
        """
        if self._lines.closed:
            return
        try:
            self._write({"end": {"frames": self.frames, **facts}})
        finally:
            self._lines.close()

    def abandon(self) -> None:
        """Close the file as one that was cut off."""
        self._lines.close()

    def _write(self, value: Mapping[str, Any]) -> None:
        self._lines.append([json.dumps(value, allow_nan=False, separators=(",", ":"))])
