"""Curves of the error by keypoint."""

import sys
from pathlib import Path

import cv2
import numpy as np

from kpplugins.visualization.error_curves import cumulated, plot_errors


def test_the_share_within_an_error_by_hand():
    """Of four labelled keypoints one is missed: within 0.05 there are two, and never more than three."""
    shares = np.array([[0.01, 0.05], [0.15, np.nan], [0.0, 0.0]])
    labelled = np.array([[True, True], [True, True], [False, False]])
    errors, found = cumulated(shares, labelled)
    at = dict(zip(errors.round(3), found, strict=True))
    assert (at[0.0], at[0.01], at[0.05], at[0.149], at[0.15], at[0.2]) == (0, 0.25, 0.5, 0.5, 0.75, 0.75)


def test_the_plot_is_an_image_unless_nothing_is_labelled(tmp_path: Path):
    sys.path.insert(0, str(Path(__file__).parent.parent / "evaluation"))
    from test_evaluation_result import result

    one = result(n=12)
    assert plot_errors(one, tmp_path / "errors.png") == tmp_path / "errors.png"
    image = cv2.imread(str(tmp_path / "errors.png"))
    assert image.shape[1] > 1000 and len(np.unique(image.reshape(-1, 3), axis=0)) > 20
    one.visibility[:] = 0
    assert plot_errors(one, tmp_path / "none.png") is None and not (tmp_path / "none.png").exists()
