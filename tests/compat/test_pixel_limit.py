"""OpenCV keeps the limit of pixels by itself, where it can be told of it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

DECODE = """
import {first}, {second}, sys
from kpplugins.data.images import read_image
import kpplugins.compat.pixel_limit as limit
from kpplugins.structures import BadInputError
print(limit.opencv_keeps_it())
try: print(cv2.imread(sys.argv[1]).shape)
except cv2.error as error: print("refused" if "CV_IO_MAX_IMAGE_PIXELS" in str(error) else error)
try: read_image(sys.argv[1])
except BadInputError as error: print(error.what)
"""


@pytest.mark.parametrize(("first", "second"), [("kpplugins", "cv2"), ("cv2", "kpplugins")])
def test_an_image_of_too_many_pixels_is_refused_by_us_and_by_opencv(
    forks, tmp_path: Path, first: str, second: str, monkeypatch: pytest.MonkeyPatch
):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((10, 11, 3), np.uint8))
    monkeypatch.setenv("KPPLUGINS_MAX_PIXELS", "100")
    code = DECODE.format(first=first, second=second)
    done = forks().run(["-c", code, str(tmp_path / "a.png")], tmp_path)
    keeps = first == "kpplugins"
    decoded = "refused" if keeps else "(10, 11, 3)"
    assert done.stdout.splitlines() == [str(keeps), decoded, "image has too many pixels"], done.stderr
