from pathlib import Path

import pytest

from kpplugins.data.parsing.stems import count_unlabelled, images_by_stem, only_image
from kpplugins.structures import BadInputError


def test_images_by_their_names_without_ending(tmp_path: Path):
    (tmp_path / "in").mkdir()
    for name in ("a.JPG", "a.txt", "b.png", "in/b.jpeg", "in/c.d.bmp"):
        (tmp_path / name).write_text("")
    found = images_by_stem([tmp_path, tmp_path / "in", tmp_path, tmp_path / "gone"])
    assert {stem: [p.name for p in paths] for stem, paths in found.items()} == {
        "a": ["a.JPG"], "b": ["b.png", "b.jpeg"], "c.d": ["c.d.bmp"],
    }  # fmt: skip
    assert only_image(found, "a", "x", "here").name == "a.JPG"
    with pytest.raises(BadInputError, match=r"x: annotation fits two images.*b\.png, .*b\.jpeg"):
        only_image(found, "b", "x", "here")
    with pytest.raises(BadInputError, match=r"x: image is missing; expected one image c\.jpg .* here"):
        only_image(found, "c", "x", "here")


def test_images_without_annotation_are_counted(tmp_path: Path):
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_text("")
    assert count_unlabelled(images_by_stem([tmp_path]), {"a", "b", "c"}) == 0
    assert count_unlabelled(images_by_stem([tmp_path]), {"b"}) == 2
