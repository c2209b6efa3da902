from pathlib import Path

import cv2
import numpy as np

import kpplugins.register  # noqa: F401
from kpplugins.datasets.transforms import LoadCachedImage


def test_a_image_is_decoded_once_and_never_changed_by_a_caller(tmp_path: Path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.full((4, 6, 3), 9, np.uint8))
    load = LoadCachedImage()
    first = load({"img_path": str(path)})
    first["img"][:] = 0
    path.unlink()  # from here on only the kept one is there
    second = load({"img_path": str(path)})
    assert second["img"].tolist() == np.full((4, 6, 3), 9).tolist()
    assert (second["img_shape"], second["ori_shape"]) == ((4, 6), (4, 6))


def test_a_image_that_is_there_already_is_taken():
    image = np.full((4, 6, 3), 7, np.uint8)
    loaded = LoadCachedImage()({"img_path": "row of a table", "img": image})
    assert loaded["img"] is image and loaded["ori_shape"] == (4, 6)


def test_what_does_not_fit_is_not_kept(tmp_path: Path):
    for name in "ab":
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.zeros((10, 10, 3), np.uint8))
    load = LoadCachedImage(cache_mb=0.0004)  # 400 bytes; an image has 300
    for name in "ab":
        load({"img_path": str(tmp_path / f"{name}.png")})
    assert [Path(p).name for p in load.kept] == ["a.png"]
