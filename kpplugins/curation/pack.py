"""Pack a converted folder into a zip, an LMDB or tar files, from which it is read as from the folder."""

import os
import shutil
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.aside import beside, require_new
from kpplugins.data.coco.reader import read_coco
from kpplugins.data.coco.schema import coco_object
from kpplugins.data.coco.writer import Progress
from kpplugins.data.images import SUFFIXES
from kpplugins.data.parsing.values import coco_id
from kpplugins.storage.archive import INDEX_FILE, write_index
from kpplugins.storage.disk_file import DiskFile
from kpplugins.storage.files import is_folder, read_bytes
from kpplugins.storage.lmdb_files import DATA_FILE, lmdb_members, lmdb_meta, require_lmdb, write_lmdb
from kpplugins.storage.member import Member
from kpplugins.storage.members import Members, encoded
from kpplugins.storage.tar_files import ShardWriter, tar_members
from kpplugins.storage.zip_files import write_zip
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path
from kpplugins.structures.replaced_file import sync

ENDINGS = {"zip": ".zip", "lmdb": ".lmdb", "tar": ".shards"}
"""What can be made, and what is added to the folder's name for it."""
SHARD_MEGABYTES = 1000.0
_MB = 1_000_000
_NAMED = 3
"""Names of links that a report shows."""


@dataclass
class _Content:
    """What is packed.

    Attributes:
        root: the folder.
        images: names of its images relative to it, in the order of their bytes.
        others: the same of its other files.
        about: what the annotation files say of an image, by its name: its entry, with its annotations.
        links: links out of the folder and to folders, which are left out.
        progress: called with (files packed, of all).
        sums: CRC-32 of what was packed, by name.
    """

    root: Path
    images: list[str]
    others: list[str]
    about: Mapping[str, dict[str, Any]]
    links: list[str]
    progress: Progress | None
    sums: dict[str, int] = field(default_factory=dict)

    def files(self, names: Sequence[str]) -> Iterator[tuple[str, Path]]:
        """Yield names and files, and note the check sum of each."""
        for name in names:
            path, total = self.root / name, 0
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    total = zlib.crc32(block, total)
            self.sums[name] = total
            yield name, path
            if self.progress is not None:
                self.progress(len(self.sums), len(self.images) + len(self.others))


