"""Files that are written completely or not at all, also on a real disk that is full or read-only."""

import os
from pathlib import Path

import pytest

from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import PART, replace_bytes, replace_text, replaced_file


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path):
    file = tmp_path / "a.json"
    replace_text(file, "old")
    with pytest.raises(KeyError), replaced_file(file) as aside:
        aside.write_text("ne")
        assert (aside.parent, aside.suffix, aside.name.startswith(PART)) == (tmp_path, ".json", True)
        assert file.read_text() == "old"
        raise KeyError
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.json", "old")]
    replace_text(file, "new é")
    assert [(p.name, p.read_text("utf-8")) for p in tmp_path.iterdir()] == [("a.json", "new é")]


def test_a_file_is_as_readable_as_any_other(tmp_path: Path):
    (tmp_path / "plain").touch()
    replace_bytes(tmp_path / "a", b"1")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_is_followed_and_a_device_is_not_replaced(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real/a")
    replace_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real/a").read_text() == "new"
    replace_text(Path(os.devnull), "nothing")
    assert not Path(os.devnull).is_file()


def test_a_full_disk_leaves_the_old_file(small_disk):
    disk = small_disk("64k")
    replace_bytes(disk / "a.bin", b"1" * 10000)
    with pytest.raises(
        BadInputError, match=r"a\.bin: cannot be written \(No space left on device\); to do: make room"
    ):
        replace_bytes(disk / "a.bin", b"2" * 70000)
    assert [p.name for p in disk.iterdir()] == ["a.bin"] and (disk / "a.bin").read_bytes() == b"1" * 10000


def test_a_read_only_disk_is_one_line(small_disk):
    disk = small_disk("64k", "ro")
    with pytest.raises(BadInputError, match=r"a\.bin: cannot be written \(Read-only file system\)"):
        replace_bytes(disk / "a.bin", b"1")
