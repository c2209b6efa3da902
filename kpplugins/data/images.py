"""Read images: size and completeness from the header, and the decoded pixels."""

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kpplugins.compat.pixel_limit import LIMIT_NAME, most_pixels, opencv_keeps_it
from kpplugins.data.pixel_rule import PixelRule
from kpplugins.data.placement.made_on import TURNED
from kpplugins.storage.files import is_file, open_file, read_bytes, size_of
from kpplugins.structures import BadInputError, MachineError
from kpplugins.structures.replaced_file import replace_bytes

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
"""Lower-case endings of files that count as images."""

_EXIF_ORIENTATION = 0x0112
_TURNED_BY_OPENCV = ("JPEG", "MPO", "PNG", "TIFF")
"""File types whose EXIF orientation OpenCV applies; a rotated WebP stays as it is stored."""
_WITH_EXIF = (*_TURNED_BY_OPENCV, "WEBP")
_BACK = {6: 8, 8: 6}
"""EXIF orientations that another one undoes; the others undo themselves."""
_END_MARKS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
TYPE_RANGE = PixelRule()
"""The rule of those who state none."""
FEWEST_LEVELS = 32
"""Grey levels, of 256, below which hardly anything is left to learn from."""
SHOWN = PixelRule(percentile=(0.5, 99.5))
"""The rule for images that people look at: what is dark on the disk is not dark on a page."""
_TOO_MANY = "image has too many pixels"
_PNG_DEPTH = 24
"""Where a PNG says how many bits a channel has."""
_ANY_NUMBER = threading.Lock()
_TAIL = 4096
"""Bytes at the end of a file that are searched for its end mark; cameras may append a few bytes."""


@dataclass(frozen=True)
class ImageHeader:
    """What an image file says of itself.

    Attributes:
        width: in pixels as OpenCV decodes it.
        height: in pixels as OpenCV decodes it.
        orientation: 1, or the EXIF orientation that leads to the decoded image from the one that other programs may
            have shown: from the stored one where OpenCV turns it, else from the turned one.
    """

    width: int
    height: int
    orientation: int = 1


def read_size(path: Path) -> tuple[int, int]:
    """Read an image's size as OpenCV will decode it (EXIF orientation applied).

    Args:
        path: the image file.

    Returns:
        Width and height in pixels.

    Raises:
        BadInputError: see ``read_header``.
    """
    header = read_header(path)
    return header.width, header.height


def read_header(path: Path) -> ImageHeader:
    """Read an image's size and EXIF orientation.

    Args:
        path: the image file.

    Returns:
        Its header.

    Raises:
        BadInputError: the file is missing, empty, not an image, larger than is decoded (see
            ``compat.pixel_limit``), or cut off (a JPEG or PNG
            without its end mark).
    """
    from PIL import Image, UnidentifiedImageError
    from PIL.TiffImagePlugin import BITSPERSAMPLE, IMAGELENGTH, IMAGEWIDTH, TiffImageFile

    with _of_the_image(path):
        there, empty = is_file(path), is_file(path) and size_of(path) == 0
    if not there:
        raise BadInputError("image is missing", where=str(path), todo="restore it or delete its annotation")
    if empty:
        raise BadInputError("image is empty (0 bytes)", where=str(path), todo="fetch it again")
    try:
        with _any_number_of_pixels(), _of_the_image(path), open_file(path) as file, Image.open(file) as image:
            size, kind, depth = image.size, image.format or "", 8
            # asked for EXIF that a PNG does not have, Pillow decodes all of it to search after the pixels
            tagged = kind in _WITH_EXIF and (kind != "PNG" or "exif" in image.info)
            tag = image.getexif().get(_EXIF_ORIENTATION, 1) if tagged else 1
            if isinstance(image, TiffImageFile):  # whose size Pillow turns itself
                size = image.tag_v2[IMAGEWIDTH], image.tag_v2[IMAGELENGTH]
                depth = max(image.tag_v2.get(BITSPERSAMPLE, (8,)))
            elif kind == "PNG":
                depth = _byte(file, _PNG_DEPTH)
            whole = kind not in _END_MARKS or _ends_with(file, _END_MARKS[kind])
    except UnidentifiedImageError as error:
        raise BadInputError(
            "not an image", where=str(path), expected="JPEG, PNG, …", todo="fetch it again"
        ) from error
    except BadInputError:
        raise
    except (OSError, ValueError, SyntaxError) as error:
        raise BadInputError(
            f"image cannot be read ({error})", where=str(path), todo="fetch it again"
        ) from error
    _require_few_pixels(path, size[0], size[1], depth)
    if not whole:
        raise BadInputError(
            "image is truncated",
            where=str(path),
            expected=f"the end mark of a {kind} file",
            todo="fetch it again",
        )
    orientation = tag if tag in range(1, 9) else 1
    if kind not in _TURNED_BY_OPENCV:
        return ImageHeader(size[0], size[1], _BACK.get(orientation, orientation))
    width, height = size[::-1] if orientation in TURNED else size
    return ImageHeader(width, height, orientation)


def read_image(path: str | Path, rule: PixelRule = TYPE_RANGE) -> np.ndarray:
    """Read and decode an image, EXIF orientation applied: the one reader of pixels, for training as for prediction.

    Grey images get three equal channels. An alpha channel is dropped, whatever it hides.

    Args:
        path: the image file.
        rule: how images of more than 8 bits become 8 bits.

    Returns:
        (H, W, 3) BGR uint8.

    Raises:
        BadInputError: the file is missing, cannot be decoded, or does not suit the rule.
    """
    return as_bgr(read_pixels(path), str(path), rule)


