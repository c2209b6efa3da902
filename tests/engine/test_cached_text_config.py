"""A config's text is MMEngine's, formatted once for each state."""

import copy

import pytest
import yapf.yapflib.yapf_api as yapf
from mmengine.config import Config

from kpplugins.engine.cached_text_config import CachedTextConfig


def test_the_text_is_formatted_again_only_after_a_change(monkeypatch: pytest.MonkeyPatch):
    formatted, format_code = [], yapf.FormatCode

    def counted(text: str, **kwargs):
        formatted.append(text)
        return format_code(text, **kwargs)

    monkeypatch.setattr(yapf, "FormatCode", counted)
    plain = Config(dict(model=dict(type="A", depth=2), lr=0.1))
    cached = CachedTextConfig.of(plain)
    assert cached.pretty_text == cached.pretty_text == copy.deepcopy(cached).pretty_text
    assert len(formatted) == 1
    assert cached.pretty_text == plain.pretty_text and len(formatted) == 2
    cached.model.depth = 3
    assert "depth=3" in cached.pretty_text and len(formatted) == 3
    assert cached.pretty_text == plain.pretty_text  # both share their values
