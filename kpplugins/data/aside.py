"""Make a folder completely or not at all."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kpplugins.structures import BadInputError


@contextmanager
def made_aside(out: Path) -> Iterator[Path]:
    """Make a folder beside ``out`` that becomes ``out`` when the block succeeds, and is removed otherwise.

    Args:
        out: the folder to be made; it must not exist, or be empty.

    Yields:
        The empty folder to write into.

    Raises:
        BadInputError: see ``require_new``; or ``out`` cannot be made.
    """
    require_new(out)
    out = out.resolve()
    with beside(out) as aside:
        made = aside / "set"
        made.mkdir()
        yield made
        require_new(out)
        if out.exists():
            out.rmdir()
        made.rename(out)


@contextmanager
def beside(out: Path) -> Iterator[Path]:
    """Make a temporary folder on the same disk as ``out``, removed when the block ends.

    Args:
        out: a file or folder that is to be made; its parent is made if needed.

    Yields:
        The temporary folder.

    Raises:
        BadInputError: no folder can be made there.
    """
    parent = out.resolve().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=f".{out.resolve().name}-", dir=parent)
    except OSError as error:
        raise BadInputError(
            f"cannot be made ({error.strerror})", where=str(out), todo="give another --out"
        ) from error
    with folder as path:
        yield Path(path)


def require_new(out: Path) -> None:
    """Require that ``out`` can be made without overwriting anything.

    Args:
        out: the folder that is to be made.

    Raises:
        BadInputError: it is the current folder, a file, or a folder with something in it, or cannot be read.
    """
    if out.resolve() == Path.cwd():
        raise BadInputError(
            "is the current folder", where=str(out), todo="give a folder that does not exist yet"
        )
    try:
        taken = out.exists() and not (out.is_dir() and not any(out.iterdir()))
    except OSError as error:
        raise BadInputError(f"cannot be read ({error.strerror})", where=str(out)) from error
    if taken:
        raise BadInputError(
            "exists and is not empty", where=str(out), todo="give a new folder, or remove it first"
        )
