from kpplugins.structures import BadInputError


def test_one_line_with_what_where_expected_found_and_what_to_do():
    error = BadInputError(
        "is short", where="a.cat:1", expected="19 numbers", found="3", todo="annotate it again"
    )
    assert str(error) == "a.cat:1: is short; expected 19 numbers; found 3; to do: annotate it again"
    assert isinstance(error, ValueError)
