"""What training leaves beside the weights."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from kpplugins.apis.train import _keep
from kpplugins.datasets import CatDataset
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.schema import KeypointSchema


@pytest.mark.parametrize(("mode", "kept"), [("topdown", "boxes.json"), ("bottomup", "classes.json")])
def test_prediction_needs_no_data(one_cat: Path, tmp_path: Path, mode: str, kept: str):
    dataset = CatDataset(str(one_cat), data_mode=mode)
    loader = SimpleNamespace(dataset=dataset)
    _keep(
        SimpleNamespace(work_dir=str(tmp_path), keep_config=lambda: None, train_dataloader=loader), CAT_SCHEMA
    )
    assert {path.name for path in tmp_path.glob("*.json")} == {"schema.json", kept}
    assert KeypointSchema.load(tmp_path / "schema.json") == CAT_SCHEMA
    if mode == "bottomup":
        assert json.loads((tmp_path / kept).read_text()) == ["cat"]
