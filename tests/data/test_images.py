import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from kpplugins.data.images import as_bgr, read_image, read_size
from kpplugins.data.pixel_rule import PixelRule
from kpplugins.structures import BadInputError


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp"])
def test_size_is_what_opencv_decodes(tmp_path: Path, ending: str):
    path = tmp_path / f"a.{ending}"
    cv2.imwrite(str(path), np.zeros((30, 50, 3), np.uint8))
    assert read_size(path) == (50, 30)


def test_exif_orientation_is_applied_as_opencv_does(tmp_path: Path):
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90°
    Image.new("RGB", (50, 30)).save(path, exif=exif)
    height, width = cv2.imread(str(path)).shape[:2]
    assert read_size(path) == (width, height) == (30, 50)


def test_an_image_that_may_not_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a.png").touch()

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(BadInputError, match=r"a\.png: image cannot be read \(Permission denied\)"):
        read_image(tmp_path / "a.png")
    monkeypatch.undo()
    with pytest.raises(BadInputError, match=r"image cannot be read \(File name too long\)"):
        read_image(tmp_path / ("a" * 300))


def test_a_missing_image_is_named(tmp_path: Path):
    with pytest.raises(BadInputError, match="gone.jpg: image is missing"):
        read_size(tmp_path / "gone.jpg")


def huge(path: Path, width: int, height: int) -> Path:
    """A PNG of black pixels with one bit each."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer, row = zlib.compressobj(1), bytes(width // 8 + 1)
    rows = b"".join(packer.compress(row * 100) for _ in range(height // 100)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def test_more_pixels_than_are_decoded_are_one_line(tmp_path: Path):
    path = huge(tmp_path / "a.png", 20_000, 10_100)
    for read in (read_size, read_image):
        with pytest.raises(BadInputError, match="too many pixels.*200,000,000.*20000×10100"):
            read(path)


def test_the_limit_is_set_by_the_environment_and_halved_for_16_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KPPLUGINS_MAX_PIXELS", "100")
    for ending in ("png", "tiff"):
        for kind, most in ((np.uint8, 10), (np.uint16, 5)):
            fits, larger = (np.zeros((10, most + more), kind) for more in (0, 1))
            path = written(tmp_path / f"a.{ending}", fits)
            assert read_image(path).shape == (10, most, 3) and read_size(path) == (most, 10)
            for read in (read_size, read_image):
                with pytest.raises(BadInputError, match="too many pixels; expected at most"):
                    read(written(path, larger))
    for wrong in ("many", "0", "-1"):
        monkeypatch.setenv("KPPLUGINS_MAX_PIXELS", wrong)
        with pytest.raises(BadInputError, match="KPPLUGINS_MAX_PIXELS: not a number of pixels"):
            read_image(path)


def test_more_pixels_than_pillow_likes_are_fine(tmp_path: Path):
    assert read_size(huge(tmp_path / "a.png", 20_000, 10_000)) == (20_000, 10_000)
    assert Image.MAX_IMAGE_PIXELS == 89_478_485  # as before
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(read_size, [tmp_path / "a.png"] * 200)) == {(20_000, 10_000)}
    assert Image.MAX_IMAGE_PIXELS == 89_478_485


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_cut_off_file_is_found_without_decoding(tmp_path: Path, ending: str):
    path = tmp_path / f"a.{ending}"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(BadInputError, match="truncated"):
        read_size(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_the_size_is_that_of_the_decoded_image_whatever_exif_says(tmp_path: Path, suffix: str):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    path = tmp_path / f"turned{suffix}"
    Image.new("RGB", (60, 40)).save(path, exif=exif)
    assert read_size(path) == read_image(path).shape[1::-1]


def written(path: Path, image: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), image)
    return path


@pytest.mark.parametrize("ending", ["png", "tiff"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_one_three_and_four_channels_are_read_alike(tmp_path: Path, channels: int, kind: type, ending: str):
    grey = np.arange(0, 240, 10, np.uint8).reshape(4, 6)
    deep = grey.astype(kind) << (8 if kind == np.uint16 else 0)
    stored = deep if channels == 1 else np.dstack([deep, deep, deep, np.full_like(deep, 7)][:channels])
    image = read_image(written(tmp_path / f"a.{ending}", stored))
    assert image.dtype == np.uint8 and (image == grey[..., None]).all() and image.shape == (4, 6, 3)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floats_from_0_to_1_and_what_else_floats_hold(tmp_path: Path, kind: type):
    levels = np.linspace(0, 1, 24).reshape(4, 6).astype(kind)
    image = read_image(written(tmp_path / "a.tiff", levels))
    assert image[..., 0].tolist() == np.rint(levels * 255).tolist()
    warm = written(tmp_path / "b.tiff", levels * 20 + 15)
    with pytest.raises(BadInputError, match=r"b\.tiff: image of float\d\d outside 0 to 1; found 15 to 35"):
        read_image(warm)
    assert read_image(warm, PixelRule(range=(15, 35)))[..., 0].tolist() == image[..., 0].tolist()


def test_the_default_is_what_opencv_and_mmpose_see(tmp_path: Path):
    deep = np.random.default_rng(0).integers(0, 65_536, (20, 30), np.uint16)
    for name, image in (("a.png", deep), ("b.tiff", deep), ("c.png", np.dstack([deep] * 3))):
        path = written(tmp_path / name, image)
        assert (read_image(path) == cv2.imread(str(path))).all()


def test_arrays_that_are_no_images():
    for array in (np.zeros((4, 5, 6), np.uint8), np.zeros(4), np.zeros((0, 3, 3)), np.zeros((2, 2), complex)):
        with pytest.raises(BadInputError, match="not an image"):
            as_bgr(array)
    image = np.zeros((4, 5, 3), np.uint8)
    assert as_bgr(image) is image
