"""Read JSON, XML and YAML that others wrote."""

import json
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

from kpplugins.data.parsing.text import EXPORT_AGAIN, one_line, read_text
from kpplugins.structures import BadInputError

_YAML_TEXT, _YAML_VALUES, _YAML_DEPTH, _YAML_DIGITS = 2_000_000, 200_000, 50, 100
"""Most characters of a YAML file, values in it with every alias replaced, levels of nesting, and digits of a number."""


def load_json(path: Path, finite: bool = True) -> Any:
    """Read the value of a JSON file.

    Args:
        path: the file.
        finite: NaN and infinities are refused too, see ``parse_json``.

    Returns:
        The value.

    Raises:
        BadInputError: see ``read_text`` and ``parse_json``.
    """
    return parse_json(read_text(path), str(path), finite)


def parse_json(content: str, where: str, finite: bool = True) -> Any:
    """Read the value of a JSON text; a key twice in one object is refused.

    Args:
        content: the text.
        where: for messages.
        finite: NaN and infinities are refused too; otherwise they are left to the caller, who can say which entry
            has them.

    Returns:
        The value.

    Raises:
        BadInputError: it is not such JSON.
    """
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
        reason = str(error) if isinstance(error, _RefusedError) else "a number too long or a nesting too deep"
        raise BadInputError(
            f"not acceptable JSON ({reason})", where=where, expected="finite numbers, each key once"
        ) from error


def load_xml(path: Path) -> ElementTree.Element:
    """Read the root of an XML file.

    Args:
        path: the file.

    Returns:
        The root element.

    Raises:
        BadInputError: it is not XML, or has a document type or entities.
    """
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
    """Read the root of an XML text.

    Args:
        content: the text.
        where: for messages.

    Returns:
        The root element.

    Raises:
        BadInputError: it is not XML.
    """
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


def load_yaml(path: Path) -> dict[Any, Any]:
    """Read the mapping of a YAML file.

    Args:
        path: the file.

    Returns:
        The mapping.

    Raises:
        BadInputError: it is not YAML (the message names the line), not a mapping, or stands for more than a file of
            settings can (see ``_YAML_VALUES``).
    """
    import yaml

    text = read_text(path)
    if len(text) > _YAML_TEXT:
        raise BadInputError(
            "YAML is too long", where=str(path), expected=f"at most {_YAML_TEXT:,} characters",
            found=f"{len(text):,}", todo=EXPORT_AGAIN,
        )  # fmt: skip
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        _require_bounded(root, str(path))
        content = (
            yaml.constructor.SafeConstructor.construct_document(yaml.SafeLoader(""), root) if root else None
        )
    except BadInputError:
        raise
    except Exception as error:  # PyYAML's constructors raise ValueError, AttributeError, … beside YAMLError
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        reason = one_line(getattr(error, "problem", None) or error)
        raise BadInputError(f"not valid YAML ({reason})", where=place, todo=EXPORT_AGAIN) from error
    if not isinstance(content, dict):
        raise BadInputError(
            "is not a mapping", where=str(path), expected="key: value", found=type(content).__name__
        )
    return content


def _require_bounded(root: Any, where: str) -> None:
    """Raise if a YAML document is nested too deep, or too large once every alias is replaced by what it stands for."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()
    todo = [(root, False)]
    while todo:
        node, visited = todo.pop()
        pairs = node.value if isinstance(node.value, list) else ()
        inside = [part for entry in pairs for part in (entry if isinstance(entry, tuple) else (entry,))]
        if visited:
            open_nodes.remove(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(part)] for part in inside)
        elif (
            id(node) in open_nodes
            or len(open_nodes) >= _YAML_DEPTH
            or (node.tag.endswith(":int") and len(node.value) > _YAML_DIGITS)
        ):
            sizes[id(node)] = _YAML_VALUES + 1
            open_nodes, todo = set(), []
        elif id(node) not in sizes:
            open_nodes.add(id(node))
            todo += [(node, True), *((part, False) for part in inside)]
        if sizes.get(id(node), 0) > _YAML_VALUES:
            raise BadInputError(
                "YAML stands for more than it is", where=f"{where}:{node.start_mark.line + 1}",
                expected=f"at most {_YAML_VALUES:,} values with every alias replaced, {_YAML_DEPTH} levels deep",
                todo="write the values out without aliases",
            )  # fmt: skip


class _RefusedError(ValueError):
    """JSON that Python accepts but we refuse."""


def _refuse_constant(name: str) -> NoReturn:
    raise _RefusedError(name)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _RefusedError(f"key {next(k for k in keys if keys.count(k) > 1)[:40]!a} twice in one object")
    return found