def read_pixels(path: str | Path) -> np.ndarray:
    """Read and decode an image at its own depth, EXIF orientation applied.

    Args:
        path: the image file.

    Returns:
        (H, W, 3) BGR; of a TIFF of more than 8 bits whatever it holds, see ``as_bgr``.

    Raises:
        BadInputError: the file is missing, too large, or cannot be read or decoded.
    """
    import cv2

    file = Path(path)
    try:
        if not opencv_keeps_it():
            _refuse_too_many_pixels(file)
        with _of_the_image(file):
            there = is_file(file)
            content = read_bytes(file) if there else b""
    except OSError as error:  # no permission, a broken disk, a name that is too long
        raise BadInputError(f"image cannot be read ({error.strerror or error})", where=str(file)) from error
    packed = np.frombuffer(content or b"\0", np.uint8)
    image = None
    try:
        if packed[:4].tobytes() in _TIFF:  # OpenCV decodes floats and 32 bits only as they are
            image = cv2.imdecode(packed, cv2.IMREAD_UNCHANGED)
        if image is None or image.dtype == np.uint8:
            image = cv2.imdecode(packed, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except (cv2.error, MemoryError) as error:
        read_size(file)  # says so if it is too large
        reason = " ".join(str(error).split())[-100:] or "not enough memory"
        raise BadInputError(f"image cannot be decoded ({reason})", where=str(file)) from error
    if image is None:
        what = "image cannot be decoded" if there else "image is missing"
        raise BadInputError(what, where=str(file), todo="fetch it again")
    return np.asarray(image)


def as_bgr(image: np.ndarray, where: str = "image", rule: PixelRule = TYPE_RANGE) -> np.ndarray:
    """Bring an array as OpenCV decodes images to the shape and type that networks take.

    Args:
        image: (H, W), or (H, W, C) grey, grey with alpha, BGR or BGR with alpha, of any numeric type.
        where: for messages.
        rule: how more than 8 bits become 8 bits.

    Returns:
        (H, W, 3) BGR uint8; the same array if it is that already.

    Raises:
        BadInputError: another shape or type, or values that do not suit the rule.
    """
    if image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8 and image.size:
        return image
    shown = image[..., None] if image.ndim == 2 else image
    if shown.ndim != 3 or not 1 <= shown.shape[2] <= 4 or shown.dtype.kind not in "uifb" or not shown.size:
        raise BadInputError(
            "not an image", where=where, expected="(H, W, 3) uint8, or one to four channels of another type",
            found=f"{image.shape} {image.dtype}",
        )  # fmt: skip
    colours = shown[..., :3] if shown.shape[2] >= 3 else shown[..., :1]
    levels = rule(colours, where)
    return np.ascontiguousarray(levels if levels.shape[2] == 3 else np.repeat(levels, 3, axis=2))


def _require_few_pixels(path: Path, width: int, height: int, depth: int) -> None:
    """Raise if an image has more pixels than are decoded; one of more than 8 bits (``depth``) has its share of them."""
    limit = most_pixels() * 8 // max(depth, 8)
    if width * height > limit:
        raise BadInputError(
            _TOO_MANY, where=str(path), expected=f"at most {limit:,} of {max(depth, 8)} bits",
            found=f"{width}×{height} = {width * height:,}",
            todo=f"scale it down, cut it into tiles, or set {LIMIT_NAME} in the environment",
        )  # fmt: skip


def _refuse_too_many_pixels(path: Path) -> None:
    """Raise if an image has too many pixels; what else is wrong with it is found by decoding it."""
    try:
        read_header(path)
    except BadInputError as error:
        if error.what == _TOO_MANY or error.where == LIMIT_NAME:
            raise


@contextmanager
def _of_the_image(path: Path) -> Iterator[None]:
    """Say of an image what is said of a file in an archive or elsewhere."""
    try:
        yield
    except MachineError:
        raise
    except BadInputError as error:
        raise BadInputError(
            f"image {error.what}",
            where=str(path),
            expected=error.expected,
            found=error.found,
            todo=error.todo,
        ) from error


@contextmanager
def _any_number_of_pixels() -> Iterator[None]:
    """Let Pillow read the header of an image of any size; no pixels are decoded."""
    from PIL import Image

    with _ANY_NUMBER:  # one thread after the other, or the second would keep the first one's None
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _byte(file: BinaryIO, place: int) -> int:
    file.seek(place)
    return ord(file.read(1) or b"\0")


def _ends_with(file: BinaryIO, mark: bytes) -> bool:
    end = file.seek(0, io.SEEK_END)
    file.seek(max(0, end - _TAIL))
    return mark in file.read()


def write_image(path: Path, image: np.ndarray, options: Sequence[int] = ()) -> None:
    """Write an image completely or not at all.

    Args:
        path: the file; its suffix names the format.
        image: (H, W) or (H, W, 3) BGR.
        options: of OpenCV's ``imencode``.

    Raises:
        BadInputError: OpenCV does not know the format, or the file cannot be written.
    """
    import cv2

    try:
        done, content = cv2.imencode(path.suffix, image, list(options))
    except cv2.error as error:
        raise BadInputError(f"cannot be written as {path.suffix or 'an image'}", where=str(path)) from error
    if not done:
        raise BadInputError(f"cannot be written as {path.suffix}", where=str(path))
    replace_bytes(path, content.tobytes())
