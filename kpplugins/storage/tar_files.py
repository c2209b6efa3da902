"""Tar files, also several that belong together: listing and writing members.

Those that are written here are WebDataset's shards: an image and its JSON have the same name up to the first dot, which
no other sample has, and stand one after the other. A member whose name had to be changed for that has its own in the
PAX header ``KPPLUGINS.name``.
"""

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from kpplugins.storage.byte_source import ByteSource
from kpplugins.storage.member import LINK, PLAIN, SPARSE, Member
from kpplugins.structures import BadInputError

SIGNATURE, SIGNATURE_AT = b"ustar", 257
_OWN_NAME = "KPPLUGINS.name"
_BLOCK = 512
_BROKEN = (
    tarfile.TarError, OSError, EOFError, ValueError, OverflowError, RecursionError, MemoryError, LookupError,
    AttributeError, TypeError,
)  # fmt: skip
"""What listing a damaged file raises."""


def tar_members(source: ByteSource, part: int) -> list[Member]:
    """List the files of a tar.

    Args:
        source: the tar, not compressed.
        part: its number among those of the archive.

    Returns:
        Its files; a hard link to an earlier one has its place. The JSON of a sample behind its image is left out.

    Raises:
        BadInputError: it is damaged or cut off.
    """
    found: dict[str, Member] = {}
    key = ""
    try:
        with tarfile.open(fileobj=source.opened(), mode="r:") as archive:
            for info in archive:
                key, before = _key_of(info.name), key
                if info.isdir() or (key == before and info.name.endswith(".json")):
                    continue
                name = info.pax_headers.get(_OWN_NAME, info.name)
                target = found.get(info.linkname) if info.islnk() else None
                if target is not None:
                    found[name] = target._replace(name=name)
                else:
                    method = SPARSE if info.issparse() else PLAIN if info.isreg() else LINK
                    member = Member(name, part, info.offset_data, info.size, info.size, method=method)
                    if name in found:
                        raise BadInputError(
                            "a name is in the archive twice", where=source.where, found=name[:120],
                            todo="make the archive anew",
                        )  # fmt: skip
                    found[name] = member
                archive.members = []  # type: ignore[attr-defined]  # tarfile keeps every one
    except BadInputError:
        raise
    except _BROKEN as error:
        raise _damaged(source, " ".join(str(error).split())[:100]) from error
    last = max((member.start + member.packed for member in found.values()), default=0)
    if last > source.size:
        raise _damaged(source, "it is cut off")
    return list(found.values())


def _key_of(name: str) -> str:
    """Return what the members of a sample have alike: the name up to the first dot behind the last folder."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(".")[0]


def _damaged(source: ByteSource, reason: str) -> BadInputError:
    return BadInputError(
        f"not a complete tar file ({reason})", where=source.where, todo="copy it again, or make it anew"
    )


class ShardWriter:
    """Writes samples into tar files of about the same size. The same samples give the same bytes.

    Args:
        folder: where the files ``shard-000000.tar`` … go.
        most: bytes from which on the next sample goes to another file.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self.folder, self.most = folder, most
        self.paths: list[Path] = []
        self._archive: tarfile.TarFile | None = None
        self._keys: set[str] = set()

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._archive is not None:
            self._archive.close()

    def add(self, name: str, image: Path, about: Mapping[str, Any]) -> None:
        """Write an image and what is said of it.

        Args:
            name: with / between folders.
            image: the file.
            about: plain data for the JSON beside it.

        Raises:
            OSError: the image cannot be read, or the shard not be written.
        """
        key, ending = self._key(name)
        text = json.dumps(about, ensure_ascii=False, sort_keys=True).encode()
        size = image.stat().st_size
        archive = self._room_for(size + len(text))
        with image.open("rb") as content:
            self._write(archive, f"{key}.{ending}", name, content, size)
        self._write(archive, f"{key}.json", "", io.BytesIO(text), len(text))

    def _key(self, name: str) -> tuple[str, str]:
        """Return a name without a dot behind the last folder that no other sample has, and the ending."""
        folder, slash, last = name.rpartition("/")
        stem, dot, ending = last.rpartition(".")
        plain = folder + slash + (stem if dot else last).replace(".", "_")
        key, number = plain, 1
        while key.casefold() in self._keys:
            number += 1
            key = f"{plain}_{number}"
        self._keys.add(key.casefold())
        return key, ending if dot else "image"

    def _room_for(self, size: int) -> tarfile.TarFile:
        if self._archive is not None and self._archive.offset + size > self.most:
            self._archive.close()
            self._archive = None
        if self._archive is None:
            self.paths.append(self.folder / f"shard-{len(self.paths):06d}.tar")
            self._archive = tarfile.open(self.paths[-1], "x", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        return self._archive

    @staticmethod
    def _write(archive: tarfile.TarFile, name: str, own_name: str, content: BinaryIO, size: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o644
        if own_name not in ("", name):
            info.pax_headers = {_OWN_NAME: own_name}
        archive.addfile(info, content)
        archive.members = []  # type: ignore[attr-defined]


def is_tar(head: bytes) -> bool:
    """Tell whether a file begins as a tar file does.

    Args:
        head: its first block.

    Returns:
        True for a tar that is not compressed.
    """
    return head[SIGNATURE_AT : SIGNATURE_AT + len(SIGNATURE)] == SIGNATURE and len(head) >= _BLOCK


def shards_in(names: Iterable[str]) -> list[str]:
    """Return the tar files among names.

    Args:
        names: of the files in a folder.

    Returns:
        Those that end as tar files do, sorted.
    """
    return sorted(name for name in names if name.lower().endswith(".tar") and not name.startswith("."))
