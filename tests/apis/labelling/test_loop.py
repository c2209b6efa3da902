"""What the page of the loop says of projects whose files are made by hand."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kpplugins.apis.labelling.loop import loop
from kpplugins.apis.labelling.standing import Measured, Split, standing_of
from kpplugins.commands import main
from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import write_coco
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

SCHEMA = KeypointSchema("pets", ("nose", "tail"))
METRICS = {
    "coco/AP": 0.5, "coco/EPE": 4.25, "config": "x.py",
    "intervals": {"level": 0.95, "numbers": {"coco/EPE": [3.5, 5.125], "coco/AP": None}},
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three images, two for training with an instance each, whose tail is labelled once; one for testing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    images = []
    for i, name in enumerate(("a.png", "b.png", "<i>c.png")):
        path = tmp_path / "photos" / name
        path.write_bytes(cv2.imencode(".png", np.full((40, 60, 3), 50 * i, np.uint8))[1].tobytes())
        images.append(path)
    records = [
        PoseRecord(path, 60, 40, np.array([[5, 6, 2], [20, 9, 1 - i]], float), np.array([1.0, 2, 30, 20]), 300.0, path)
        for i, path in enumerate(images[:2])
    ]  # fmt: skip
    reading = AnnotationSet(SCHEMA, records, backgrounds=[ImageInfo(images[2], 60, 40)])
    write_coco(reading, tmp_path / "data", dict(zip(images, ("train", "train", "test"), strict=True)))
    return tmp_path


def run_of(
    project: Path, name: str, metrics: dict[str, Any] | None, keypoints: KeypointSchema = SCHEMA
) -> Path:
    run = project / "work_dirs" / name
    run.mkdir(parents=True)
    keypoints.save(run / "schema.json")
    (run / "best_AP_epoch_1.pth").write_bytes(b"")
    if metrics is not None:
        (run / "metrics.json").write_text(json.dumps(metrics))
        cv2.imwrite(str(run / "errors.png"), np.zeros((10, 2000, 3), np.uint8))
    return run


def test_a_project_without_anything_but_labels(project: Path, capsys: pytest.CaptureFixture):
    standing = standing_of(Path("data"))
    assert standing.splits == [Split("train", 2, 2, 3), Split("val", 0, 0, 0), Split("test", 1, 0, 0)]
    assert standing.fewest == ("tail", 1) and standing.run is None
    assert main(["loop", "data"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:5] == [
        "train: 2 images, 2 instances, 3 keypoints", "val: 0 images, 0 instances, 0 keypoints",
        "test: 1 images, 0 instances, 0 keypoints", "labelled least often: tail, 1 times", "no run yet",
    ]  # fmt: skip
    assert said[5:] == [
        "next: look for faults in the labels: kpplugins dataset check data",
        "next: 1 test images tell little: label more of them, at least 50",
        "next: train: kpplugins train --auto --data data",
        "written: work_dirs/data_data/loop.html",
    ]
    page = Path("work_dirs/data_data/loop.html").read_text()
    assert "There is none with these keypoints" in page and "<img" not in page


def test_what_other_commands_found_is_on_the_page(project: Path):
    """A test with an interval, harmful findings, a suspect with markup in it, a curve, pre-labels, a pool."""
    run_of(project, "others", METRICS, KeypointSchema("pets", ("nose", "ear")))
    run = run_of(project, "mine", METRICS)
    about = project / "work_dirs/data_data"
    about.mkdir()
    (about / "check.json").write_text(json.dumps({"source": "data", "severities": {"harmful": 2, "note": 0}}))
    label = {"bbox": [1, 2, 30, 20], "keypoints": [[5, 6, 2], [20, 9, 1]]}
    suspect = {"kind": "keypoint-off", "what": "<script>alert(1)</script>", "label": label, "proposal": label}
    suspects = [{**suspect, "image": "gone.png"}, {**suspect, "image": str(project / "data/images/a.png")}]
    audit = {"source": str(project / "data"), "kinds": {"keypoint-off": 2}, "suspects": suspects}
    (about / "audit.json").write_text(json.dumps(audit))
    (project / "work_dirs/curve").mkdir()
    twice = {"samples": 4, "error": 3.0, "low": 2.5, "high": 3.25}
    (project / "work_dirs/curve/learning_curve.json").write_text(
        json.dumps({"metric": "EPE", "twice": twice, "data": "data"})
    )
    other = project / "work_dirs/other_curve/learning_curve.json"  # newer, but of other data
    other.parent.mkdir()
    other.write_text(json.dumps({"metric": "EPE", "twice": {**twice, "error": 99.0}, "data": "elsewhere"}))
    cv2.imwrite(str(project / "work_dirs/curve/learning_curve.png"), np.zeros((8, 8, 3), np.uint8))
    report = (
        json.loads((project / "data/report.json").read_text())
        if (project / "data/report.json").exists()
        else {}
    )
    report["pre-labels"] = {"keypoints": {"predicted": 8, "left alone": 0.75}}
    (project / "data/report.json").write_text(json.dumps(report))
    standing = loop(Path("data"), ["photos"], out=about)
    assert standing.run == Path("work_dirs/mine") == run.relative_to(project) and not standing.outdated
    assert [asdict(one) for one in standing.tested] == [
        {"name": "AP", "value": 0.5, "low": None, "high": None},
        {"name": "EPE", "value": 4.25, "low": 3.5, "high": 5.125},
    ]
    assert standing.lines == [
        "check: 2 harmful: work_dirs/data_data/check.html", "audit: 2 keypoint-off: work_dirs/data_data/audit.html",
        "learning curve: with twice the labels EPE 3 (2.5 to 3.25)",
        "pre-labels: of 8 keypoints 75 % left alone", "to be labelled: 3 images",
    ]  # fmt: skip
    assert [what.split(",")[0] for what, _ in standing.todo] == [
        "correct what check found harmful", "1 test images tell little: label more of them",
        "look at the labels that the audit suspects", "choose what to label next",
    ]  # fmt: skip
    assert standing.todo[-1][1] == (
        "kpplugins dataset next photos --run work_dirs/mine --labelled data --out next"
    )
    page = (about / "loop.html").read_text()
    assert "<script>" not in page and "&lt;script&gt;alert(1)" in page
    assert (
        page.count("data:image/jpeg;base64,") == 4
    )  # errors, curve, label and proposal; nothing of gone.png
    assert "3.5 to 5.125" in page and "not computed" in page
    # chosen already, and labels that are newer than the run
    Path("next").mkdir()
    Path("next/next.json").write_text(json.dumps({"images": [{}, {}]}))
    assert standing_of(Path("data"), ["photos"]).todo[-1][0].startswith("correct the images in next")
    os.utime(project / "data/annotations/train.json", (2e9, 2e9))
    standing = standing_of(Path("data"))
    assert standing.outdated and "the labels are newer" in standing.text
    assert standing.todo[-1] == (
        "train again: the labels are newer than the run",
        "kpplugins train --auto --data data",
    )


def test_a_run_that_was_not_tested_or_does_not_fit(project: Path):
    run_of(project, "untested", None)
    todo = dict(standing_of(Path("data")).todo)
    checkpoint = "work_dirs/untested/best_AP_epoch_1.pth"
    assert todo["test the run"] == f"kpplugins test {checkpoint} --data data --work-dir work_dirs/untested"
    assert "not tested" in standing_of(Path("data")).text
    other = run_of(project, "others", METRICS, KeypointSchema("pets", ("nose", "ear")))
    for run in (other, project):
        with pytest.raises(BadInputError, match="not a run with these keypoints"):
            standing_of(Path("data"), run=run)
    (project / "work_dirs/untested/metrics.json").write_text("{half")
    assert standing_of(Path("data")).tested == []
    assert Measured("AP", 0.51234).words == "AP 0.5123"


def test_a_test_of_weights_that_are_gone_is_none(project: Path):
    run = run_of(project, "mine", METRICS)
    os.utime(run / "metrics.json", (0, 0))
    standing = standing_of(Path("data"))
    assert standing.run == Path("work_dirs/mine") and not standing.tested
