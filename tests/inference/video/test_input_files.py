"""Files, folders and patterns; and the names of their results."""

from pathlib import Path

import pytest

from kpplugins.inference.video.input_files import find_inputs, is_video, result_names
from kpplugins.structures import BadInputError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "a.jpg",
        "b.PNG",
        "c.mp4",
        "notes.txt",
        "sub/a.jpg",
        "sub/deep/d.tif",
        "[x]/e.jpg",
        "empty/x.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def names(tree: Path, *inputs: str) -> list[str]:
    return [str(path.relative_to(tree)) for path in find_inputs(str(tree / one) for one in inputs)]


def test_what_is_found(tree: Path):
    assert names(tree, ".") == ["a.jpg", "b.PNG", "c.mp4"]  # without its subfolders
    assert names(tree, "*.jpg") == ["a.jpg"]
    assert names(tree, "**/*.jpg") == ["[x]/e.jpg", "a.jpg", "sub/a.jpg"]
    assert names(tree, "[x]", "[x]/e.jpg") == ["[x]/e.jpg"]  # a folder of that name, and each once
    assert names(tree, "c.mp4", "sub/*/*", "a.jpg") == ["c.mp4", "sub/deep/d.tif", "a.jpg"]
    assert [is_video(path) for path in find_inputs([tree])] == [False, False, True]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("gone.jpg", "gone.jpg: no such file or folder"),
        ("notes.txt", "neither an image nor a video"),
        ("empty", "no image or video in this folder"),
        ("*.gif", "no image or video fits this pattern"),
    ],
)
def test_what_is_not(tree: Path, given: str, words: str):
    with pytest.raises(BadInputError, match=words):
        names(tree, given)


def test_an_address_is_for_the_webcam():
    with pytest.raises(
        BadInputError, match=r"http://\*\*\*@host/x.jpg: an address is no file.*--webcam ADDRESS"
    ):
        find_inputs(["http://me:secret@host/x.jpg"])


def test_names_of_results(tree: Path):
    assert result_names([tree / "a.jpg", tree / "b.PNG"]) == ["a", "b"]
    assert result_names([tree / "a.jpg", tree / "sub/a.jpg"]) == ["a", "sub_a"]
    with pytest.raises(BadInputError, match="two inputs are called 'a'"):
        result_names([tree / "a.jpg", tree / "a.png"])
