"""What a run says of itself: in its checkpoint first, beside it second."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError, BoxLayout, VisibilityCalibration
from kpplugins.weights.checkpoints import read_checkpoint, run_of
from kpplugins.weights.run_record import KEY, RunRecord, config_of, record_of

PAIR = KeypointSchema("thing", ("head", "tail"), sigmas=(0.1, 0.2))
LAYOUT = BoxLayout(((-0.4, 0.0), (0.4, 0.0)), (1.0, 0.5))
SEEN = np.tile([[2, 0], [0, 2]], (30, 1))
VISIBILITY = VisibilityCalibration.fit(PAIR.keypoints, SEEN / 2, SEEN, np.ones((60, 2), bool))
CONFIG = dict(model=dict(type="RTMCCHead", size=(1, 2)))
RECORD = RunRecord("things", PAIR, ("cup", "plate"), LAYOUT, CONFIG, VISIBILITY)


def kept(folder: Path, **meta: object) -> Path:
    path = folder / "epoch_1.pth"
    torch.save({"state_dict": {}, "meta": meta}, path)
    return path


def test_it_comes_back_from_a_checkpoint_that_is_loaded_safely(tmp_path: Path):
    path = kept(tmp_path, **{KEY: RECORD.to_meta()})
    content = read_checkpoint(path)
    assert record_of(content, path) == RECORD
    assert config_of(None, content, path, RECORD).model.size == (1, 2)
    assert config_of("a.py", content, path, RECORD) == Path("a.py")


def test_the_checkpoint_goes_before_the_files_beside_it(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = kept(tmp_path, **{KEY: RECORD.to_meta()})
    content = read_checkpoint(path)
    RECORD.save_beside(tmp_path)
    (tmp_path / "things.py").write_text(Config(RECORD.config).pretty_text)
    assert record_of(content, path) == RECORD and config_of(None, content, path, RECORD)
    assert not caplog.records
    other = RunRecord(None, replace(PAIR, keypoints=("tail", "head")), ("plate", "cup"), LAYOUT)
    replace(other, layout=BoxLayout(LAYOUT.places, (1.0, 1.0))).save_beside(tmp_path)
    (tmp_path / "things.py").write_text("model = dict(type='RTMCCHead', size=(3, 2))")
    with caplog.at_level(logging.WARNING):
        assert record_of(content, path) == RECORD
        assert config_of(None, content, path, RECORD).model.size == (1, 2)
    assert len(caplog.messages) == 4 and all("is followed" in text for text in caplog.messages)
    for name in ("schema.json", "classes.json", "boxes.json", "things.py"):
        assert any(name in text for text in caplog.messages)


def test_the_visibility_beside_is_of_the_checkpoint_that_it_names(tmp_path: Path):
    path = kept(tmp_path, **{KEY: replace(RECORD, visibility=None, uncertainty=None).to_meta()})
    RECORD.save_calibrations(path)
    assert record_of(read_checkpoint(path), path) == RECORD
    other = path.rename(tmp_path / "epoch_2.pth")
    assert record_of(read_checkpoint(other), other).visibility is None
    (tmp_path / "visibility.json").write_text('{"checkpoint": "epoch_2.pth", "keypoints": 1}')
    with pytest.raises(BadInputError, match=r"visibility\.json: not a calibration of visibility"):
        record_of(read_checkpoint(other), other)
    meta = RECORD.to_meta()
    meta["visibility"]["keypoints"] = ["head", "wing"]
    path = kept(tmp_path, **{KEY: meta})
    with pytest.raises(
        BadInputError, match=r"epoch_1\.pth: what this checkpoint says of its run cannot be read"
    ):
        record_of(read_checkpoint(path), path)


def test_files_beside_serve_where_the_checkpoint_says_nothing(tmp_path: Path):
    path = kept(tmp_path)
    RECORD.save_beside(tmp_path)
    found = record_of(read_checkpoint(path), path)
    assert found == replace(RECORD, name=None, config=None, visibility=None)
    with pytest.raises(BadInputError, match="no config in or beside this checkpoint"):
        config_of(None, read_checkpoint(path), path, found)
    (tmp_path / "a.py").write_text("")
    assert config_of(None, read_checkpoint(path), path, found) == tmp_path / "a.py"
    (tmp_path / "boxes.json").write_text(json.dumps({"places": [[0, 0]], "size": [1, 1]}))
    with pytest.raises(BadInputError, match="box layout with another number of keypoints"):
        record_of(read_checkpoint(path), path)
    assert record_of({"a": torch.ones(1)}, tmp_path / "elsewhere/bare.pth") == RunRecord()


def test_mmposes_own_checkpoints_say_their_keypoints_and_their_config_as_text(tmp_path: Path):
    data = parse_pose_metainfo(CAT_SCHEMA.to_metainfo())
    path = kept(tmp_path, dataset_meta=data, cfg="model = dict(type='RTMCCHead', size=(1, 2))")
    content = read_checkpoint(path)
    found = record_of(content, path)
    assert found.schema.keypoints == CAT_SCHEMA.keypoints and found.schema.flip_pairs == CAT_SCHEMA.flip_pairs
    assert found.schema.sigmas == pytest.approx(CAT_SCHEMA.sigmas)
    assert config_of(None, content, path, found).model.size == (1, 2)
    CAT_SCHEMA.save(tmp_path / "schema.json")  # of the same keypoints, and it knows more of them
    assert record_of(content, path).schema == CAT_SCHEMA
    path = kept(tmp_path, dataset_meta={"classes": ("cup",), "keypoint_id2name": {0: "a"}}, cfg="import os")
    (tmp_path / "schema.json").unlink()
    content = read_checkpoint(path)
    assert record_of(content, path) == RunRecord(classes=("cup",))
    with pytest.raises(BadInputError, match="not plain values"):
        config_of(None, content, path, RunRecord())


@pytest.mark.parametrize(
    "schema",
    [
        KeypointSchema("thing", ("a", "b")),
        KeypointSchema("thing", ("a", "b"), flips="known"),
        KeypointSchema("thing", ("a", "b"), flip_pairs=(("a", "b"),), flips="one-sided"),
        KeypointSchema("thing", ("a", "b"), unpaired=("a",)),
    ],
    ids=["unknown", "none", "one-sided", "unpaired"],
)
def test_the_state_of_the_flips_is_in_the_checkpoint(tmp_path: Path, schema: KeypointSchema):
    own = kept(tmp_path, **{KEY: RunRecord(schema=schema).to_meta()})
    assert record_of(read_checkpoint(own), own).schema == schema
    data = parse_pose_metainfo(schema.to_metainfo()) | {
        "flips": schema.flips,
        "unpaired": list(schema.unpaired),
    }
    mmposes = kept(tmp_path, dataset_meta=data)
    found = record_of(read_checkpoint(mmposes), mmposes).schema
    assert (found.flips, found.unpaired, found.unflipped) == (schema.flips, schema.unpaired, schema.unflipped)


@pytest.mark.parametrize(
    "stored",
    [
        "text",
        {"schema": {"name": "x"}},
        {"box_layout": 3},
        {"config": [1]},
        {"schema": {"name": "a", "keypoints": ("a",)}, "box_layout": LAYOUT.__dict__},
    ],
)
def test_a_record_that_is_none_is_one_line(tmp_path: Path, stored: object):
    path = kept(tmp_path, **{KEY: stored})
    with pytest.raises(
        BadInputError, match=r"epoch_1\.pth: what this checkpoint says of its run cannot be read"
    ):
        record_of(read_checkpoint(path), path)


def test_a_checkpoint_in_the_place_of_a_config_brings_its_own():
    assert run_of("a/b.pth", None) == run_of(None, "a/b.pth") == (None, Path("a/b.pth"))
    assert run_of("a.py", "a/b.pth") == (Path("a.py"), Path("a/b.pth"))
