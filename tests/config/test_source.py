"""Every form of config that MMEngine reads is read, once, and it is known who set what."""

import json
import logging
from pathlib import Path

import pytest
from mmengine.config import Config

from kpplugins.config.load import load_config
from kpplugins.config.source import read_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError

RES50 = "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py"
NEW_STYLE = """
from mmengine.config import read_base
from mmpose.codecs import MSRAHeatmap
from mmpose.datasets import CocoDataset, GenerateTarget, GetBBoxCenterScale, TopdownAffine
from mmpose.models import HeatmapHead

codec = dict(type=MSRAHeatmap, input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
data_root = "data/coco"
pipeline = [
    dict(type=GetBBoxCenterScale),
    dict(type=TopdownAffine, input_size=codec["input_size"]),
    dict(type=GenerateTarget, encoder=codec),
]
train_dataloader = dict(dataset=dict(type=CocoDataset, data_root=data_root, pipeline=pipeline))
model = dict(head=dict(type=HeatmapHead, out_channels=17, decoder=codec))
"""


def steps(cfg: Config) -> list:
    return cfg.train_dataloader.dataset.pipeline


def resized(cfg: Config) -> None:
    """The input size is (96, 128) wherever it counts."""
    assert tuple(cfg.codec.input_size) == (96, 128) and tuple(cfg.codec.heatmap_size) == (24, 32)
    (affine,) = (s for s in steps(cfg) if "TopdownAffine" in str(s.type))
    (target,) = (s for s in steps(cfg) if "GenerateTarget" in str(s.type))
    assert tuple(affine.input_size) == (96, 128)
    assert target.encoder == cfg.model.head.decoder == cfg.codec


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", f'_base_ = "{RES50}"\ninput_size = (96, 128)\n'),
        ("computed.py", f'_base_ = ["{RES50[:8]}" + "{RES50[8:]}"]\ninput_size = (96, 128)\n'),
        ("a.yaml", f"_base_: '{RES50}'\ninput_size: [96, 128]\n"),
        ("a.json", json.dumps({"_base_": RES50, "input_size": [96, 128]})),
    ],
)
def test_any_form_of_file(tmp_path: Path, name: str, text: str):
    (tmp_path / name).write_text(text)
    resized(load_config(tmp_path / name))


def test_new_style_and_types_as_classes(tmp_path: Path):
    (tmp_path / "base_config.py").write_text(NEW_STYLE)
    inherit = "from mmengine.config import read_base\n\nwith read_base():\n    from .base_config import *\n\n"
    (tmp_path / "child.py").write_text(f"{inherit}input_size = (96, 128)\nbox_padding = 1.0\n")
    cfg = load_config(tmp_path / "child.py")
    resized(cfg)
    assert steps(cfg)[0].padding == 1.0
    plain = load_config(tmp_path / "base_config.py")
    assert plain._cfg_dict.to_dict() == Config.fromfile(str(tmp_path / "base_config.py"))._cfg_dict.to_dict()


@pytest.mark.parametrize("type_", ["GetBBoxCenterScale", "mmpose.GetBBoxCenterScale", "class"])
def test_a_type_however_it_is_written(type_: str):
    from mmpose.datasets import GetBBoxCenterScale

    step = dict(type=GetBBoxCenterScale if type_ == "class" else type_)
    cfg = Config(dict(train_dataloader=dict(dataset=dict(type="CocoDataset", pipeline=[step]))))
    assert (
        load_config(cfg, cfg_options={"box_padding": 1.1}).train_dataloader.dataset.pipeline[0].padding == 1.1
    )


def test_a_config_as_object_works_like_its_file(root: Path):
    path = root / "configs/cat_hourglass_sample.py"
    options = {"input_size": (96, 96), "max_epochs": 7}
    of_file = load_config(path, cfg_options=options, schema=CAT_SCHEMA)
    of_object = load_config(Config.fromfile(str(path)), cfg_options=options, schema=CAT_SCHEMA)
    assert of_object._cfg_dict.to_dict() == of_file._cfg_dict.to_dict()
    changed = Config.fromfile(str(path))
    changed.input_size = (96, 96)
    assert load_config(changed, schema=CAT_SCHEMA).codec.heatmap_size == (24, 24)


