import pytest

from kpplugins.data.parsing.cells import as_cell, from_cell


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A0", "+1", "-a.jpg", "@SUM(A1)", "\t=1", "\r=1", "'a", "''", "a=1.jpg", ""]
)
def test_no_name_becomes_a_formula_and_every_name_comes_back(name: str):
    """A name that begins as a formula, in a CSV that we write."""
    cell = as_cell(name)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert from_cell(cell) == name
