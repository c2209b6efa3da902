"""What training leaves beside the weights."""

import json
from pathlib import Path

import pytest
from mmengine.config import Config

from kpplugins.apis.train import _record
from kpplugins.datasets import CatDataset
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.schema import KeypointSchema


@pytest.mark.parametrize(("mode", "kept"), [("topdown", "boxes.json"), ("bottomup", "classes.json")])
def test_prediction_needs_no_data(one_cat: Path, tmp_path: Path, mode: str, kept: str):
    dataset = CatDataset(str(one_cat), data_mode=mode)
    (tmp_path / "cats.py").write_text("model = dict(type='A', size=(1, 2))")
    cfg = Config.fromfile(tmp_path / "cats.py")
    record = _record(cfg, CAT_SCHEMA, dataset)
    assert record.name == "cats" and record.config == dict(model=dict(type="A", size=(1, 2)))
    record.save_beside(tmp_path)
    assert {path.name for path in tmp_path.glob("*.json")} == {"schema.json", kept}
    assert KeypointSchema.load(tmp_path / "schema.json") == CAT_SCHEMA
    if mode == "bottomup":
        assert json.loads((tmp_path / kept).read_text()) == ["cat"]
