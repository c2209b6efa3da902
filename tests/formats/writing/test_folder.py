from pathlib import Path

import pytest

from kpplugins.data.aside import made_aside
from kpplugins.formats.writing.folder import check_names, unlike_stems
from kpplugins.structures import BadInputError


def test_names_that_differ_in_the_ending_only_are_told_apart():
    given = ["a.png", "a.jpg", "a_2.png", "sub/a.png", "a.bmp", "schema.png"]
    found = unlike_stems({Path(name): name for name in given}, ["schema"])
    assert list(found.values()) == ["a.png", "a_3.jpg", "a_2.png", "sub/a.png", "a_4.bmp", "schema_2.png"]


@pytest.mark.parametrize(
    "name", ["a\\b.png", " a.png", "sub /a.png", ".a.png", ".sub/a.png", "c:a.png", "a\nb.png"]
)
def test_names_that_no_reader_finds_again(name: str):
    with pytest.raises(BadInputError, match="rename it") as error:
        check_names({Path(name): name})
    assert "\n" not in str(error.value)


def test_good_names():
    check_names({Path(name): name for name in ("a b.png", "ünï/x.jpg", "a'&+%1.png")})


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path):
    out = tmp_path / "deep" / "out"
    with pytest.raises(ZeroDivisionError), made_aside(out) as made:
        (made / "a").touch()
        _ = 1 / 0
    assert list(out.parent.iterdir()) == []
    out.mkdir()
    with made_aside(out) as made:
        (made / "a").touch()
    assert [p.name for p in out.iterdir()] == ["a"] and list(out.parent.iterdir()) == [out]
