"""The figures of evaluating, over few images."""

import pytest

from benchmarks.evaluation import coco_evaluation


def test_ours_and_pycocotools_agree_and_are_timed():
    pytest.importorskip("pycocotools.coco", reason="the oracle pycocotools is not installed")
    figures = coco_evaluation(images=40)
    assert figures["largest difference"] < 1e-6
    assert figures["images"] == 40
    assert figures["speedup"] == pytest.approx(figures["pycocotools seconds"] / figures["seconds"])
    assert figures["speedup"] > 2  # 6 and more over 5000 images; this machine may be busy
