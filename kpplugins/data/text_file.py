"""Reading text and YAML files strictly. Unlike ``strict``, an empty file is no fault here: YOLO's labels may be."""

from pathlib import Path
from typing import Any

from kpplugins.data.instances import one_line
from kpplugins.structures import BadInputError


def read_text(path: Path) -> str:
    """The content of a text file in UTF-8, with or without a byte order mark.

    Raises:
        BadInputError: missing, not readable, or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise BadInputError("no such file", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise BadInputError("is not text in UTF-8", where=str(path), todo="export it again") from error
    except OSError as error:
        raise BadInputError(f"cannot be read: {one_line(error.strerror)}", where=str(path)) from error


def read_yaml(path: Path) -> dict[Any, Any]:
    """The mapping in a YAML file; raises BadInputError naming the place where it is not one."""
    import yaml

    text = read_text(path)
    try:
        content = yaml.safe_load(text)
    except Exception as error:  # PyYAML's constructors raise ValueError, AttributeError, … beside YAMLError
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise BadInputError(
            f"not YAML: {one_line(getattr(error, 'problem', None) or error)}", where=place
        ) from error
    if not isinstance(content, dict):
        raise BadInputError(
            "holds no mapping", where=str(path), expected="key: value", found=type(content).__name__
        )
    return content


def first_text(path: Path, size: int = 65536) -> str:
    """The beginning of a file as text, for telling formats apart; empty where it cannot be read. Never raises."""
    try:
        with path.open("rb") as file:
            return file.read(size).decode("utf-8-sig", errors="replace")
    except (OSError, ValueError):
        return ""
