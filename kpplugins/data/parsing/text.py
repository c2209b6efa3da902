"""Read text files that others wrote, and list the files of a source."""

import codecs
import io
import re
from pathlib import Path

from kpplugins.data.annotation_set import PRELABELS_FILE, SCHEMA_FILE, SPLITS_FILE
from kpplugins.storage.files import is_file, open_file, read_bytes
from kpplugins.structures import BadInputError

EXPORT_AGAIN = "export it again from the annotation tool"
_HEAD, _TAIL = 65536, 4096
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
"""Byte order marks, and the encodings that they announce."""
_XML_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*?\bencoding=["']([A-Za-z][\w.-]*)["']""")


def read_text(path: Path, *, may_be_empty: bool = False) -> str:
    """Read the whole of a text file: in the encoding of its byte order mark, else UTF-8, else as XML declares it.

    Args:
        path: the file.
        may_be_empty: whether a file without content is accepted, such as YOLO's labels of a background.

    Returns:
        The text, without the byte order mark.

    Raises:
        BadInputError: missing, not readable, empty, or in an encoding that it does not state.
    """
    try:
        content = read_bytes(path) if is_file(path) else None
    except OSError as error:
        raise BadInputError(f"annotation cannot be read ({error.strerror})", where=str(path)) from error
    if content is None:
        raise BadInputError("annotation is missing", where=str(path), expected="a file", todo=EXPORT_AGAIN)
    mark, encoding = _encoding_of(content)
    if not content[mark:].strip(b" \t\r\n\0") and not may_be_empty:
        raise BadInputError("annotation is empty", where=str(path), todo=EXPORT_AGAIN)
    try:
        return content[mark:].decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        found = (
            f"byte {error.start + mark} is no {encoding}"
            if isinstance(error, UnicodeDecodeError)
            else encoding
        )
        raise BadInputError(
            "annotation is not UTF-8 text", where=str(path),
            expected="UTF-8, or UTF-16 or GB18030 with a byte order mark", found=found,
            todo=f"save it as UTF-8 (iconv -f GB18030 -t UTF-8, or its own encoding), or {EXPORT_AGAIN}",
        ) from error  # fmt: skip


def first_text(path: Path) -> str:
    """Read the beginning and the end of a file as text, to guess its format from.

    Args:
        path: the file.

    Returns:
        The text, without leading blanks; empty if the file cannot be read.
    """
    try:
        with open_file(path) as file:
            head = file.read(_HEAD)
            end = file.seek(0, io.SEEK_END)
            file.seek(max(len(head), end - _TAIL))
            mark, encoding = _encoding_of(head)
            return (head[mark:] + file.read(_TAIL)).decode(encoding, errors="replace").lstrip()
    except (OSError, ValueError, LookupError):
        return ""


def _encoding_of(content: bytes) -> tuple[int, str]:
    """Return the length of the byte order mark, and the encoding that the content states; UTF-8 without a statement."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return len(mark), encoding
    if (
        b"\0" in content[:4]
    ):  # as JSON's and XML's first two characters are ASCII, these are UTF-16's zero bytes
        return 0, "utf-16-be" if content.startswith(b"\0") else "utf-16-le"
    declared = _XML_ENCODING.match(content[:200])
    return 0, declared.group(1).decode("ascii").lower() if declared else "utf-8"


def annotation_files(source: Path, suffixes: tuple[str, ...], deep: bool = False) -> list[Path]:
    """List the annotation files of a source.

    A folder's own ``schema.json``, ``splits.json`` and ``prelabels.json`` are not annotations and not listed, nor are
    hidden files.

    Args:
        source: a file, or a folder of them.
        suffixes: lower-case endings of the files of a folder, with the dot.
        deep: whether to search subfolders too.

    Returns:
        ``source`` itself if it is a file, else the files of the folder with these suffixes, sorted.

    Raises:
        BadInputError: there is no such file or folder.
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
        and not any(part.startswith(".") for part in p.relative_to(source).parts)
        and p not in [source / own for own in (SCHEMA_FILE, SPLITS_FILE, PRELABELS_FILE)]
    )


def sniff(source: Path, suffixes: tuple[str, ...], limit: int = 5) -> list[str]:
    """Read ``first_text`` of the first files of ``source``, to guess a format from; never raises.

    Args:
        source: a file or folder.
        suffixes: lower-case endings of the files of a folder, with the dot.
        limit: how many files at most.

    Returns:
        One text per file; empty if there are none.
    """
    try:
        return [first_text(path) for path in annotation_files(source, suffixes)[:limit]]
    except (OSError, ValueError):
        return []


def one_line(error: object) -> str:
    """Shorten what an exception says to one line.

    Args:
        error: the exception, or its message.

    Returns:
        At most 200 characters.
    """
    return " ".join(str(error).split())[:200]
