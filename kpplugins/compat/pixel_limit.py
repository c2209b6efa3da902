"""One limit for the pixels of an image, which OpenCV's decoders keep too.

Gap: OpenCV decodes up to 2³⁰ pixels (3 GB) and takes another limit only from the environment, before it is imported.

Remove when OpenCV's limit can be set by a call.
"""

import os
import sys

LIMIT_NAME = "KPPLUGINS_MAX_PIXELS"
"""The variable of the environment that says how many pixels an image may have."""
MOST_PIXELS = 200_000_000
"""How many it may have otherwise: 600 MB once decoded."""
_OPENCV_NAME = "OPENCV_IO_MAX_IMAGE_PIXELS"


def most_pixels() -> int:
    """Return how many pixels of 8 bits an image may have.

    Returns:
        The number in the environment, else ``MOST_PIXELS``.

    Raises:
        BadInputError: what the environment says is no positive number.
    """
    stated = os.environ.get(LIMIT_NAME) or str(MOST_PIXELS)
    if not (stated.isascii() and stated.isdigit() and int(stated[:30])):
        from kpplugins.structures import BadInputError  # not before it is needed: it brings NumPy

        raise BadInputError(
            "not a number of pixels", where=LIMIT_NAME, expected="a positive number", found=repr(stated)[:60]
        )
    return int(stated[:30])


def opencv_keeps_it() -> bool:
    """Tell whether OpenCV was told of today's limit before it was imported, and refuses larger images itself.

    Returns:
        True where it was.
    """
    return _told == most_pixels()


def install() -> None:
    """Tell OpenCV the limit, unless the environment has another for it, or it is imported already. Idempotent."""
    global _told
    try:
        limit = most_pixels()
    except ValueError:  # said when the first image is read
        return
    if "cv2" not in sys.modules and os.environ.setdefault(_OPENCV_NAME, str(limit)) == str(limit):
        _told = limit


_told = 0
