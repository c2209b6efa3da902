"""Damaged archives and archives of strangers: what is read is what was packed, or one line says what is wrong."""

import io
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from kpplugins.storage import files
from kpplugins.storage.archive import INDEX_FILE
from kpplugins.structures import BadInputError

DATA = {"zip": "", "deflated.zip": "", "tar": "", "lmdb": "data.mdb", "shards": "shard-000001.tar"}
"""The file of each kind that is damaged."""
SUMMED = ("zip", "deflated.zip", "lmdb", "shards")
"""Kinds whose members have check sums, the last two by their index."""


def damaged(source: Path, kind: str, target: Path, index: bool, damage) -> Path:
    """Copy an archive, with one file of it changed by ``damage``."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=None if index else shutil.ignore_patterns(INDEX_FILE))
    else:
        shutil.copyfile(source, target)
    file = target / DATA[kind] if DATA[kind] else target
    file.write_bytes(damage(file.read_bytes()))
    return target


def read_all(root: Path, content: dict[str, bytes]) -> dict[str, bytes | str]:
    """What is read of each name: its bytes, or one line."""
    found: dict[str, bytes | str] = {}
    for name in content:
        try:
            found[name] = files.read_bytes(root / name)
        except (BadInputError, FileNotFoundError) as error:
            assert "\n" not in str(error)
            found[name] = str(error)
    return found


@pytest.mark.parametrize("kind", DATA)
def test_a_file_that_was_cut_off_anywhere(
    stored: dict[str, Path], indexed, content: dict[str, bytes], tmp_path: Path, kind: str
):
    source = indexed(kind) if kind in ("lmdb", "shards") else stored[kind]
    size = (source / DATA[kind] if DATA[kind] else source).stat().st_size
    for i, end in enumerate(np.linspace(0, size - 1, 15).astype(int)):
        root = damaged(source, kind, tmp_path / f"{i}.{kind}", True, lambda whole, end=end: whole[:end])
        found = read_all(root, content)
        wrong = [name for name in content if isinstance(found[name], bytes) and found[name] != content[name]]
        assert wrong == [], end
        if kind != "tar" or end < size - 10240:  # a tar ends in blocks of zeros
            assert any(isinstance(value, str) for value in found.values()), end


@pytest.mark.parametrize("kind", DATA)
def test_wrong_bytes_anywhere(
    stored: dict[str, Path], indexed, content: dict[str, bytes], tmp_path: Path, kind: str
):
    """Wrong bytes anywhere in an archive.

    There is no other error, and there are no other bytes where there are check sums.
    """
    generator = np.random.default_rng(1)
    source = indexed(kind) if kind in ("lmdb", "shards") else stored[kind]
    for i in range(15):

        def change(whole: bytes) -> bytes:
            changed = bytearray(whole)
            for place in generator.integers(0, len(whole), 20):
                changed[place] = generator.integers(256)
            return bytes(changed)

        root = damaged(source, kind, tmp_path / f"{i}.{kind}", True, change)
        found = read_all(root, content)
        images = [name for name in content if name.startswith("images/")]
        wrong = [n for n in images if isinstance(found[n], bytes) and found[n] != content[n]]
        assert kind not in SUMMED or wrong == []


@pytest.mark.parametrize("kind", ["lmdb", "shards"])
def test_wrong_bytes_where_nothing_is_indexed(
    stored: dict[str, Path], content: dict[str, bytes], tmp_path: Path, kind: str
):
    generator = np.random.default_rng(2)
    for i in range(20):

        def change(whole: bytes) -> bytes:
            changed = bytearray(whole)
            pages = generator.integers(0, len(whole) // 4096 or 1, 10)
            for place in pages * 4096 + generator.integers(0, 80, 10):  # headers, and lists of nodes
                changed[min(place, len(whole) - 1)] = generator.integers(256)
            return bytes(changed)

        read_all(damaged(stored[kind], kind, tmp_path / f"{i}.{kind}", False, change), content)


def test_the_package_lmdb_ends_the_process_there(stored: dict[str, Path], tmp_path: Path):
    """An LMDB that is cut off, which ends the process of its own package.

    That is why databases are read by code of our own.
    """
    pytest.importorskip("lmdb")
    root = tmp_path / "cut.lmdb"
    damaged(stored["lmdb"], "lmdb", root, False, lambda whole: whole[: 4 * 4096])
    code = f"import lmdb; a = lmdb.open({str(root)!r}, readonly=True, lock=False); list(a.begin().cursor())"
    assert subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode < 0
    with pytest.raises(BadInputError, match="not a complete LMDB .cut off: "):
        files.is_file(root / "images/001.jpg")


def test_a_member_with_wrong_bytes_is_named(
    stored: dict[str, Path], content: dict[str, bytes], tmp_path: Path
):
    whole = stored["zip"].read_bytes()
    place = whole.index(content["images/005.jpg"][:50])
    (tmp_path / "a.zip").write_bytes(whole[:place] + b"!" + whole[place + 1 :])
    with pytest.raises(BadInputError) as error:
        files.read_bytes(tmp_path / "a.zip/images/005.jpg")
    where = tmp_path / "a.zip/images/005.jpg"
    said = "in its archive is damaged (another check sum); to do: copy it again, or make it anew"
    assert str(error.value) == f"{where}: {said}"
    assert files.read_bytes(tmp_path / "a.zip/images/006.jpg") == content["images/006.jpg"]


def test_shards_of_which_one_is_missing_or_another(indexed, tmp_path: Path):
    root = indexed("shards")
    shards = sorted(root.glob("*.tar"))
    assert len(shards) > 3
    shards[2].rename(tmp_path / "away.tar")
    with pytest.raises(
        BadInputError, match="not those that their index says.*found shard-000002.tar has no bytes"
    ):
        files.is_file(root / "images/001.jpg")
    (root / INDEX_FILE).unlink()
    assert not files.is_file(root / "images/none.jpg") and any(files.walk(root / "images"))


def test_a_database_that_was_written_to_is_not_read_by_its_old_index(
    indexed, caplog: pytest.LogCaptureFixture
):
    lmdb = pytest.importorskip("lmdb")
    root = indexed("lmdb")
    with lmdb.open(str(root), map_size=1 << 24) as database, database.begin(write=True) as transaction:
        transaction.put(b"images/new.jpg", b"new")
        transaction.delete(b"images/001.jpg")
    assert files.read_bytes(root / "images/new.jpg") == b"new" and not files.is_file(root / "images/001.jpg")
    assert "earlier state of the database" in caplog.text


def test_an_index_of_strangers(indexed, content: dict[str, bytes]):
    """Places outside the file, and a damaged one."""
    root = indexed("shards")
    whole = (root / INDEX_FILE).read_bytes()
    (root / INDEX_FILE).write_bytes(whole[:-70] + b"x" * 70)
    with pytest.raises(BadInputError, match="index is damaged; to do: copy it again, or delete it"):
        files.is_file(root / "images/001.jpg")


def bomb(path: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive, archive.open("images/a.jpg", "w") as member:
        for _ in range(100):
            member.write(bytes(1 << 20))
    return path


def test_a_small_zip_with_an_image_of_100_mb(tmp_path: Path):
    """A zip of 100 kB that holds an image of 100 MB."""
    path = bomb(tmp_path / "a.zip")
    assert path.stat().st_size < 150_000
    with pytest.raises(
        BadInputError, match=r"much larger than it is packed; expected at most 100 times its .* 104,857,600"
    ):
        files.read_bytes(path / "images/a.jpg")


def test_a_zip_that_understates_its_bomb(tmp_path: Path):
    """No more is unpacked than the archive says."""
    path = bomb(tmp_path / "a.zip")
    whole = path.read_bytes()
    (tmp_path / "b.zip").write_bytes(whole.replace(struct.pack("<I", 100 << 20), struct.pack("<I", 1000)))
    with pytest.raises(BadInputError, match="is damaged"):
        files.read_bytes(tmp_path / "b.zip/images/a.jpg")


def test_what_is_not_read_says_why(tmp_path: Path):
    """Links, encryption and other compression in archives."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("images/link.jpg")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("images/lzma.jpg", b"1" * 100, zipfile.ZIP_LZMA)
        archive.writestr("images/plain.jpg", b"1")
    whole = bytearray((tmp_path / "a.zip").read_bytes())
    entry = whole.rindex(b"PK\x01\x02")
    whole[entry + 8] |= 1
    (tmp_path / "a.zip").write_bytes(whole)
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        member = tarfile.TarInfo("images/link.jpg")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    for name, words in (
        ("a.zip/images/link.jpg", "is a link; to do: make the archive of the files themselves"),
        ("a.zip/images/lzma.jpg", "packed in a way that is not read"),
        ("a.zip/images/plain.jpg", "is encrypted"),
        ("a.tar/images/link.jpg", "is a link"),
    ):
        assert files.is_file(tmp_path / name)
        for read in (files.read_bytes, files.open_file):
            with pytest.raises(BadInputError, match=words):
                read(tmp_path / name)


