"""The figures of one-stage models, over few images and a small network."""

from pathlib import Path

import pytest

from benchmarks.one_stage import centernet_codec, keypoint_rcnn


def test_targets_are_made_and_read_and_both_are_timed():
    figures = centernet_codec(images=5, instances=2)
    assert set(figures) == {"encode images a second", "decode ms", "decode noise ms"}
    assert all(value > 0 for value in figures.values())


def test_our_predictor_and_torchvision_take_turns(root: Path):
    figures = keypoint_rcnn(root / "configs/glue_tubes_keypoint_rcnn_mobilenet.py", rounds=3)
    assert figures["found"] > 50  # random weights find much
    assert figures["ratio"] == pytest.approx(figures["ours ms"] / figures["torchvision ms"], rel=0.5)
    assert figures["ratio"] < 2
