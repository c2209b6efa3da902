"""Where a keypoint of the stored image lies in the decoded one, as OpenCV decodes a marked pixel."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kpplugins.data.images import read_header, read_image
from kpplugins.data.placement.made_on import TURNED, MadeOn, turn_box, turn_points

EXIF_ORIENTATION = 0x0112


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_marked_pixel_is_where_opencv_decodes_it(tmp_path: Path, orientation: int, suffix: str):
    pixels = np.zeros((5, 7, 3), np.uint8)
    pixels[1, 4] = 255  # x 4, y 1 of 7×5
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(pixels).save(path, exif=exif)
    ((row, column),) = np.argwhere(read_image(path)[..., 0] > 0)
    assert turn_points(np.array([[4.0, 1.0]]), 7, 5, orientation).tolist() == [[column, row]]
    header = read_header(path)
    assert header.orientation == orientation
    assert (header.width, header.height) == ((5, 7) if orientation in TURNED else (7, 5))


def test_opencv_leaves_a_webp_as_it_is_stored_so_the_way_leads_back(tmp_path: Path):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    pixels = np.zeros((5, 7, 3), np.uint8)
    pixels[1, 4] = 255
    Image.fromarray(pixels).save(tmp_path / "a.webp", exif=exif, lossless=True)
    header = read_header(tmp_path / "a.webp")
    assert (header.width, header.height, header.orientation) == (7, 5, 8)
    shown = turn_points(np.array([[4.0, 1.0]]), 7, 5, 6)  # where a browser shows it, in 5×7
    assert shown.tolist() == [[3, 4]]
    assert MadeOn(5, 7, 8).to_image(shown, 7, 5).tolist() == [[4, 1]]


def test_a_box_stays_upright():
    # 160×120, turned clockwise: x becomes 119 - y, y becomes x
    assert turn_box(np.array([10.0, 20, 40, 60]), 160, 120, 6).tolist() == [59, 10, 99, 40]


def test_it_is_turned_first_and_scaled_then_about_the_corner_of_the_image():
    # (10, 20) of 160×120 turned clockwise is (99, 10) of 120×160; in 60×80, pixels are twice as wide
    made_on = MadeOn(160, 120, 6)
    assert made_on.to_image(np.array([[10.0, 20.0]]), 60, 80).tolist() == [
        [(99 + 0.5) / 2 - 0.5, (10 + 0.5) / 2 - 0.5]
    ]
    assert made_on.to_image(np.array([[10.0, 20.0]]), 120, 160).tolist() == [[99, 10]]
