"""Archives that other programs make, and what other programs read of ours."""

import json
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kpplugins.storage import disk_file, files
from kpplugins.storage.disk_file import DiskFile
from kpplugins.storage.lmdb_files import LONGEST_KEY, lmdb_members, write_lmdb
from kpplugins.storage.members import encoded
from kpplugins.storage.tar_files import ShardWriter, tar_members
from kpplugins.storage.zip_files import write_zip, zip_members
from kpplugins.structures import BadInputError
from tests.storage.conftest import contents


def test_pythons_zipfile_reads_ours(stored: dict[str, Path], content: dict[str, bytes]):
    with zipfile.ZipFile(stored["zip"]) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == content
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.skipif(shutil.which("zip") is None, reason="the program zip is not installed")
def test_a_zip_of_the_program_zip(stored: dict[str, Path], content: dict[str, bytes], tmp_path: Path):
    shutil.copytree(stored["disk"], tmp_path / "my cats")
    subprocess.run(["zip", "-qr", "a.zip", "my cats"], cwd=tmp_path, check=True)
    assert all(files.read_bytes(tmp_path / "a.zip" / name) == value for name, value in content.items())


def test_zip64_comments_and_names_without_the_mark_of_utf8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As macOS writes names: UTF-8 that the zip does not call so; and Windows' separators."""
    path = tmp_path / "a.zip"
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)  # from which on the list of members is zip64's
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = b"by hand"
        with archive.open(zipfile.ZipInfo("images/large.jpg"), "w", force_zip64=True) as member:
            member.write(b"12345" * 100)
        archive.writestr("images/éa.jpg", b"e")
        archive.writestr("images\\win\\b.jpg", b"b")
        archive.writestr("__MACOSX/images/._a.jpg", b"not an image")
    whole = bytearray(path.read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):  # the bit that says UTF-8
        start = whole.rindex(
            mark, 0, whole.rindex("éa.jpg".encode()) if mark[2] == 1 else whole.index("éa.jpg".encode())
        )
        flags = start + (6 if mark[2] == 3 else 8)
        assert whole[flags + 1] & 0x08
        whole[flags + 1] &= ~0x08
    path.write_bytes(whole)
    assert files.read_bytes(path / "images/large.jpg") == b"12345" * 100
    assert files.read_bytes(path / "images/éa.jpg") == b"e"
    assert files.read_bytes(path / "images/win/b.jpg") == b"b"
    assert [folder.name for folder in files.folders_in(path)] == ["images"]


def test_the_package_lmdb_reads_ours_and_we_what_it_writes(
    stored: dict[str, Path], content: dict[str, bytes], tmp_path: Path
):
    """A tree of several levels, values in pages and over them, deletions, and names that are no text."""
    lmdb = pytest.importorskip("lmdb")
    with (
        lmdb.open(str(stored["lmdb"]), readonly=True, lock=False) as database,
        database.begin() as transaction,
    ):
        found = {bytes(key).decode(): bytes(value) for key, value in transaction.cursor()}
    assert found == {name: value for name, value in content.items() if name.startswith("images/")}
    generator = np.random.default_rng(0)
    written = {
        (b"%05d" % i) * generator.integers(1, 20): generator.bytes([0, 10, 500, 1990, 2100, 9000][i % 6])
        for i in range(4000)
    } | {b"\xff\x00 no text": b"1", b"x" * LONGEST_KEY: b"2"}
    with lmdb.open(str(tmp_path), map_size=1 << 28) as database:
        for start in range(0, len(written), 500):  # many transactions leave free pages
            with database.begin(write=True) as transaction:
                for key in list(written)[start : start + 500]:
                    transaction.put(key, written[key])
        with database.begin(write=True) as transaction:
            for key in list(written)[::7]:
                transaction.delete(key)
                del written[key]
        assert database.stat()["depth"] > 2
    source = DiskFile(tmp_path / "data.mdb")
    members = lmdb_members(source)
    assert {encoded(m.name): source.read(m.start, m.size) for m in members} == written


def test_an_empty_database(tmp_path: Path):
    lmdb = pytest.importorskip("lmdb")
    lmdb.open(str(tmp_path), lock=False).close()
    assert lmdb_members(DiskFile(tmp_path / "data.mdb")) == []


def test_a_name_too_long_for_lmdb(tmp_path: Path):
    pytest.importorskip("lmdb")
    (tmp_path / "a").write_bytes(b"1")
    with pytest.raises(
        BadInputError, match=f"at most {LONGEST_KEY} bytes; found 512; to do: --to zip or --to tar"
    ):
        write_lmdb(tmp_path, [("é" * 256, tmp_path / "a")], 1, 1)


def test_webdataset_reads_our_shards(stored: dict[str, Path], content: dict[str, bytes]):
    """One sample for each image, with its bytes and its JSON, whatever its name."""
    webdataset = pytest.importorskip("webdataset")
    shards = [str(path) for path in sorted(stored["shards"].glob("*.tar"))]
    assert len(shards) > 3
    samples = list(webdataset.WebDataset(shards, shardshuffle=False, empty_check=False))
    found = {}
    for sample in samples:
        (ending,) = {key for key in sample if not key.startswith("__")} - {"json"}
        found[json.loads(sample["json"])["file_name"]] = sample[ending]
    assert found == {name: value for name, value in content.items() if name.startswith("images/")}
    assert len({sample["__key__"] for sample in samples}) == len(samples) == len(found)