def test_names_that_lead_out_of_an_archive(tmp_path: Path):
    """Names in an archive that lead out of it."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("../secret.png", "images/../../secret.png", "/etc/secret.png", "images/a.png"):
            archive.writestr(name, b"1")
    assert sorted(files.walk(tmp_path / "a.zip")) == ["etc/secret.png", "images/a.png"]
    assert not files.is_file(tmp_path / "a.zip/../secret.png")
    assert not (tmp_path / "secret.png").exists()


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_twice(tmp_path: Path, kind: str):
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning):
            archive.writestr("images/a.png", b"1")
            archive.writestr("images/a.png", b"2")
    else:
        with tarfile.open(path, "w") as tar:
            for value in (b"1", b"2"):
                member = tarfile.TarInfo("images/a.png")
                member.size = 1
                tar.addfile(member, io.BytesIO(value))
    with pytest.raises(BadInputError, match="a name is in the archive twice; found images/a.png"):
        files.is_file(path / "images/a.png")


def test_a_compressed_tar_is_refused(stored: dict[str, Path], tmp_path: Path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.add(stored["disk"], ".")
    with pytest.raises(BadInputError, match="compressed tar file cannot be read in parts; to do: gunzip it"):
        files.is_folder(tmp_path / "a.tar.gz")


def test_a_file_that_is_no_archive(tmp_path: Path):
    (tmp_path / "a.zip").write_bytes(zlib.compress(b"no archive"))
    assert not files.is_folder(tmp_path / "a.zip") and not files.is_file(tmp_path / "a.zip/images/a.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/data.mdb").write_bytes(bytes(8192))
    with pytest.raises(BadInputError, match="no LMDB of version 0.9"):
        files.is_file(tmp_path / "data/images/a.png")
