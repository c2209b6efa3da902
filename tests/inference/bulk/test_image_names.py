"""Names of images come one by one, in an order that can be told beforehand, and nothing is lost on the way."""

import os
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from kpplugins.inference.bulk.image_names import ImageNames, key_of
from kpplugins.structures import BadInputError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "b.jpg",
        "a.PNG",
        "notes.txt",
        "z/1.jpg",
        "z/deep/2.jpg",
        "k/3.webp",
        "k/raw",
        "empty/none.md",
    ):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


INSIDE = ["images/a.PNG", "images/b.jpg", "images/k/3.webp", "images/z/1.jpg", "images/z/deep/2.jpg"]


def test_a_folder_gives_its_images_and_then_those_of_its_folders(folder: Path):
    names = ImageNames(["images"])
    assert list(names) == INSIDE
    assert names.passed_over == {".txt": 1, "no ending": 1, ".md": 1} and names.faults == []
    assert list(names) == INSIDE and names.passed_over[".txt"] == 1  # looks anew, counts anew


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("images/*", INSIDE),
        ("images/**/*.jpg", ["images/b.jpg", "images/z/1.jpg", "images/z/deep/2.jpg"]),
        ("images/?.*", ["images/a.PNG", "images/b.jpg"]),
    ],
)
def test_a_pattern(folder: Path, pattern: str, found: list[str]):
    assert sorted(ImageNames([pattern])) == found


def test_given_files_keep_their_order_and_need_not_be_there(folder: Path):
    given = ["images/z/1.jpg", "images/b.jpg", "gone.jpg"]
    assert list(ImageNames(given)) == given


def test_a_file_whose_name_looks_like_a_pattern_is_itself(folder: Path):
    (folder / "images/[1].jpg").touch()
    assert list(ImageNames(["images/[1].jpg"])) == ["images/[1].jpg"]


def test_links_to_folders_are_followed_but_not_in_a_circle(folder: Path):
    (folder / "more").mkdir()
    (folder / "more/4.jpg").touch()
    (folder / "images/link").symlink_to(folder / "more")
    (folder / "images/z/up").symlink_to(folder / "images")
    assert list(ImageNames(["images"])) == sorted([*INSIDE, "images/link/4.jpg"])


def test_what_cannot_be_searched_or_holds_nothing_is_a_fault(folder: Path, monkeypatch: pytest.MonkeyPatch):
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: _refused() if str(path).endswith("z") else real(path))
    names = ImageNames(["images", "images/empty", "images/*.bmp"])
    assert list(names) == INSIDE[:3]
    assert names.faults == [
        ("images/z", "folder cannot be searched (Permission denied)"), ("images/empty", "no image here"),
        ("images/*.bmp", "no image matches"),
    ]  # fmt: skip


def _refused():
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("gone", "gone: no such file or folder"),
        ("images/notes.txt", "notes.txt: not an image.*--list images/notes.txt"),
        ("images/k/raw", "raw: not an image.*kpplugins demo"),
    ],
)
def test_what_is_no_image_is_one_line_at_once(folder: Path, given: str, line: str):
    with pytest.raises(BadInputError, match=line):
        ImageNames([given])


def test_no_input_and_no_list(folder: Path):
    with pytest.raises(BadInputError, match="no images are given"):
        ImageNames([])
    with pytest.raises(BadInputError, match="gone.txt: no such list"):
        ImageNames([], ["gone.txt"])


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"a.jpg\nb b.jpg\r\n\nc.jpg", ["a.jpg", "b b.jpg", "c.jpg"]),
        (b"\xef\xbb\xbfa.jpg\n", ["a.jpg"]),
        (b"a\nb.jpg\0 c.jpg\0", ["a\nb.jpg", " c.jpg"]),
        ("é.jpg\n猫.jpg\n".encode(), ["é.jpg", "猫.jpg"]),
        (b"\xff.jpg\n", [os.fsdecode(b"\xff.jpg")]),
        (b"", []),
        (b"x" * 70_000 + b".jpg\ny.jpg", ["x" * 70_000 + ".jpg", "y.jpg"]),
    ],
    ids=["lines", "mark", "NUL", "unicode", "bytes", "empty", "long"],
)
def test_a_list_by_lines_or_by_NUL(
    folder: Path, content: bytes, names: list[str], monkeypatch: pytest.MonkeyPatch
):
    (folder / "list").write_bytes(content)
    assert list(ImageNames([], ["list"])) == names
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(content)))
    assert list(ImageNames([], ["-"])) == names
    assert not ImageNames([], ["-"]).countable and ImageNames([], ["list"]).countable


def test_spellings_of_one_name_have_one_key():
    assert key_of("./a//b/../c.jpg") == key_of("a/c.jpg") == "a/c.jpg"
    assert key_of("s3://b//c.jpg") == "s3://b//c.jpg"
