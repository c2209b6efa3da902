import pytest

from kpplugins.structures import BadInputError


def test_one_line_with_what_where_expected_found_and_what_to_do():
    error = BadInputError(
        "is short", where="a.cat:1", expected="19 numbers", found="3", todo="annotate it again"
    )
    assert str(error) == "a.cat:1: is short; expected 19 numbers; found 3; to do: annotate it again"
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\u2028", "\x85", "\x0c", "\ud800", "\x1b[2J"])
def test_a_name_that_breaks_lines_is_written_with_escapes(end: str):
    """Names with line breaks and terminal codes, in messages."""
    message = str(
        BadInputError(f"category 'a{end}b' twice", where=f"a{end}.json", found=end, todo=f"rename {end}")
    )
    assert len(message.splitlines()) == 1 and message.isprintable()
    message.encode()
    assert str(BadInputError("猫 größe")) == "猫 größe"


def test_a_long_value_is_cut():
    long = {name: name * 10**6 for name in ("where", "expected", "found", "todo")}
    message = str(BadInputError("x" * 10**6, **long))
    assert len(message) < 4000 and "…; expected expectedexp" in message
