"""Images on the screen, and the keys that were pressed."""

import os
import socket
import sys
from pathlib import Path

import cv2
import numpy as np

from kpplugins.structures import BadInputError

KEYS = {
    ord("q"): "quit", 27: "quit", ord(" "): "pause", ord("s"): "snapshot", ord("r"): "record",
    ord("n"): "next", ord("p"): "previous",
}  # fmt: skip
"""What the keys mean; 27 is Escape."""


def why_no_screen() -> str:
    """Tell why no window can be shown here.

    Returns:
        The reason; empty if nothing speaks against it.
    """
    gui = next(
        (line.split(":", 1)[1].strip() for line in cv2.getBuildInformation().splitlines() if "GUI:" in line),
        "",
    )
    if gui in ("", "NONE"):
        return "this OpenCV cannot open windows"
    if sys.platform != "linux" or os.environ.get("WAYLAND_DISPLAY"):
        return ""
    display = os.environ.get("DISPLAY", "")
    if not display:
        return "no screen here (DISPLAY is not set)"
    if display.startswith(":") and not _answers(display[1:].partition(".")[0]):
        return f"no screen here (display {display} does not answer)"  # where Qt would end the process
    return ""


def _answers(number: str) -> bool:
    """Tell whether an X server listens for this display of this machine."""
    path = f"/tmp/.X11-unix/X{number}"
    for address in (path, f"\0{path}"):
        if address[0] != "\0" and not Path(address).exists():
            continue
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(address)
            except OSError:
                continue
            return True
    return False


class Window:
    """A window that shows images; used by the main thread only, as OpenCV demands.

    Args:
        title: in its frame.
    """

    def __init__(self, title: str = "kpplugins") -> None:
        self.title, self._opened = title, False

    @staticmethod
    def words(several: bool) -> str:
        """Return what the keys do.

        Args:
            several: whether there are several models to go through.

        Returns:
            One line.
        """
        switch = ", n and p go to the next and the previous model" if several else ""
        return f"keys: q or Esc quits, space pauses, s takes a snapshot, r records{switch}"

    def show(self, image: np.ndarray) -> None:
        """Show an image.

        Args:
            image: (H, W, 3) BGR.

        Raises:
            BadInputError: OpenCV cannot open the window.
        """
        try:
            if not self._opened:  # without Qt's bar of buttons
                cv2.namedWindow(self.title, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
            cv2.imshow(self.title, image)
        except cv2.error as error:
            raise BadInputError(
                "this OpenCV cannot open a window", where="--webcam", found=str(error).splitlines()[0][:100],
                todo="run it on a desktop with opencv-python (not -headless); see kpplugins doctor",
            ) from error  # fmt: skip
        self._opened = True

    def pressed(self) -> str:
        """Let the window work for a moment and return what was asked of it.

        Returns:
            One of the values of ``KEYS``; ``quit`` too where the window was closed; empty for nothing.
        """
        if not self._opened:
            return ""
        key = cv2.waitKey(1)
        if key >= 0 and (key & 0xFF) in KEYS:
            return KEYS[key & 0xFF]
        return "" if cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE) >= 1 else "quit"

    def close(self) -> None:
        """Close the window."""
        if self._opened:
            cv2.destroyAllWindows()
            cv2.waitKey(1)
            self._opened = False
