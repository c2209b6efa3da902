"""Whatever a path leads through, the same is there."""

import io
import multiprocessing
import os
import pickle
import threading
from pathlib import Path

import pytest

from kpplugins.storage import files
from kpplugins.storage.archive import Archive
from kpplugins.structures import BadInputError
from tests.storage.conftest import KINDS

EVERY = ("disk", *KINDS)


@pytest.fixture(params=EVERY)
def root(request: pytest.FixtureRequest, stored: dict[str, Path]) -> Path:
    return stored[request.param]


def test_every_file_is_there_whole(root: Path, content: dict[str, bytes]):
    for name, expected in content.items():
        path = root / name
        assert files.is_file(path) and files.exists(path) and not files.is_folder(path), name
        assert files.read_bytes(path) == expected, name
        assert files.size_of(path) == len(expected)
        with files.open_file(path) as opened:
            assert opened.read(3) == expected[:3]
            assert opened.seek(-min(5, len(expected)), io.SEEK_END) >= 0
            assert opened.read() == expected[-5:]


def test_folders_and_what_they_have(root: Path, content: dict[str, bytes]):
    assert files.is_folder(root) and files.is_folder(root / "images/CAT_00")
    assert [path.name for path in files.folders_in(root)] == ["annotations", "images"]
    assert files.files_in(root) == [root / "schema.json"]
    assert [path.name for path in files.files_in(root / "images/CAT_00")] == ["x.v1.jpg", "x.v2.jpg"]
    assert files.folders_in(root / "images") == [root / "images/CAT_00"]
    visible = {name for name in content if not Path(name).name.startswith(".")}
    assert sorted(files.walk(root)) == sorted(visible)
    assert {f"images/{name}" for name in files.walk(root / "images")} == {n for n in visible if n[:2] == "im"}


@pytest.mark.parametrize(
    "name", ["images/none.jpg", "none/a.jpg", "images", "images/000.jpg/x", "", "../x", "images/../../x"]
)
def test_what_is_not_there(root: Path, name: str):
    path = root / name if name else root / "images/CAT_0"
    assert not files.is_file(path)
    with pytest.raises((FileNotFoundError, IsADirectoryError, NotADirectoryError)):
        files.read_bytes(path)
    if name != "images":
        assert not files.is_folder(path) or name == "../x"


def test_stamps_and_the_archive(stored: dict[str, Path], tmp_path: Path):
    for kind in KINDS:
        where, stamp = files.archive_of(stored[kind] / "images/CAT_00") or ("", ())
        assert where == str(stored[kind]) and stamp
        assert files.stamp_of(stored[kind] / "images/001.jpg") == files.stamp_of(
            stored[kind] / "images/001.jpg"
        )
    assert files.archive_of(stored["disk"] / "images") is None
    copy = tmp_path / "set.zip"
    copy.write_bytes(stored["zip"].read_bytes())
    before = files.stamp_of(copy / "images/001.jpg")
    copy.write_bytes(stored["deflated.zip"].read_bytes())
    assert files.stamp_of(copy / "images/001.jpg") != before
    assert files.read_bytes(copy / "images/003.jpg") == files.read_bytes(stored["disk"] / "images/003.jpg")


def test_a_folder_on_the_disk_is_not_looked_for_in_a_database(stored: dict[str, Path], tmp_path: Path):
    root = tmp_path / "both"
    (root / "images").mkdir(parents=True)
    (root / "data.mdb").write_bytes((stored["lmdb"] / "data.mdb").read_bytes())
    assert not files.is_file(root / "images/001.jpg")
    (root / "images").rmdir()
    assert files.is_file(root / "images/001.jpg")


def test_tar_files_beside_a_set_are_not_searched(stored: dict[str, Path], tmp_path: Path):
    """A missing image is missing, though somebody keeps tar files in a folder above."""
    (tmp_path / "old.tar").write_bytes(b"not a tar")
    (tmp_path / "data").mkdir()
    assert not files.is_file(tmp_path / "data/images/001.jpg")
    assert not files.is_file(tmp_path / "images/001.jpg")
    for name in ("annotations", "images"):
        (tmp_path / name).mkdir()
    assert not files.is_file(tmp_path / "schema.json") and not files.is_file(tmp_path / "images/001.jpg")
    for name in ("images", "data"):
        (tmp_path / name).rmdir()
    with pytest.raises(BadInputError, match="old.tar: not a complete tar file"):
        files.is_file(tmp_path / "images/001.jpg")


def test_a_copy_on_the_disk(root: Path, content: dict[str, bytes], tmp_path: Path):
    files.copy_file(root / "images/a b.jpg", tmp_path / "copy.jpg")
    assert (tmp_path / "copy.jpg").read_bytes() == content["images/a b.jpg"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("kind", ["zip", "lmdb"])
def test_processes_read_at_once(stored: dict[str, Path], content: dict[str, bytes], kind: str, method: str):
    """Those that are forked share what is open: the position of one must not move that of another."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    names = [name for name in content if name.startswith("images/")] * 20
    paths = [stored[kind] / name for name in names]
    assert files.read_bytes(paths[3]) == content[names[3]]
    with multiprocessing.get_context(method).Pool(2) as pool:
        answers = pool.map_async(files.read_bytes, paths, chunksize=5)
        here = [files.read_bytes(path) for path in paths]
        assert answers.get(timeout=60) == here == [content[name] for name in names]
        pool.close()  # ended by a signal, a process may wait for a command's way to end
        pool.join()


def test_threads_read_at_once(stored: dict[str, Path], content: dict[str, bytes]):
    wrong: list[str] = []

    def work() -> None:
        for name, expected in list(content.items()) * 10:
            if files.read_bytes(stored["shards"] / name) != expected:
                wrong.append(name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_without_pread_it_is_the_same(
    stored: dict[str, Path], content: dict[str, bytes], tmp_path: Path, monkeypatch
):
    monkeypatch.delattr(os, "pread")
    copy = tmp_path / "other.zip"
    copy.write_bytes(stored["zip"].read_bytes())
    assert all(files.read_bytes(copy / name) == expected for name, expected in content.items())


def test_an_archive_that_is_changed_while_it_is_in_use(stored: dict[str, Path], tmp_path: Path):
    copy = tmp_path / "set.zip"
    copy.write_bytes(stored["zip"].read_bytes())
    archive, _ = files._held(copy / "images/001.jpg")
    assert isinstance(archive, Archive) and archive.read("images/001.jpg")
    os.utime(copy, (1, 1))
    with pytest.raises(BadInputError, match="changed while it is in use; to do: start again"):
        archive.read("images/001.jpg")
    assert files.read_bytes(copy / "images/001.jpg")  # it is opened anew


def test_paths_go_to_other_processes_as_text(stored: dict[str, Path]):
    path = stored["zip"] / "images/001.jpg"
    assert pickle.loads(pickle.dumps(path)) == path and os.fsdecode(os.fsencode(path)) == str(path)
