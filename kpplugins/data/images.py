"""Read images: size and completeness from the header, and the decoded pixels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kpplugins.data.placement.made_on import TURNED
from kpplugins.structures import BadInputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
"""Lower-case endings of files that count as images."""

_EXIF_ORIENTATION = 0x0112
_TURNED_BY_OPENCV = ("JPEG", "MPO", "PNG", "TIFF")
"""File types whose EXIF orientation OpenCV applies; a rotated WebP stays as it is stored."""
_WITH_EXIF = (*_TURNED_BY_OPENCV, "WEBP")
_BACK = {6: 8, 8: 6}
"""EXIF orientations that another one undoes; the others undo themselves."""
_END_MARKS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
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
        BadInputError: the file is missing, empty, not an image, or cut off (a JPEG or PNG without its end mark).
    """
    from PIL import Image, UnidentifiedImageError
    from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

    if not path.is_file():
        raise BadInputError("image is missing", where=str(path), todo="restore it or delete its annotation")
    if path.stat().st_size == 0:
        raise BadInputError("image is empty (0 bytes)", where=str(path), todo="fetch it again")
    try:
        with Image.open(path) as image:
            size, kind = image.size, image.format or ""
            # asked for EXIF that a PNG does not have, Pillow decodes all of it to search after the pixels
            tagged = kind in _WITH_EXIF and (kind != "PNG" or "exif" in image.info)
            tag = image.getexif().get(_EXIF_ORIENTATION, 1) if tagged else 1
            if isinstance(image, TiffImageFile):  # whose size Pillow turns itself
                size = image.tag_v2[IMAGEWIDTH], image.tag_v2[IMAGELENGTH]
    except UnidentifiedImageError as error:
        raise BadInputError(
            "not an image", where=str(path), expected="JPEG, PNG, …", todo="fetch it again"
        ) from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadInputError(
            f"image cannot be read ({error})", where=str(path), todo="fetch it again"
        ) from error
    if kind in _END_MARKS and not _ends_with(path, _END_MARKS[kind]):
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


def read_image(path: str | Path) -> np.ndarray:
    """Read and decode an image, EXIF orientation applied.

    Args:
        path: the image file.

    Returns:
        (H, W, 3) BGR uint8.

    Raises:
        BadInputError: the file is missing or cannot be decoded.
    """
    import cv2

    file = Path(path)
    data = file.read_bytes() if file.is_file() else b""
    image = cv2.imdecode(np.frombuffer(data or b"\0", np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise BadInputError("image cannot be decoded", where=str(file), todo="fetch it again")
    return image


def _ends_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return mark in file.read()