def test_tar_restores_most_images_under_their_names(stored: dict[str, Path], tmp_path: Path):
    for shard in stored["shards"].glob("*.tar"):
        with tarfile.open(shard) as tar:
            tar.extractall(tmp_path, filter="data")
    assert (tmp_path / "images/a b.jpg").read_bytes() == (stored["disk"] / "images/a b.jpg").read_bytes()
    assert (tmp_path / "images/äöü 漢字.png").is_file()


def test_a_zip_with_other_things_beside_the_data(
    stored: dict[str, Path], content: dict[str, bytes], tmp_path: Path
):
    """Names are relative to the folder of the annotations, wherever it is, and may also be whole."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README.txt", b"hello")
        for name, value in content.items():
            archive.writestr(f"home/me/cats/{name}", value)
    for root in (path, path / "home/me/cats"):
        assert all(files.read_bytes(root / name) == value for name, value in content.items())
        assert [folder.name for folder in files.folders_in(root)] == ["annotations", "images"]
    assert not files.is_file(path / "home/me/images/001.jpg")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("home/me/dogs/annotations/train.json", b"{}")
    assert not files.is_file(path / "images/001.jpg") and files.is_file(path / "home/me/cats/images/001.jpg")


def test_more_tar_files_than_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(disk_file, "_MOST_OPEN", 5)
    (tmp_path / "a.jpg").write_bytes(b"1" * 600)
    (tmp_path / "set/annotations").mkdir(parents=True)
    with ShardWriter(tmp_path / "set", 1) as writer:
        for i in range(30):
            writer.add(f"images/{i}.jpg", tmp_path / "a.jpg", {})
    assert len(list((tmp_path / "set").glob("*.tar"))) == 30
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0
    for turn in range(2):
        for i in range(30):
            assert files.read_bytes(tmp_path / f"set/images/{i}.jpg") == b"1" * 600, turn
    after = len(list(Path("/proc/self/fd").iterdir())) if before else 0
    assert after <= before + 6


def test_a_hard_link_in_a_tar_is_the_file(tmp_path: Path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.jpg").write_bytes(b"abc")
    (tmp_path / "images/b.jpg").hardlink_to(tmp_path / "images/a.jpg")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tmp_path / "images", "images")
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert any(member.islnk() for member in tar)
    assert (
        files.read_bytes(tmp_path / "a.tar/images/a.jpg")
        == files.read_bytes(tmp_path / "a.tar/images/b.jpg")
        == b"abc"
    )


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_format_of_tar(tmp_path: Path, tar_format: int):
    name = "images/" + "long/" * 30 + "a.jpg" if tar_format != tarfile.USTAR_FORMAT else "images/a.jpg"
    (tmp_path / "a.jpg").write_bytes(b"abc")
    with tarfile.open(tmp_path / "a.tar", "w", format=tar_format) as tar:
        tar.add(tmp_path / "a.jpg", name)
    assert files.read_bytes(tmp_path / "a.tar" / name) == b"abc"


def test_a_tar_is_listed_once(stored: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The list is kept in the cache as long as the file is the same."""
    from kpplugins.storage import archive

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    copy = tmp_path / "a.tar"
    shutil.copyfile(stored["tar"], copy)
    assert files.is_file(copy / "images/001.jpg")
    (kept,) = (tmp_path / "cache/kpplugins").iterdir()
    archive.archive_at.__globals__["tar_members"] = lambda *_: pytest.fail("is listed again")
    try:
        files._opened.cache_clear()
        assert files.is_file(copy / "images/001.jpg")
        kept.write_bytes(b"damaged")
        files._opened.cache_clear()
        with pytest.raises(pytest.fail.Exception):
            files.is_file(copy / "images/001.jpg")
    finally:
        archive.archive_at.__globals__["tar_members"] = tar_members
    files._opened.cache_clear()
    assert files.read_bytes(copy / "images/003.jpg") == files.read_bytes(stored["disk"] / "images/003.jpg")


@pytest.mark.parametrize("kind", ["zip", "lmdb", "shards"])
def test_the_same_files_give_the_same_bytes(stored: dict[str, Path], tmp_path: Path, kind: str):
    """Whenever they were written, and with whatever rights."""
    names = sorted(contents(), key=encoded)
    made = []
    for turn in ("one", "two"):
        copies = []
        for name in names:
            path = tmp_path / turn / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((stored["disk"] / name).read_bytes())
            path.chmod(0o600 if turn == "one" else 0o644)
            copies.append((name, path))
        out = tmp_path / f"{turn}.{kind}"
        if kind == "zip":
            write_zip(out, copies)
            made.append([out.read_bytes()])
            continue
        out.mkdir()
        if kind == "lmdb":
            write_lmdb(out, copies, 10**6, len(copies))
        else:
            with ShardWriter(out, 30_000) as writer:
                for name, path in copies:
                    writer.add(name, path, {"b": 1, "a": name})
        made.append([path.read_bytes() for path in sorted(out.iterdir())])
    assert made[0] == made[1] and len(made[0]) == (1 if kind != "shards" else len(made[0]))


def test_members_have_the_sizes_and_sums_that_zip_says(stored: dict[str, Path], content: dict[str, bytes]):
    import zlib

    found = {member.name: member for member in zip_members(DiskFile(stored["zip"]))}
    assert {name: (m.size, m.crc) for name, m in found.items()} == {
        name: (len(value), zlib.crc32(value)) for name, value in content.items()
    }
