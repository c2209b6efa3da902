"""The published annotation of MPII, ``mpii_human_pose_v1_u12_1.mat``: a MATLAB structure ``RELEASE``.

``annolist(i)`` is an image: ``image.name`` and ``annorect``, a person each, with ``x1 y1 x2 y2`` of the head,
``scale``, ``objpos.x/.y`` and ``annopoints.point``: ``x``, ``y``, ``id`` and ``is_visible``. A keypoint with
``is_visible`` 0 is occluded, one without it (the ends of the head) is visible, one that is not listed is absent.
``img_train(i)`` is 0 for the images of the test set, whose keypoints are not published.

SciPy's reader crashes on some damaged files, so it runs as a process of its own: ``plain_mat``.
"""

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.parsing.text import one_line
from kpplugins.data.parsing.values import as_name, as_number
from kpplugins.formats.mpii.person import JOINTS, Entry, Person
from kpplugins.structures import BadInputError

_MAGIC = b"MATLAB 5.0 MAT-file"
_STRUCTURE = "RELEASE"
_HEAD = ("x1", "y1", "x2", "y2")
_ORDERS = {b"IM": "<", b"MI": ">"}
_COMPRESSED, _TEXT = 15, 1
"""Types of elements."""
_VARIABLES = 100
"""Most variables of a file that are looked at."""
_SECONDS = 600
"""Longest time that a file may take; MPII's takes half a minute."""


def is_mat(path: Path) -> bool:
    """Tell whether a file is MATLAB's and may be MPII's; never raises.

    Args:
        path: the file.

    Returns:
        True for a ``.mat`` file with a variable ``RELEASE``.
    """
    try:
        if path.suffix.lower() != ".mat":
            return False
        with path.open("rb") as file:
            header = file.read(128)
            order = _ORDERS.get(header[126:])
            if not header.startswith(_MAGIC) or order is None:
                return False
            name = struct.pack(f"{order}II", _TEXT, len(_STRUCTURE)) + _STRUCTURE.encode()
            for _ in range(_VARIABLES):
                kind, size = struct.unpack(f"{order}II", file.read(8))
                start = file.read(min(size, 1024))
                if kind == _COMPRESSED:
                    start = zlib.decompressobj().decompress(start, 128)
                if name in start[:128]:
                    return True
                file.seek(size - min(size, 1024), os.SEEK_CUR)
    except (OSError, struct.error, zlib.error):  # the last element was read, or it is damaged
        pass
    return False


def read_mat(path: Path) -> tuple[list[Entry], list[BadInputError]]:
    """Read the images of the training set.

    Args:
        path: the file.

    Returns:
        The images with their persons, those of the test set without; and a fault for each image that is malformed.

    Raises:
        BadInputError: it is not this structure.
    """
    release = _content(path)
    images, train = (_items(_get(release, name)) for name in ("annolist", "img_train"))
    if not images or len(train) != len(images):
        raise BadInputError(
            "not MPII's annotation", where=str(path), expected="RELEASE.annolist and RELEASE.img_train of one length",
            found=f"{len(images)} images, {len(train)} marks",
        )  # fmt: skip
    entries, faults = [], []
    for number, (image, labelled) in enumerate(zip(images, train, strict=True), 1):
        where = f"{path}: annolist({number})"
        try:
            entry = Entry(as_name(_get(_get(image, "image"), "name"), "image.name", where), where)
            if labelled == 1:
                entry.persons = [
                    _person(rect, f"{where}.annorect({i})")
                    for i, rect in enumerate(_items(_get(image, "annorect")), 1)
                ]
            entries.append(entry)
        except BadInputError as fault:
            faults.append(fault)
    return entries, faults


def _content(path: Path) -> Any:
    """Return the structure as ``plain_mat`` prints it; ``None`` if there is none."""
    program = [
        sys.executable,
        str(Path(__file__).with_name("plain_mat.py")),
        str(path.absolute()),
        _STRUCTURE,
    ]
    try:
        done = subprocess.run(
            program, capture_output=True, timeout=_SECONDS, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        )
        if done.returncode == 0:
            return json.loads(done.stdout)
        said = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
        why = said.splitlines()[-1] if done.returncode == 1 else f"SciPy crashed, status {done.returncode}"
    except subprocess.TimeoutExpired:
        why = f"SciPy was not done after {_SECONDS} s"
    raise BadInputError(
        f"not a MATLAB file that can be read ({one_line(why)})", where=str(path), todo="fetch it again"
    )


def _person(rect: Any, where: str) -> Person:
    points = _items(_get(_get(rect, "annopoints"), "point"))
    place = _get(rect, "objpos")
    centre = [_number(_get(place, side), f"objpos.{side}", where) for side in "xy"]
    return Person(
        where,
        _points(points, where) if points else None,
        None if None in centre else np.array(centre, float),
        _number(_get(rect, "scale"), "scale", where) or 0.0,
        all(_number(_get(rect, side), side, where) is not None for side in _HEAD),
    )


def _points(points: list[Any], where: str) -> np.ndarray:
    found = np.zeros((JOINTS, 3))
    for i, point in enumerate(points, 1):
        place = f"{where}.point({i})"
        number = as_number(_plain(_get(point, "id")), "id", place)
        if number not in range(JOINTS) or found[int(number), 2]:
            raise BadInputError(
                "joint is listed twice" if number in range(JOINTS) else "unknown joint", where=place,
                expected=f"id 0 to {JOINTS - 1}, each once", found=f"{number:g}",
            )  # fmt: skip
        x, y = (as_number(_plain(_get(point, side)), side, place) for side in "xy")
        visible = _number(_get(point, "is_visible"), "is_visible", place)
        if visible not in (None, 0, 1):
            raise BadInputError(
                "wrong visibility", where=place, expected="is_visible 0 or 1", found=f"{visible:g}"
            )
        found[int(number)] = x, y, 1 if visible == 0 else 2
    return found


def _get(record: Any, name: str) -> Any:
    """Return a field; ``None`` if it, or the structure, is not there or empty."""
    value = record.get(name) if isinstance(record, dict) else None
    return None if value in ("", []) else value


def _items(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _plain(value: Any) -> Any:
    """Return a number as Python's; some versions of the file hold numbers as text."""
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return int(value)
    return value


def _number(value: Any, what: str, where: str) -> float | None:
    return None if value is None else as_number(_plain(value), what, where)
