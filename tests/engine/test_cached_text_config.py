"""A config's text is MMEngine's, formatted once for each value."""

import copy
from pathlib import Path

import pytest
import yapf.yapflib.yapf_api as yapf
from mmengine.config import Config

from kpplugins.engine.cached_text_config import CachedTextConfig


def test_only_what_was_changed_is_formatted_again(monkeypatch: pytest.MonkeyPatch):
    formatted, format_code = [], yapf.FormatCode

    def counted(text: str, **kwargs):
        formatted.append(text)
        return format_code(text, **kwargs)

    monkeypatch.setattr(yapf, "FormatCode", counted)
    plain = Config(dict(model=dict(type="A", depth=2.625), seed_of_this_test=1))
    cached = CachedTextConfig.of(plain)
    assert cached.pretty_text == cached.pretty_text == copy.deepcopy(cached).pretty_text
    assert len(formatted) == 2
    assert cached.pretty_text == plain.pretty_text and len(formatted) == 3
    cached.model.depth = 3.625
    assert "depth=3.625" in cached.pretty_text and len(formatted) == 4
    assert cached.pretty_text == plain.pretty_text  # both share their values
    cached.seed_of_this_test = True  # equal to 1, but not the same text
    assert "seed_of_this_test = True" in cached.pretty_text and cached.pretty_text == plain.pretty_text


@pytest.mark.parametrize(
    "name", ["custom_centernet", "cat_hourglass", "facial_resnet18_fc", "detector_rtmdet_tiny"]
)
def test_a_config_has_mmengines_text(root: Path, name: str):
    plain = Config.fromfile(root / f"configs/{name}.py")
    assert CachedTextConfig.of(plain).pretty_text == plain.pretty_text


def test_names_that_are_no_identifiers():
    plain = Config({"a-b": 1, "c": {"d e": [1]}})
    cached = CachedTextConfig.of(plain)
    assert cached._format_python_code
    with pytest.raises(SyntaxError):
        _ = plain.pretty_text
    with pytest.raises(SyntaxError):
        _ = cached.pretty_text
