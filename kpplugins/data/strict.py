"""Files that others wrote, read without trust: text, JSON, XML, values, and the images that they name.

Everything that is wrong is a BadInputError of one line; ``where`` is the file, and the place in it after a blank.
"""

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

from kpplugins.data.annotation_set import SCHEMA_FILE, SPLITS_FILE
from kpplugins.data.images import read_size
from kpplugins.data.paths import below
from kpplugins.structures import BadInputError

EXPORT_AGAIN = "export it again from the annotation tool"
_FARTHEST = 1e9
"""No coordinate or size is larger; what is larger would overflow in products."""

_LINE_BREAKERS = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories that cannot stand in a message of one line: control characters, halves of surrogate pairs, line
and paragraph separators."""

_WEB_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_HEAD, _TAIL = 65536, 4096


def read_text(path: Path) -> str:
    """The whole of a UTF-8 text file; raises BadInputError where it is missing, empty, or something else."""
    try:
        content = path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise BadInputError(f"annotation cannot be read ({error.strerror})", where=str(path)) from error
    if content is None:
        raise BadInputError("annotation is missing", where=str(path), expected="a file", todo=EXPORT_AGAIN)
    if not content.strip():
        raise BadInputError("annotation is empty", where=str(path), todo=EXPORT_AGAIN)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(
            "annotation is not UTF-8 text", where=str(path), todo="save it as UTF-8, or " + EXPORT_AGAIN
        ) from error


def load_json(path: Path, finite: bool = True) -> Any:
    """The value of a JSON file; a key twice in one object is refused, and NaN and infinities too.

    ``finite=False`` leaves those to the caller, who can say which entry has them.
    """
    return parse_json(read_text(path), str(path), finite)


def parse_json(content: str, where: str, finite: bool = True) -> Any:
    """The value of a JSON text, as ``load_json``."""
    constant = _refuse_constant if finite else float
    try:
        return json.loads(content, parse_constant=constant, object_pairs_hook=_once_each)
    except json.JSONDecodeError as error:
        raise BadInputError(
            f"not valid JSON ({error.msg})",
            where=f"{where}:{error.lineno}",
            expected="one whole JSON value",
            todo=EXPORT_AGAIN,
        ) from error
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, _RefusedError) else "a number or a nesting without end"
        raise BadInputError(
            f"not acceptable JSON ({reason})", where=where, expected="finite numbers, each key once"
        ) from error


def load_xml(path: Path) -> ElementTree.Element:
    """The root of an XML file; one with a document type or entities is refused."""
    content = read_text(path)
    for forbidden in ("<!DOCTYPE", "<!ENTITY"):
        if forbidden in content:
            raise BadInputError(
                "XML with a document type or entities is not read",
                where=str(path),
                expected="plain elements",
                found=forbidden,
                todo="remove the declaration, or " + EXPORT_AGAIN,
            )
    return parse_xml(content, str(path))


def parse_xml(content: str, where: str) -> ElementTree.Element:
    """The root of an XML text."""
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        line = error.position[0] if isinstance(error, ElementTree.ParseError) else 1
        reason = str(error).split(":")[0] if isinstance(error, ElementTree.ParseError) else "encoding"
        raise BadInputError(
            f"not valid XML ({reason})",
            where=f"{where}:{line}",
            expected="one whole XML document",
            todo=EXPORT_AGAIN,
        ) from error


def as_dict(value: Any, what: str, where: str) -> dict[str, Any]:
    """``value`` if it is a JSON object."""
    return value if isinstance(value, dict) else _wrong(value, what, where, "an object {…}")


def as_list(value: Any, what: str, where: str) -> list[Any]:
    """``value`` if it is a JSON array."""
    return value if isinstance(value, list) else _wrong(value, what, where, "a list […]")


def as_number(value: Any, what: str, where: str) -> float:
    """``value`` as a float if it is a JSON number of sensible size."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _wrong(value, what, where, "a number")
    if not abs(value) <= _FARTHEST:
        return _wrong(value, what, where, f"a number between -{_FARTHEST:g} and {_FARTHEST:g}")
    return float(value)


def parse_number(value: str | None, what: str, where: str) -> float:
    """The number that an XML attribute or a cell spells."""
    try:
        return as_number(float((value or "").replace("_", "?")), what, where)
    except ValueError as error:
        if isinstance(error, BadInputError):
            raise
        return _wrong(value, what, where, "a number")


def as_name(value: Any, what: str, where: str) -> str:
    """``value`` without blanks around it, if it is a text that can be shown in one line."""
    if not isinstance(value, str) or not value.strip() or breaks_line(value):
        return _wrong(value, what, where, "a text")
    return value.strip()