def pack(
    folder: str | Path,
    to: str,
    out: str | Path | None = None,
    *,
    shard_size: float = SHARD_MEGABYTES,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Pack a converted folder, images as they are, so that ``data_root`` and ``--data`` take the pack instead.

    All files are packed but hidden ones; a linked image is packed as what it leads to. The pack is written beside
    ``out``, read back, compared, and renamed. The same files give the same bytes.

    Args:
        folder: what ``convert`` or ``crop`` wrote, or COCO's own folder.
        to: ``zip`` (one file with everything), ``lmdb`` or ``tar``: a folder with the images in a database, or in tar
            files as WebDataset reads them, an index of these, and the other files as they are.
        out: the zip or the folder to make; it must not exist, or be an empty folder. ``None`` takes the folder's name
            with ``.zip``, ``.lmdb`` or ``.shards``.
        shard_size: megabytes from which on the next image goes to another tar file.
        progress: called with (files packed, of all).

    Returns:
        ``out``, ``images``, ``other files``, ``megabytes``, and ``read back`` (how many files); where there are any,
        ``images that no annotation file names``, ``tar files``, and ``left out`` (links out of the folder, and to
        folders).

    Raises:
        BadInputError: not a folder that can be trained on, ``out`` exists, a name that the pack cannot have, or what is
            read back is not what was written.
        MachineError: the package ``lmdb`` is missing.
        OSError: a file cannot be read or written.
    """
    if to not in ENDINGS:
        raise BadInputError("unknown kind of pack", where="--to", expected=", ".join(ENDINGS), found=repr(to))
    if not shard_size > 0:
        raise BadInputError(
            "out of range", where="--shard-size", expected="more than 0", found=str(shard_size)
        )
    if to == "lmdb":
        require_lmdb()
    root = as_path(folder)
    if not root.is_dir():
        if is_folder(root):
            raise _packed_already(root)
        raise BadInputError("no such folder", where=str(root), todo="give a folder that convert wrote")
    named = root if root.name.strip(".") else root.resolve()
    target = Path(out) if out is not None else named.with_name(f"{named.name}{ENDINGS[to]}")
    require_new(target)
    if target.resolve().is_relative_to(root.resolve()):
        raise BadInputError("lies in the folder that is packed", where=str(target), todo="give another --out")
    content = _content_of(root, progress)
    with beside(target) as aside:
        made = aside / "set"
        found = _MAKERS[to](content, made, int(shard_size * _MB))
        size = _settled(made)
        _read_back(content, made)
        require_new(target)
        if target.exists():
            target.rmdir()
        made.rename(target)
        sync(target.resolve().parent)
    unnamed = len(content.images) - len(content.about)
    links = (
        f"{len(content.links)} links, such as {', '.join(content.links[:_NAMED])}" if content.links else ""
    )
    return {
        "out": str(target), "images": len(content.images), "other files": len(content.others),
        **({"images that no annotation file names": unnamed} if unnamed else {}),
        **({"left out": links} if links else {}), **found, "megabytes": round(size / _MB, 1),
        "read back": len(content.sums),
    }  # fmt: skip


def _packed_already(root: Path) -> BadInputError:
    return BadInputError(
        "only a folder on the disk is packed", where=str(root), expected="its images as files",
        todo="kpplugins dataset convert SOURCE --out DIR, and pack that",
    )  # fmt: skip


def _content_of(root: Path, progress: Progress | None) -> _Content:
    """List what is packed; the set must be one that can be read."""
    reading = read_coco(root, check_images=False)
    about = _about(root, reading)
    names, links = _files_below(root)
    names += [
        file.path.relative_to(root).as_posix() for file in reading.files
    ]  # a link may lead to their folder
    images = {name for name in names if name.lower().endswith(SUFFIXES)} | about.keys()
    others = set(names) - images
    if any(not (root / name).is_file() for name in images):
        raise _packed_already(root)
    left = [name for name in links if name not in images]
    return _Content(root, sorted(images, key=encoded), sorted(others, key=encoded), about, left, progress)


def _about(root: Path, reading: AnnotationSet) -> dict[str, dict[str, Any]]:
    """Return what the annotation files say of each image, by its name below the root."""
    found: dict[str, dict[str, Any]] = {}
    for file in reading.files:
        content = coco_object(file.path)
        annotations = defaultdict(list)
        for annotation in content["annotations"]:
            annotations[coco_id(annotation.get("image_id"))].append(annotation)
        for entry, path in zip(content["images"], file.images, strict=True):
            if path is not None:
                name = path.relative_to(root).as_posix()
                found[name] = {**entry, "annotations": annotations[coco_id(entry["id"])]}
    return found


def _files_below(root: Path) -> tuple[list[str], list[str]]:
    """List the files that are not hidden, and the links that lead out of the root or to folders."""
    names: list[Path] = []
    links: list[Path] = []
    real = root.resolve()
    for place, folders, files in os.walk(root):
        here = Path(place)
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        links += [here / name for name in folders if (here / name).is_symlink()]
        for path in (here / name for name in files if not name.startswith(".")):
            outside = path.is_symlink() and not path.resolve().is_relative_to(real)
            (links if outside else names).append(path)
    for path in names:
        if "\\" in path.name or not path.name.isprintable():
            raise BadInputError(
                "a name that not every archive keeps",
                where=str(path),
                found=ascii(path.name)[:120],
                todo="rename it",
            )
    return [path.relative_to(root).as_posix() for path in names], [
        path.relative_to(root).as_posix() for path in sorted(links)
    ]


def _make_zip(content: _Content, made: Path, most: int) -> dict[str, Any]:
    write_zip(made, content.files(sorted(content.images + content.others, key=encoded)))
    return {}


def _make_lmdb(content: _Content, made: Path, most: int) -> dict[str, Any]:
    _copy_others(content, made)
    total = sum((content.root / name).stat().st_size for name in content.images)
    write_lmdb(made, content.files(content.images), total, len(content.images))
    source = DiskFile(made / DATA_FILE)
    _index(content, made, lmdb_members(source), {"transaction": lmdb_meta(source).transaction})
    return {}


def _make_tar(content: _Content, made: Path, most: int) -> dict[str, Any]:
    _copy_others(content, made)
    with ShardWriter(made, most) as writer:
        for name, file in content.files(content.images):
            writer.add(name, file, {"file_name": name, "annotations": [], **content.about.get(name, {})})
    sources = [DiskFile(path) for path in writer.paths]
    members = [member for part, source in enumerate(sources) for member in tar_members(source, part)]
    sizes = {path.name: source.size for path, source in zip(writer.paths, sources, strict=True)}
    _index(content, made, members, {"shards": sizes})
    return {"tar files": len(sizes)}


_MAKERS: dict[str, Callable[[_Content, Path, int], dict[str, Any]]] = {
    "zip": _make_zip,
    "lmdb": _make_lmdb,
    "tar": _make_tar,
}


def _copy_others(content: _Content, made: Path) -> None:
    made.mkdir()
    for name, file in content.files(content.others):
        if name in (INDEX_FILE, DATA_FILE) or ("/" not in name and name.lower().endswith(".tar")):
            raise BadInputError(
                "a file with a name that the pack needs", where=str(file), todo="move it away, or --to zip"
            )
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, made / name)


def _index(content: _Content, made: Path, members: list[Member], about: dict[str, Any]) -> None:
    summed = [member._replace(crc=content.sums[member.name]) for member in members]
    write_index(made / INDEX_FILE, Members.of(summed, str(made)), about)


def _settled(made: Path) -> int:
    """Bring a file, or all files of a folder, to the disk; return their bytes."""
    files = [made] if made.is_file() else [path for path in made.rglob("*") if path.is_file()]
    for path in files:
        sync(path)
    return sum(path.stat().st_size for path in files)


def _read_back(content: _Content, made: Path) -> None:
    """Raise unless all that was packed can be read, and is what it was."""
    names = [*content.images, *content.others]
    wrong = [name for name in names if zlib.crc32(read_bytes(made / name)) != content.sums.get(name)]
    if wrong or len(content.sums) != len(names):
        raise BadInputError(
            "the pack is not what was packed", where=str(content.root), found=", ".join(wrong[:_NAMED]),
            todo="see that nobody changes the folder, and that the disk is sound",
        )  # fmt: skip
