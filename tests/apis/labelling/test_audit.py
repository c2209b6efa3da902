"""From labels and a config to suspects: by folds, once; and by a run, on images that it was not trained on."""

import contextlib
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kpplugins.apis.labelling.audit import audit
from kpplugins.commands.dataset import main
from kpplugins.curation.convert import convert
from kpplugins.data.coco.writer import write_coco
from kpplugins.formats.open_source import open_source
from kpplugins.structures import BadInputError

TINY = """
_base_ = "{root}/configs/custom_hourglass_small.py"
input_size = (64, 64)
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=1))
loaded = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(**loaded, batch_size=4)
val_dataloader = test_dataloader = loaded
env_cfg = dict(mp_cfg=dict(mp_start_method="fork"))
"""


@pytest.fixture(scope="module")
def cats(drawn_cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn cats, converted; in one of them everything is far off."""
    folder = tmp_path_factory.mktemp("audited")
    convert(drawn_cats, folder / "good")
    _, reading = open_source(folder / "good")
    first = reading.records[0]
    keypoints = first.keypoints.copy()
    keypoints[:, :2] = np.clip(keypoints[:, :2] + [0.8 * np.sqrt(first.area), 0], 0, first.width - 1)
    reading.records[0] = replace(first, keypoints=keypoints)
    write_coco(reading, folder / "cats", reading.splits)
    return folder / "cats"


@pytest.fixture(scope="module")
def config(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "tiny.py"
    path.write_text(TINY.format(root=root))
    return path


@pytest.fixture(scope="module")
def audited(
    cats: Path, config: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str], list[dict]]:
    """The folder of an audit by two folds; what the command said when it was called twice; the checkpoints' times."""
    out = tmp_path_factory.mktemp("out")
    words = ["audit", str(cats), "--run", str(config), "--folds", "2", "--epochs", "1", "--out", str(out)]
    said, written = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "kpplugins.apis.comparison.result_row.in_fresh_process", lambda work, *args: work(*args)
        )
        for _ in range(2):
            with contextlib.redirect_stdout(io.StringIO()) as told:
                assert main(words) == 0
            said.append(told.getvalue())
            written.append({path: path.stat().st_mtime_ns for path in out.rglob("*.pth")})
    return out, said, written


def test_folds_are_trained_once_and_every_label_is_judged(audited):
    out, said, written = audited
    for text in said:
        assert "20 labelled instances against models trained on the other 1 of 2 folds (1 epoch each)" in text
        assert f"written: {out}: audit.html, audit.json" in text
    assert written[0] == written[1] and len(written[0]) >= 2
    content = json.loads((out / "audit.json").read_text())
    assert content["instances"] == 20 and content["median error px"] > 0
    tested = [
        json.loads((out / f"fold_{i}/data/annotations/test.json").read_text())["images"] for i in (1, 2)
    ]
    assert sum(map(len, tested)) == 20
    assert "Audit of cats" in (out / "audit.html").read_text()


def test_a_run_judges_what_it_was_not_trained_on(audited, cats: Path, tmp_path: Path):
    fold = audited[0] / "fold_1"
    learnt = {
        Path(i["file_name"]).name
        for i in json.loads((fold / "data/annotations/train.json").read_text())["images"]
    }
    report = audit(cats, fold / "run", out=tmp_path)
    assert len(report.evidence.records) == 20 - len(learnt) > 0
    assert not {r.image.name for r in report.evidence.records} & learnt
    assert f"{len(learnt)} of 20 images are left out: the run was trained on them" in report.text


def test_without_its_training_data_a_run_leaves_out_the_train_split(audited, cats: Path, tmp_path: Path):
    shutil.copytree(audited[0] / "fold_1", tmp_path / "fold")
    next((tmp_path / "fold/run").glob("best*.pth")).rename(tmp_path / "alone.pth")
    kept = (audited[0] / "fold_1/data").rename(tmp_path / "gone")
    try:
        report = audit(cats, tmp_path / "alone.pth", out=tmp_path / "out")
    finally:
        kept.rename(audited[0] / "fold_1/data")
    assert len(report.evidence.records) == 4  # val and test of twenty
    assert "not there to compare: the 16 images of the train split are taken for them" in report.text


def test_what_cannot_be_done_is_said(
    audited, cats: Path, config: Path, cups_and_plates: Path, tmp_path: Path
):
    with pytest.raises(BadInputError, match="without folds"):
        audit(cats, config, out=tmp_path, epochs=3)
    with pytest.raises(BadInputError, match="too few groups"):
        audit(cats, config, out=tmp_path, folds=15, epochs=1)
    with pytest.raises(BadInputError, match="other keypoints"):
        audit(cups_and_plates, audited[0] / "fold_1/run", out=tmp_path)
    with pytest.raises(BadInputError, match="trained on"):
        audit(audited[0] / "fold_1/data/annotations/train.json", audited[0] / "fold_1/run", out=tmp_path,
              images=cats / "images")  # fmt: skip