def as_size(width: Any, height: Any, where: str) -> tuple[int, int]:
    """An image's declared size, two positive whole numbers."""
    sides = tuple(as_number(v, what, where) for v, what in ((width, "width"), (height, "height")))
    if any(side < 1 or side != int(side) for side in sides):
        _wrong(sides, "image size", where, "two positive whole numbers")
    return int(sides[0]), int(sides[1])


def breaks_line(name: str) -> bool:
    """Whether a text holds characters that end a line or cannot be written."""
    return any(unicodedata.category(c) in _LINE_BREAKERS for c in name)


def find_image(
    root: Path, names: Iterable[str], where: str, *, bases: Sequence[str] = ("",), todo: str = ""
) -> Path:
    """The first file that exists among ``names`` in ``bases``, all kept below ``root``.

    Args:
        root: the folder that nothing may leave.
        names: what the annotation says, and other spellings of it, best first.
        where: the annotation, for messages.
        bases: folders below ``root`` that the names may be relative to, best first.
        todo: the cure when there is no such file.

    Raises:
        BadInputError: a name that is unusable, absolute, a web address or outside ``root``; or no such file.
    """
    names = [name.strip() for name in names]
    for name in names:
        _check_name(root, name, where)
        for base in bases:
            try:
                path = below(root, f"{base}/{name}" if base else name, where)
                if ".." in path.parts:
                    path = below(root, os.path.normpath(path.relative_to(root)), where)
                if path.is_file():
                    return path
            except BadInputError:
                raise
            except (OSError, ValueError, RuntimeError) as error:
                raise BadInputError(
                    "image has no usable name", where=where, found=ascii(name[:80])
                ) from error
    shown = " or ".join(f"{base}/" if base not in ("", ".") else "the same folder" for base in bases)
    raise BadInputError(
        "image is missing",
        where=where,
        expected=f"{names[0][:120]!r} in {shown}",
        todo=todo or "put it there or delete its annotation",
    )


def measure(path: Path, declared: tuple[int, int] | None, where: str) -> tuple[int, int]:
    """Width and height of an image; raises BadInputError where the annotation declares others."""
    from PIL import Image

    try:
        size = read_size(path)
    except Image.DecompressionBombError as error:
        raise BadInputError("image is too large", where=str(path), todo="cut it into parts") from error
    if declared is not None and size != declared:
        raise BadInputError(
            "image has another size than the annotation says",
            where=where,
            expected=f"{declared[0]}×{declared[1]}",
            found=f"{size[0]}×{size[1]} in {path.name}",
            todo="restore the image that was annotated",
        )
    return size


def annotation_files(source: Path, suffixes: tuple[str, ...], deep: bool = False) -> list[Path]:
    """``source`` itself if it is a file, else the files of a folder with these suffixes, sorted.

    The folder's own ``schema.json`` and ``splits.json`` are no annotations and not among them.

    Raises:
        BadInputError: there is neither such a file nor such a folder.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise BadInputError("no such file or folder", where=str(source), todo="check the path")
    found = source.rglob("*") if deep else source.iterdir()
    return sorted(
        p
        for p in found
        if p.suffix.lower() in suffixes
        and p.is_file()
        and not _is_hidden(p.relative_to(source))
        and p not in (source / SCHEMA_FILE, source / SPLITS_FILE)
    )


def sniff(source: Path, suffixes: tuple[str, ...], limit: int = 5) -> list[str]:
    """The first and last few kilobytes of the first files of ``source``, to guess a format from; never raises."""
    texts = []
    try:
        for path in annotation_files(source, suffixes)[:limit]:
            with path.open("rb") as file:
                head = file.read(_HEAD)
                file.seek(max(file.tell(), path.stat().st_size - _TAIL))
                texts.append((head + file.read(_TAIL)).decode("utf-8-sig", errors="replace").lstrip())
    except (OSError, ValueError):
        return texts
    return texts


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


class _RefusedError(ValueError):
    """JSON that Python reads and we do not."""


def _refuse_constant(name: str) -> NoReturn:
    raise _RefusedError(name)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _RefusedError(f"key {next(k for k in keys if keys.count(k) > 1)[:40]!a} twice in one object")
    return found


def _wrong(value: Any, what: str, where: str, expected: str) -> NoReturn:
    raise BadInputError(
        f"{what} is missing" if value is None else f"{what} is wrong",
        where=where,
        expected=expected,
        found="nothing" if value is None else ascii(value)[:60],
        todo="mend it in the annotation tool",
    )


def _check_name(root: Path, name: str, where: str) -> None:
    if breaks_line(name):
        raise BadInputError("image has no usable name", where=where, found=ascii(name[:80]))
    if _WEB_ADDRESS.match(name):
        raise BadInputError(
            "image is named by a web address",
            where=where,
            expected="the name of a file beside the annotation",
            found=name[:120],
            todo="download it and name the file",
        )
    if name.replace("\\", "/").startswith("/") or re.match("[A-Za-z]:", name) or not name:
        below(root, name, where)