def test_what_is_settled_stays_when_it_is_loaded_again(root: Path, tmp_path: Path):
    first = load_config(
        root / "configs/cat_hourglass_sample.py", cfg_options={"max_epochs": 7}, schema=CAT_SCHEMA
    )
    first.dump(tmp_path / "settled.py")
    again = load_config(tmp_path / "settled.py", schema=CAT_SCHEMA)
    assert again._cfg_dict.to_dict() == Config.fromfile(str(tmp_path / "settled.py"))._cfg_dict.to_dict()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("max_epoch = 3", r"mine\.py:2: unknown config key 'max_epoch'.*did you mean 'max_epochs'"),
        ("datta_root = 'x'", "did you mean 'data_root'"),
        ("train_pipline = []", "did you mean 'train_pipeline'"),  # a name of the base's
    ],
)
def test_near_misses_stop(tmp_path: Path, line: str, words: str):
    (tmp_path / "mine.py").write_text(f'_base_ = "{RES50}"\n{line}\n')
    with pytest.raises(BadInputError, match=words):
        load_config(tmp_path / "mine.py")


def test_other_variables_are_nobodys_business(tmp_path: Path):
    own = "note = 'second try'\ndata_root2 = 'y'\nmy_lr = 1e-4\noptim_wrapper = dict(optimizer=dict(lr=my_lr))\n"
    (tmp_path / "mine.py").write_text(f'_base_ = "{RES50}"\n{own}')
    cfg = load_config(tmp_path / "mine.py")
    assert (cfg.note, cfg.data_root2, cfg.optim_wrapper.optimizer.lr) == ("second try", "y", 1e-4)
    assert cfg._cfg_dict.to_dict() == Config.fromfile(str(tmp_path / "mine.py"))._cfg_dict.to_dict()


def test_each_change_is_logged_with_both_values(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "mine.py").write_text(f'_base_ = "{RES50}"\ninput_size = (96, 128)\n')
    with caplog.at_level(logging.INFO, "kpplugins"):
        load_config(tmp_path / "mine.py")
    assert "codec.input_size: (96, 128), (192, 256) before (from input_size)" in caplog.text
    assert "train_dataloader.dataset.pipeline[5].input_size: (96, 128), (192, 256) before" in caplog.text


def test_what_a_child_sets_itself_stays(tmp_path: Path):
    lines = "input_size = (96, 128)\ncodec = dict(input_size=(120, 160), heatmap_size=(30, 40))\n"
    (tmp_path / "mine.py").write_text(f'_base_ = "{RES50}"\n{lines}')
    with pytest.raises(BadInputError, match="input_size would change nothing"):
        load_config(tmp_path / "mine.py")


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each file of a chain is evaluated once, however many names have to be asked for."""
    read = []
    before = Config._pre_substitute_base_vars

    def counting(filename: str, temporary: str) -> dict:
        read.append(filename)
        return before(filename, temporary)

    (tmp_path / "a.py").write_text(f'_base_ = "{RES50}"\n')
    (tmp_path / "b.py").write_text('_base_ = "a.py"\ninput_size = (96, 128)\n')
    (tmp_path / "c.py").write_text('_base_ = "b.py"\nmax_epochs = 21\n')
    monkeypatch.setattr(Config, "_pre_substitute_base_vars", staticmethod(counting))
    load_config(tmp_path / "c.py")
    assert len(read) == 5  # these three, MMPose's, and its default_runtime


def test_layers_know_where_a_value_came_into_being(tmp_path: Path):
    (tmp_path / "a.py").write_text("x = 1\ny = dict(z=2)\n")
    (tmp_path / "b.py").write_text('_base_ = "a.py"\ny = dict(w=3)\n')
    (tmp_path / "c.py").write_text('_base_ = "b.py"\nx = 5\n')
    _, layer = read_config(tmp_path / "c.py")
    assert [Path(layer.origin(*path).name).name for path in (("x",), ("y", "w"), ("y", "z"))] == [
        "c.py",
        "b.py",
        "a.py",
    ]
    assert layer.earlier("x") == [1, 1]
