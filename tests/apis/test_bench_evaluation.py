"""The figures of evaluating, over few pictures."""

import pytest

from kpplugins.apis.bench_evaluation import coco_evaluation


def test_ours_and_pycocotools_agree_and_are_timed():
    pytest.importorskip("pycocotools.coco", reason="the oracle pycocotools is not installed")
    figures = coco_evaluation(pictures=40)
    assert figures["largest difference"] < 1e-6
    assert figures["pictures"] == 40
    assert figures["speedup"] == pytest.approx(figures["pycocotools seconds"] / figures["seconds"])
    assert figures["speedup"] > 2  # 6 and more over 5000 pictures; this machine may be busy
