"""What OpenCV opens: its time-outs, the noise of its libraries, and why it did not."""

import os
import re
from pathlib import Path

import cv2

from kpplugins.structures import BadInputError

ADDRESS = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
"""Beginning of what is a stream, not a file."""
_SECRET = re.compile(r"//[^/@\s]*@")
_SILENT = 0
"""OpenCV's LOG_LEVEL_SILENT."""
_QUIET = -8
"""FFmpeg's AV_LOG_QUIET."""


def silence_opencv() -> None:
    """Keep the warnings of OpenCV and its FFmpeg off the terminal of a program that says itself what is wrong."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", str(_QUIET))
    cv2.setLogLevel(_SILENT)


def shown_address(source: str) -> str:
    """Return an address without the name and password in it.

    Args:
        source: of a camera or stream.

    Returns:
        The same, with stars instead of what stands before an ``@``.
    """
    return _SECRET.sub("//***@", source) if ADDRESS.match(source) else source


def open_capture(source: str, timeout: float) -> cv2.VideoCapture:
    """Open a camera, a stream or a video file.

    Args:
        source: the number or the device of a camera, an address (``rtsp://``, ``http://``, …), or a file.
        timeout: seconds after which a stream that does not answer, or sends nothing, is given up.

    Returns:
        What OpenCV reads from.

    Raises:
        BadInputError: it cannot be opened.
    """
    if ADDRESS.match(source):
        wait = int(1000 * timeout)
        capture = cv2.VideoCapture(
            source, cv2.CAP_FFMPEG,
            [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, wait, cv2.CAP_PROP_READ_TIMEOUT_MSEC, wait],
        )  # fmt: skip
    else:
        capture = cv2.VideoCapture(int(source) if source.isdigit() else source)
    if not capture.isOpened():
        capture.release()
        raise _not_opened(source)
    return capture


def _not_opened(source: str) -> BadInputError:
    name = shown_address(source)
    if ADDRESS.match(source):
        return BadInputError(
            f"stream {name} cannot be opened", where="--webcam",
            todo="check that it plays elsewhere (ffplay ADDRESS), its user and password, and the network",
        )  # fmt: skip
    device = Path(f"/dev/video{source}") if source.isdigit() else Path(source)
    if not source.isdigit() and not device.exists():
        return BadInputError("no such camera, address or file", where="--webcam", found=name)
    if not source.isdigit() and device.is_file():
        return BadInputError("video cannot be decoded", where=name, todo="convert it to MP4 (H.264)")
    if device.exists() and not os.access(device, os.R_OK | os.W_OK):
        todo = f"let this user use {device} (group video)"
    elif device.exists():
        todo = "close the programs that use it, or plug it in again"
    else:
        todo = "plug it in, close programs that use it, or give another number"
    return BadInputError(f"camera {name} cannot be opened", where="--webcam", todo=todo)
