"""The number of stacks by one name."""

from pathlib import Path

import pytest

from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError


def stacks(path: Path, **options) -> int:
    return load_config(path, schema=CAT_SCHEMA, cfg_options=options).model.head.num_stacks


@pytest.mark.parametrize("base", ["cat_hourglass.py", "coco_hourglass.py", "custom_hourglass_small.py"])
@pytest.mark.parametrize("number", [1, 2, 4, 8])
def test_one_number_in_a_child_or_on_the_command_line(root: Path, tmp_path: Path, base: str, number: int):
    child = tmp_path / "child.py"
    child.write_text(f"_base_ = '{root / 'configs' / base}'\nnum_stacks = {number}\n")
    assert stacks(child) == number
    assert stacks(root / "configs" / base, num_stacks=number) == number


def test_what_is_said_of_the_part_itself_stays(root: Path, tmp_path: Path):
    child, base = tmp_path / "child.py", root / "configs/cat_hourglass.py"
    child.write_text(f"_base_ = '{base}'\nnum_stacks = 4\n")
    assert stacks(child, **{"model.head.num_stacks": 1}) == 1
    child.write_text(f"_base_ = '{base}'\nmodel = dict(head=dict(num_stacks=2))\n")
    assert stacks(child) == 2


@pytest.mark.parametrize("number", [0, "2", True, 1.5])
def test_a_number_that_is_none(root: Path, number):
    with pytest.raises(BadInputError, match="num_stacks: not a number of stacks; expected ≥ 1"):
        stacks(root / "configs/cat_hourglass.py", num_stacks=number)
