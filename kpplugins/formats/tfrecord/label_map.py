"""Label maps (``.pbtxt``) of the TF Object Detection API: classes, and the names of their keypoints."""

import re
from pathlib import Path
from typing import Any

from kpplugins.data.parsing.text import read_text
from kpplugins.structures import BadInputError

_TOKEN = re.compile(
    r"""(?:\s+|\#[^\n]*|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<word>[\w.+-]+)|(?P<mark>[{}:<>,;]))"""
)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)", re.DOTALL)
_PLAIN_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}
_DEEPEST = 10


def read_label_map(path: Path) -> tuple[dict[int, str], list[str]]:
    """Read the classes of a label map and the names of their keypoints.

    A class is called by its ``display_name``, else by its ``name``.

    Args:
        path: the ``.pbtxt`` file.

    Returns:
        Class names by id, and the keypoint names of all classes in the order of their ids.

    Raises:
        BadInputError: the file is not a label map.
    """
    classes: dict[int, str] = {}
    points: dict[str, int] = {}
    for item in _messages(_parse(path), "item"):
        number = _one(item, "id", path)
        name = _one(item, "display_name", path) or _one(item, "name", path)
        if not re.fullmatch(r"\d{1,9}", number) or not name:
            raise BadInputError(
                "item has no id or name", where=str(path), expected="item { id: 1 name: 'cat' }"
            )
        classes[int(number)] = name
        for keypoint in _messages(item, "keypoints"):
            place, label = _one(keypoint, "id", path), _one(keypoint, "label", path)
            if not re.fullmatch(r"\d{1,9}", place) or not label:
                raise BadInputError(
                    "keypoint has no id or label",
                    where=str(path),
                    expected="keypoints { id: 1 label: 'nose' }",
                )
            points[label] = int(place)
    if not classes:
        raise BadInputError("label map has no item", where=str(path), expected="item { id: 1 name: 'cat' }")
    return classes, sorted(points, key=lambda label: points[label])


def _messages(fields: list[tuple[str, Any]], key: str) -> list[list[tuple[str, Any]]]:
    return [value for name, value in fields if name == key and isinstance(value, list)]


def _one(fields: list[tuple[str, Any]], key: str, path: Path) -> str:
    """Return the last value of a plain field; empty if there is none."""
    values = [value for name, value in fields if name == key]
    if any(isinstance(value, list) for value in values):
        raise BadInputError(f"`{key}` is not a plain value", where=str(path))
    return values[-1] if values else ""


def _parse(path: Path) -> list[tuple[str, Any]]:
    """Parse the fields of a text message: a plain value as text, a message as a list of fields."""
    text = read_text(path)
    stack: list[list[tuple[str, Any]]] = [[]]
    key, position = "", 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise _broken(path, text, position)
        value, mark = token["text"] or token["word"], token["mark"]
        if value is not None and key:
            stack[-1].append((key, _unquoted(value)))
            key = ""
        elif value is not None:
            key = value
        elif mark in ("{", "<") and key and len(stack) < _DEEPEST:
            stack[-1].append((key, []))
            stack.append(stack[-1][-1][1])
            key = ""
        elif mark in ("}", ">") and not key and len(stack) > 1:
            stack.pop()
        elif mark in ("{", "<", "}", ">"):
            raise _broken(path, text, position)
        position = token.end()
    if len(stack) > 1 or key:
        raise BadInputError("label map ends within an item", where=str(path), todo="fetch it again")
    return stack[0]


def _broken(path: Path, text: str, position: int) -> BadInputError:
    line = text.count("\n", 0, position) + 1
    return BadInputError(
        "label map is broken", where=f"{path}:{line}", found=repr(text[position : position + 20])
    )


def _unquoted(value: str) -> str:
    if value[0] not in "\"'":
        return value

    def replace(found: "re.Match[bytes]") -> bytes:
        code = found[1]
        if code[:1].isdigit():
            return bytes([int(code, 8) & 0xFF])
        if code[:1] == b"x" and len(code) > 1:
            return bytes([int(code[1:], 16)])
        return _PLAIN_ESCAPES.get(code, code)

    return _ESCAPE.sub(replace, value[1:-1].encode("utf-8", "replace")).decode("utf-8", errors="replace")
