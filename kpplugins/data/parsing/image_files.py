"""Find images that an annotation names, within the folder that it came with."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path, PureWindowsPath

from kpplugins.data.image_info import ImageInfo
from kpplugins.data.images import SUFFIXES, read_header
from kpplugins.data.parsing.image_sizes import agreed
from kpplugins.data.parsing.text import one_line
from kpplugins.storage.files import exists, is_file, is_folder
from kpplugins.structures import BadInputError
from kpplugins.structures.line_breaks import breaks_line

_following: ContextVar[bool] = ContextVar("following_links", default=False)
_WEB_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def below(root: Path, name: str, where: str, links: bool = False) -> Path:
    """Find the file that ``name`` in an annotation refers to, below ``root``.

    Backslashes are taken as folder separators. The file need not exist.

    Args:
        root: the folder that names are relative to.
        name: what the annotation says.
        where: the annotation file, for messages.
        links: whether the image itself may be a symbolic link to an image elsewhere.

    Returns:
        The path below ``root``, not resolved.

    Raises:
        BadInputError: an empty or absolute name, or one that leaves ``root`` (by ``..``, or by a symbolic link without
            ``following_links``).
    """
    plain = name.replace("\\", "/").strip()
    if not plain or "\0" in plain:
        raise BadInputError("image has no usable name", where=where, found=repr(name[:80]))
    if is_absolute(name):
        raise BadInputError(
            "image is named by an absolute path",
            where=where,
            expected=f"a name below {root}",
            found=name[:120],
            todo="name the folder with the images: --images DIR, or make the names relative to the annotation",
        )
    path = root / plain
    if _following.get() and Path(os.path.normpath(plain)).parts[0] != "..":
        return path
    own = links and path.is_symlink() and path.parent.resolve().is_relative_to(root.resolve())
    if own and path.resolve().suffix.lower() in SUFFIXES:
        return path
    if not path.resolve().is_relative_to(root.resolve()):
        raise BadInputError(
            "image lies outside its folder", where=where, expected=f"below {root}", found=name[:120],
            todo="if it is a link that you trust, add --links" if path.is_symlink() or ".." not in plain
            else "name the folder with the images: --images DIR, or put them beside the annotation",
        )  # fmt: skip
    return path


def is_absolute(name: str) -> bool:
    """Tell whether a name is a whole path or web address, of this machine or another.

    Args:
        name: what the annotation says.

    Returns:
        True for ``/a.jpg``, ``C:\\a.jpg``, ``\\\\server\\a.jpg`` and ``https://host/a.jpg``.
    """
    plain = name.replace("\\", "/").strip()
    return plain.startswith("/") or bool(PureWindowsPath(plain).drive or _WEB_ADDRESS.match(plain))


def existing_image(
    root: Path, names: Sequence[str], where: str, bases: Sequence[str] = ("",), links: bool = False
) -> Path | None:
    """Return the first file that exists among ``names`` in ``bases``, all kept below ``root``.

    Args:
        root: the folder that all files must be in.
        names: what the annotation says, and other spellings of it, best first.
        where: the annotation, for messages.
        bases: folders below ``root`` that the names may be relative to, best first.
        links: see ``below``.

    Returns:
        The path; ``None`` if there is no such file.

    Raises:
        BadInputError: a name that is unusable, absolute, a web address or outside ``root``.
    """
    for name in names:
        _check_name(root, name, where)
        for base in bases:
            try:
                path = below(root, f"{base}/{name}" if base else name, where, links)
                if ".." in path.parts:
                    path = below(root, os.path.normpath(path.relative_to(root)), where, links)
                if is_file(path):
                    return path
            except BadInputError:
                raise
            except (OSError, ValueError, RuntimeError) as error:
                raise BadInputError(
                    "image has no usable name", where=where, found=ascii(name[:80])
                ) from error
    return None


def existing_end(root: Path, name: str) -> str:
    """Return the longest end of an absolute path that exists below a folder.

    Args:
        root: the folder.
        name: a path of this or another machine.

    Returns:
        The end, with /; empty if there is none.
    """
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    for start in range(len(parts)):
        end = "/".join(parts[start:])
        try:
            if exists(root / end):
                return end
        except (OSError, ValueError):
            break
    return ""


def missing_image(name: str, where: str, bases: Sequence[str], todo: str = "") -> BadInputError:
    """Say that there is no such image.

    Args:
        name: what the annotation says.
        where: the annotation.
        bases: folders that were searched.
        todo: what to do; empty for the usual.

    Returns:
        The error, to be raised.
    """
    shown = " or ".join(f"{base}/" if base not in ("", ".") else "the same folder" for base in bases)
    return BadInputError(
        "image is missing",
        where=where,
        expected=f"{name[:120]!r} in {shown}",
        todo=todo or "put it there, name its folder with --images DIR, or delete its annotation",
    )


def measure_image(
    path: Path, where: str, declared: tuple[int, int] | None = None, rescale: bool = False
) -> ImageInfo:
    """Measure the image at ``path``, and compare it with what the annotation says; every reader goes through here.

    Args:
        path: the file.
        where: the annotation, for messages.
        declared: width and height that the annotation says; ``None`` if it says none.
        rescale: accept an image that was scaled after it was annotated; its annotation is scaled too.

    Returns:
        The image's path, its size in pixels, and what its annotation was made on.

    Raises:
        BadInputError: the image cannot be read (see ``read_header``), or is not what was annotated (see ``agreed``).
    """
    try:
        header = read_header(path)
    except BadInputError:
        raise
    except Exception as error:  # Pillow may raise anything for broken files, also for decompression bombs
        raise BadInputError(
            f"image cannot be read ({one_line(error)})", where=str(path), todo="fetch it again"
        ) from error
    try:
        made_on = agreed(header, declared, rescale)
    except BadInputError as error:
        raise BadInputError(
            error.what,
            where=where,
            expected=error.expected,
            found=f"{error.found} in {path.name}",
            todo=error.todo,
        ) from error
    return ImageInfo(path, header.width, header.height, made_on)


@contextmanager
def following_links(follow: bool) -> Iterator[None]:
    """Allow or forbid images to be behind links that lead out of their source, within a ``with`` block.

    Args:
        follow: True allows it.

    Yields:
        Nothing.
    """
    token = _following.set(follow)
    try:
        yield
    finally:
        _following.reset(token)


def require_inside(source: Path, images: Iterable[Path]) -> None:
    """Raise if images are in folders that a link in the source leads to, outside of it, without ``following_links``.

    Args:
        source: the file or folder that was read.
        images: their paths, not resolved; links of single images are looked at where they are found, see ``below``.

    Raises:
        BadInputError: one is.
    """
    if _following.get():
        return
    near = (source if is_folder(source) else source.parent).absolute()
    for folder in sorted({image.parent for image in images}):
        root = Path(os.path.commonpath([near, os.path.normpath(folder.absolute())]))
        there = folder.resolve()
        if not there.is_relative_to(root.resolve()):
            raise BadInputError(
                "folder of images is a link out of the source", where=str(folder), expected=f"below {root}",
                found=str(there), todo="if you trust the link, add --links; or name the folder: --images DIR",
            )  # fmt: skip


def real_paths(paths: Iterable[Path]) -> dict[Path, Path]:
    """Find the file of each path: two paths of one file, by ``.``, ``..`` or links, have the same one.

    Args:
        paths: the images.

    Returns:
        The resolved path by path.
    """
    folders: dict[Path, Path] = {}
    found = {}
    for path in paths:
        folder = folders.get(path.parent) or folders.setdefault(path.parent, path.parent.resolve())
        found[path] = path.resolve() if path.is_symlink() else folder / path.name
    return found


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
    if is_absolute(name) or not name:
        below(root, name, where)
