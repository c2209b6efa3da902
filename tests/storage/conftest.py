"""The same files in every kind of storage."""

import json
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kpplugins.storage.archive import INDEX_FILE, write_index
from kpplugins.storage.disk_file import DiskFile
from kpplugins.storage.lmdb_files import lmdb_members, lmdb_meta, write_lmdb
from kpplugins.storage.members import Members, encoded
from kpplugins.storage.tar_files import ShardWriter, tar_members
from kpplugins.storage.zip_files import write_zip

KINDS = ("zip", "deflated.zip", "lmdb", "shards", "tar")


def contents() -> dict[str, bytes]:
    """Names that are hard to keep, and values from nothing to more than a page."""
    generator = np.random.default_rng(0)
    names = [f"images/{i:03d}.jpg" for i in range(60)]
    names += ["images/a b.jpg", "images/äöü 漢字.png", "images/CAT_00/x.v1.jpg", "images/CAT_00/x.v2.jpg"]
    names += [
        "images/a.png",
        "images/a.jpg",
        "images/no_ending",
        "images/B.JPG",
        "images/%20#?&.jpg",
        "images/..x.jpg",
    ]
    sizes = [0, 1, 100, 2000, 3000, 5000, 40_000]
    found = {name: generator.bytes(sizes[i % len(sizes)]) for i, name in enumerate(names)}
    return {**found, "annotations/train.json": b'{"a": 1}', "schema.json": b"{}"}


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def content() -> dict[str, bytes]:
    """Bytes by name."""
    return contents()


@pytest.fixture(scope="session")
def stored(content: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The roots by kind; ``disk`` is the folder itself."""
    place = tmp_path_factory.mktemp("stored")
    roots = {"disk": place / "disk", **{kind: place / f"set.{kind}" for kind in KINDS}}
    files = []
    for name in sorted(content, key=encoded):
        path = roots["disk"] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[name])
        files.append((name, path))
    write_zip(roots["zip"], files)
    with zipfile.ZipFile(roots["deflated.zip"], "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files:
            archive.write(path, f"my cats/{name}")
    with tarfile.open(roots["tar"], "w") as tar:
        tar.add(roots["disk"], "./")
    images = [(name, path) for name, path in files if name.startswith("images/")]
    for kind in ("lmdb", "shards"):
        shutil.copytree(roots["disk"] / "annotations", roots[kind] / "annotations")
        shutil.copyfile(roots["disk"] / "schema.json", roots[kind] / "schema.json")
    write_lmdb(roots["lmdb"], images, sum(map(len, content.values())), len(images))
    with ShardWriter(roots["shards"], 50_000) as writer:
        for name, path in images:
            writer.add(name, path, json.loads(f'{{"file_name": {json.dumps(name)}}}'))
    return roots


def give_index(root: Path, content: dict[str, bytes]) -> None:
    """Write what ``pack`` writes beside tar files and databases."""
    import zlib

    if (root / "data.mdb").exists():
        source = DiskFile(root / "data.mdb")
        found, about = lmdb_members(source), {"transaction": lmdb_meta(source).transaction}
    else:
        sources = [DiskFile(path) for path in sorted(root.glob("*.tar"))]
        found = [member for part, source in enumerate(sources) for member in tar_members(source, part)]
        about = {"shards": {Path(source.where).name: source.size for source in sources}}
    summed = [member._replace(crc=zlib.crc32(content[member.name])) for member in found]
    write_index(root / INDEX_FILE, Members.of(summed, str(root)), about)


@pytest.fixture
def indexed(stored: dict[str, Path], content: dict[str, bytes], tmp_path: Path):
    """Copy a database or shards, with an index, into a new folder."""

    def of(kind: str) -> Path:
        root = tmp_path / f"indexed.{kind}"
        shutil.copytree(stored[kind], root)
        give_index(root, content)
        return root

    return of
