"""The plot of predicted against found uncertainty."""

from pathlib import Path

import cv2
import numpy as np

from kpplugins.visualization.reliability import plot_reliability
from kpplugins.visualization.table import uncertainty_table

NUMBERS = {
    "keypoints": 40,
    "coverage": [dict(level=0.5, found=0.45, radius=1.5), dict(level=0.9, found=0.925, radius=3.25)],
    "reliability": [dict(sigma=1.0, found=1.2, keypoints=20), dict(sigma=2.0, found=1.8, keypoints=20)],
    "kept": [dict(share=1.0, EPE=2.0), dict(share=0.9, EPE=1.5)],
    "per_keypoint": [],
}
NOTHING = {"keypoints": 0, "coverage": [], "reliability": [], "kept": [], "per_keypoint": []}


def test_it_is_drawn(tmp_path: Path):
    image = cv2.imread(str(plot_reliability(NUMBERS, tmp_path / "reliability.png")))
    assert image.shape == (450, 1300, 3)
    for third in np.array_split(image, 3, axis=1):
        assert (third < 200).mean() > 0.01
    assert plot_reliability(NOTHING, tmp_path / "none.png") is None and not (tmp_path / "none.png").exists()


def test_the_tables():
    text = uncertainty_table(NUMBERS)
    assert "| 90%                  | 92.5%                 | 3.25           |" in text
    assert "| 90%                  | 1.50   |" in text and uncertainty_table(NOTHING) == ""
