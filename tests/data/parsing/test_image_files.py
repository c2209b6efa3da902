from pathlib import Path

import pytest

from kpplugins.data.parsing.image_files import below
from kpplugins.structures import BadInputError


def test_names_below_the_folder_with_either_separator(tmp_path: Path):
    assert below(tmp_path, "a b/ä.jpg", "x") == tmp_path / "a b" / "ä.jpg"
    assert below(tmp_path, "a\\b.jpg", "x") == tmp_path / "a" / "b.jpg"
    assert below(tmp_path, "a/../b.jpg", "x") == tmp_path / "a/../b.jpg"


@pytest.mark.parametrize("name", ["", " ", "../b.jpg", "a/../../b.jpg", "/etc/passwd", "C:\\x.jpg", "a\0b"])
def test_names_that_leave_it_are_refused(tmp_path: Path, name: str):
    with pytest.raises(BadInputError, match="ann.json"):
        below(tmp_path, name, "ann.json")


def test_a_image_that_is_a_link_on_purpose(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "set/a.jpg").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "set/b.jpg").symlink_to("/etc/passwd")
    assert below(tmp_path / "set", "a.jpg", "ann.json", links=True) == tmp_path / "set/a.jpg"
    for name, links in (("a.jpg", False), ("b.jpg", True), ("../a.jpg", True)):
        with pytest.raises(BadInputError, match="outside its folder"):
            below(tmp_path / "set", name, "ann.json", links)


def test_a_link_that_leaves_it_is_refused(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "out").symlink_to("/etc")
    with pytest.raises(BadInputError, match="outside its folder"):
        below(tmp_path / "set", "out/passwd", "ann.json")
