"""Write an exported folder completely or not at all."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kpplugins.deploy.exported_folder import is_exported
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import sync, unwritable


def write_facts(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain data.

    Args:
        path: the file.
        content: its content.
    """
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Write a folder under another name beside it; it takes its place when it is whole.

    Args:
        path: the folder to be made, or an earlier export to be replaced.

    Yields:
        The empty folder to write to. Whatever is raised, nothing of it is left, and an earlier one stays.

    Raises:
        BadInputError: something else is there already, or it cannot be written.
    """
    if path.exists() and not is_exported(path) and not (path.is_dir() and not any(path.iterdir())):
        raise BadInputError(
            "something else is there already", where=str(path), expected="a new folder, or an earlier export",
            todo="--out DIR",
        )  # fmt: skip
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".export-", dir=path.parent))
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        aside.chmod(0o755)
        made, before = aside / path.name, aside / "before"
        made.mkdir()
        yield made
        for file in made.rglob("*"):
            if file.is_file():
                sync(file)
        if path.exists():
            path.replace(before)
        made.replace(path)
        sync(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
