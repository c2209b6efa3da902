from pathlib import Path

import cv2
import numpy as np
import pytest

import kpplugins.register  # noqa: F401
from kpplugins.datasets.transforms import ImageAffine, LoadCachedImage
from kpplugins.structures import BadInputError


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


def test_deep_images_become_8_bits_by_the_rule(tmp_path: Path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.array([[0, 2048, 4095]], np.uint16))
    for pixels, expected in ((None, [0, 8, 15]), ({"range": (0, 4095)}, [0, 128, 255])):
        load = LoadCachedImage(pixels=pixels)
        for _ in range(2):  # read, and kept
            loaded = load({"img_path": str(path)})
            assert loaded["img"][0, :, 1].tolist() == expected and loaded["ori_shape"] == (1, 3)


def test_deep_images_of_which_hardly_anything_is_left_are_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    cv2.imwrite(str(tmp_path / "a.png"), np.array([[7306, 7541]], np.uint16))
    for pixels, said in (({"percentile": (0, 100)}, 0), (None, 1)):
        load = LoadCachedImage(cache_mb=0, pixels=pixels)
        for _ in range(2):
            load({"img_path": str(tmp_path / "a.png")})
        assert (
            caplog.text.count("of its values 7306 to 7541 (uint16) only 28 to 29 of 0 to 255 are left")
            == said
        )


def test_mmposes_arguments_leave_the_reading_to_mmpose(tmp_path: Path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.full((4, 6, 3), 9, np.uint8))
    assert LoadCachedImage(to_float32=True)({"img_path": str(path)})["img"].dtype == np.float32
    with pytest.raises(BadInputError, match="knows no `pixels`; found to_float32"):
        LoadCachedImage(pixels={"range": (0, 9)}, to_float32=True)


def test_what_is_reduced_in_any_case_is_kept_reduced(tmp_path: Path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.full((90, 160, 3), 9, np.uint8))
    load = LoadCachedImage()
    step = ImageAffine((40, 40))
    for _ in range(2):
        found = load.reduced({"img_path": str(path)}, step)
        assert found["img"].shape == (22, 40, 3) and found["img_shape"] == found["ori_shape"] == (90, 160)
        assert step(found)["img"].max() == 9
        path.unlink(missing_ok=True)
    ((kept, whole),) = load.kept.values()
    assert kept.nbytes == 22 * 40 * 3 and whole == (90, 160)
