"""Parts that are not trained, by one name."""

from pathlib import Path

import pytest

from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError


@pytest.fixture
def hooks(root: Path, tmp_path: Path):
    """The hooks of a child of the small hourglass."""

    def load(lines: str, **options) -> list[dict]:
        path = tmp_path / "child.py"
        path.write_text(f"_base_ = '{root / 'configs/custom_hourglass_small.py'}'\n{lines}\n")
        cfg = load_config(path, schema=CAT_SCHEMA, cfg_options=options)
        return [hook.to_dict() for hook in cfg.custom_hooks]

    return load


def test_it_becomes_a_hook(hooks):
    usual = hooks("")
    frozen = dict(type="FreezeHook", parts=["backbone"])
    assert hooks("freeze = ['backbone']") == hooks("", freeze=["backbone"]) == [*usual, frozen]
    own = "custom_hooks = [dict(type='EMAHook')]\nfreeze = ['backbone']"
    assert hooks(own) == [dict(type="EMAHook"), frozen]


def test_once(hooks):
    """A settled config has the name and the hook; less is frozen by a shorter list."""
    own = "custom_hooks = [dict(type='FreezeHook', parts=['backbone'])]\n"
    assert hooks(f"{own}freeze = ['head']") == [dict(type="FreezeHook", parts=["head"])]
    assert hooks(f"{own}freeze = []") == []


@pytest.mark.parametrize("value", ["backbone", ["backbone", 1], [""], dict(backbone=True)])
def test_what_is_no_list_of_parts(hooks, value: object):
    with pytest.raises(BadInputError, match=r"not a list of parts of the model.*\[\"backbone\"\]"):
        hooks(f"freeze = {value!r}")
