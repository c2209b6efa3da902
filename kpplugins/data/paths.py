"""Names of files that an annotation gives, kept within the folder that it came with."""

from pathlib import Path, PureWindowsPath

from kpplugins.data.images import SUFFIXES
from kpplugins.structures import BadInputError


def below(root: Path, name: str, where: str, links: bool = False) -> Path:
    """The file that ``name`` in an annotation means, below ``root``.

    Backslashes are taken as folder separators. The file need not exist.

    Args:
        root: the folder that names are relative to.
        name: what the annotation says.
        where: the annotation file, for messages.
        links: the image itself may be a symbolic link to an image elsewhere.

    Raises:
        BadInputError: an empty or absolute name, or one that leaves ``root`` (by ``..`` or a symbolic link).
    """
    plain = name.replace("\\", "/").strip()
    if not plain or "\0" in plain:
        raise BadInputError("image has no usable name", where=where, found=repr(name[:80]))
    if plain.startswith("/") or PureWindowsPath(plain).drive:
        raise BadInputError(
            "image is named by an absolute path",
            where=where,
            expected=f"a name below {root}",
            found=name[:120],
            todo="make the names relative to the annotation",
        )
    path = root / plain
    own = links and path.is_symlink() and path.parent.resolve().is_relative_to(root.resolve())
    if own and path.resolve().suffix.lower() in SUFFIXES:
        return path
    if not path.resolve().is_relative_to(root.resolve()):
        raise BadInputError(
            "image lies outside its folder", where=where, expected=f"below {root}", found=name[:120]
        )
    return path
