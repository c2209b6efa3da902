"""Configs inside checkpoints: data that come back as they were, and never run."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError
from kpplugins.weights.stored_config import built_config, config_from_text, plain_config


@pytest.mark.parametrize(
    "name",
    [
        "custom_hourglass_small",
        "custom_rtmpose_t",
        "facial_resnet18_fc",
        "custom_centernet",
        "detector_rtmdet_tiny",
    ],
)
def test_a_settled_config_comes_back_as_it_was(root: Path, name: str):
    cfg = load_config(root / f"configs/{name}.py", schema=CAT_SCHEMA)
    plain = plain_config(cfg)
    assert plain == cfg.to_dict() and type(plain["model"]) is dict
    assert config_from_text(cfg.pretty_text, "x.pth") == plain
    assert built_config(plain, "x.pth").to_dict() == plain


def test_mmposes_own_config_is_read_from_its_text():
    from mmengine.hub import get_config

    cfg = get_config("mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py")
    assert built_config(config_from_text(cfg.pretty_text, "x.pth"), "x.pth").model == cfg.model


def test_classes_become_names_and_tuples_stay_tuples():
    cfg = Config(dict(act=dict(type=torch.nn.ReLU), size=(1, [2, (3,)]), path=Path("a")))
    values = plain_config(cfg)
    assert values == {
        "act": {"type": "torch.nn.modules.activation.ReLU"}, "size": (1, [2, (3,)]), "path": "a",
    }  # fmt: skip
    assert built_config(values, "x.pth").size == (1, [2, (3,)])
    with pytest.raises(BadInputError, match=r"model\.a\[1\].*object"):
        plain_config(Config(dict(model=dict(a=[1, object()]))))


def test_text_is_read_and_not_run(tmp_path: Path):
    """A checkpoint whose config is Python instead of values."""
    found = config_from_text("'doc'\na = dict({'c d': (True, 'x')}, b=[1, -2.5, None, -inf])", "x.pth")
    assert found == {"a": {"b": [1, -2.5, None, float("-inf")], "c d": (True, "x")}}
    mark = tmp_path / "ran"
    for line in (
        f"import pathlib; pathlib.Path({str(mark)!r}).touch()",
        f"a = open({str(mark)!r}, 'w')",
        f"a = dict(b=__import__('pathlib').Path({str(mark)!r}).touch())",
        f"a = [i for i in (open({str(mark)!r}, 'w'),)]",
        "a = dict(**{})",
        "a.b = 1",
        "(",
    ):
        with pytest.raises(BadInputError, match="not plain values"):
            config_from_text(line, "x.pth")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (dict(model=dict(type="os.system", command="touch ran")), "type os.system"),
        (dict(model=dict(type="mmengine.load", file="x.pkl")), "type mmengine.load"),
        (dict(model=dict(type="mmengine.fileio.io.load")), "type mmengine.fileio.io.load"),
        (dict(model=dict(type="torch.hub.load")), "type torch.hub.load"),
        (dict(model=dict(type="torch.nn.os.system")), "type torch.nn.os.system"),
        (dict(model=[(dict(type="antigravity"),)]), "type antigravity"),
        (dict(custom_imports=dict(imports=["evil.code"])), "evil.code"),
        (dict(custom_imports=dict(imports="evil")), "evil"),
        (dict(default_scope="evil"), "scope evil"),
        (dict(model=dict(_scope_="evil")), "scope evil"),
        (dict(metainfo=dict(from_file=__file__)), "file "),
        ({"a = open('ran', 'w')  #": 1}, "key "),
        (dict(a={"': open('ran', 'w'), '": 1}), "key "),
    ],
)
def test_code_that_is_not_registered_is_refused(values: dict, found: str):
    """A checkpoint whose config names `os.system` as a class."""
    with pytest.raises(BadInputError) as caught:
        built_config(values, "x.pth")
    assert caught.value.found.startswith(found) and "--trust-checkpoint" in str(caught.value)


def test_names_that_openmmlab_registers_are_let_through():
    part = dict(keypoint_info={0: dict(name="nose", type="upper")}, act=dict(type="torch.nn.SiLU"))
    built_config(dict(a=part, b=dict(type="mmdet.RTMDet"), c=dict(type="mmpose.models.ResNet")), "x.pth")
    assert built_config(dict(model=dict(type="os.system")), "x.pth", trust=True).model.type == "os.system"
