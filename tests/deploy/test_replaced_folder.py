"""A folder is there whole or not at all."""

from pathlib import Path

import pytest

from kpplugins.deploy.replaced_folder import replaced_folder, write_facts
from kpplugins.structures import BadInputError


def test_it_takes_its_place_when_it_is_whole(tmp_path: Path):
    path = tmp_path / "new/cats"
    for content in ("1", "2"):
        with replaced_folder(path) as folder:
            write_facts(folder / "model.json", {"format": int(content)})
            (folder / f"file{content}").write_text(content)
        assert sorted(p.name for p in path.iterdir()) == [f"file{content}", "model.json"]
    assert [p.name for p in path.parent.iterdir()] == ["cats"]


def test_an_error_leaves_the_earlier_one(tmp_path: Path):
    path = tmp_path / "cats"
    with replaced_folder(path) as folder:
        write_facts(folder / "model.json", {"format": 1})
    with pytest.raises(RuntimeError), replaced_folder(path) as folder:
        (folder / "half").write_text("half")
        raise RuntimeError
    assert [p.name for p in path.iterdir()] == ["model.json"] and [p.name for p in tmp_path.iterdir()] == [
        "cats"
    ]


def test_what_is_not_an_export_is_not_replaced(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path, tmp_path / "mine.txt"):
        with (
            pytest.raises(BadInputError, match="something else is there already.*--out DIR"),
            replaced_folder(path),
        ):
            pass
    with pytest.raises(BadInputError, match="cannot be written"), replaced_folder(tmp_path / "mine.txt/cats"):
        pass
    with replaced_folder(tmp_path / "empty") as folder:
        write_facts(folder / "model.json", {"format": 1})
    assert (tmp_path / "empty/model.json").is_file() and (tmp_path / "mine.txt").read_text() == "mine"
