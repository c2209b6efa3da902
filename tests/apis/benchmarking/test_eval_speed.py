"""The figures of evaluating, over few images."""

import pytest

from kpplugins.apis.benchmarking import eval_speed as module
from kpplugins.apis.benchmarking.eval_speed import eval_speed
from kpplugins.structures import BadInputError


def test_ours_and_pycocotools_agree_and_are_timed():
    pytest.importorskip("pycocotools.coco", reason="the oracle pycocotools is not installed")
    report = eval_speed(images=40)
    ours, theirs = report.rows
    assert report.facts["largest difference"] < 1e-6 and report.facts["images"] == 40
    assert report.facts["speedup"] == pytest.approx(theirs["seconds"] / ours["seconds"])
    assert report.facts["speedup"] > 2  # 6 and more over 5000 images; this machine may be busy


def test_without_pycocotools_ours_alone_is_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    report = eval_speed(images=5)
    assert len(report.rows) == 1 and "not installed" in report.words
    with pytest.raises(BadInputError, match="not a number of images"):
        eval_speed(0)
