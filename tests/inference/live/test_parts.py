"""The rate, the text on the image, the recorder, and the screen that is not there."""

import os
import socket
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.inference.live.overlay import write_lines
from kpplugins.inference.live.rate import Rate
from kpplugins.inference.live.recorder import Recorder
from kpplugins.inference.live.window import Window, why_no_screen
from kpplugins.structures import BadInputError
from kpplugins.structures.machine_error import MachineError


def test_the_rate_is_that_of_now():
    rate = Rate(window=1.0)
    assert rate.per_second == rate.latency == rate.quantile(0.5) == 0
    for i in range(40):  # 10 a second, then 20 a second
        at = i / 10 if i < 20 else 2 + (i - 20) / 20
        rate.add(at - (0.03 if i < 39 else 0.5), at)
    assert rate.per_second == pytest.approx(20, rel=0.02) and rate.frames == 40
    assert rate.latency == pytest.approx(0.03) == rate.quantile(0.95) and rate.quantile(1) == pytest.approx(
        0.5
    )


@pytest.mark.parametrize("size", [(64, 48), (640, 480), (1920, 1080), (1, 1)])
def test_text_fits_into_the_corner_and_can_be_read_on_white(size: tuple[int, int]):
    image = np.full((size[1], size[0], 3), 255, np.uint8)
    write_lines(image, ["30.0 frames/s  12 ms", "1/2 größer"], alert="REC")
    changed = np.argwhere((image != 255).any(axis=2))
    if size[0] > 64:
        assert 0 < changed[:, 1].max() < 0.6 * size[0] and changed[:, 0].max() < 0.25 * size[1]
        assert image.min() < 90  # dark ground
        assert ((image[..., 2] > 200) & (image[..., 0] < 120)).any()  # in red


def frames_of(path: Path) -> list[int]:
    capture, levels = cv2.VideoCapture(str(path)), []
    while True:
        more, image = capture.read()
        if not more:
            return levels
        levels.append(round(image.mean() / 20))


def test_every_frame_or_by_their_times(tmp_path: Path):
    images = [np.full((48, 64, 3), 20 * i, np.uint8) for i in range(5)]
    recorder = Recorder(tmp_path / "all.mp4", (64, 48), 10)
    for image in images:
        recorder.write(image, 7.0)
    recorder.close()
    assert frames_of(recorder.path) == [0, 1, 2, 3, 4]
    recorder = Recorder(tmp_path / "new/timed.mp4", (64, 48), 10, by_time=True)
    for image, time in zip(images, (5.0, 5.01, 5.1, 5.4, 5.5), strict=True):
        recorder.write(image, time)
    recorder.write(np.zeros((100, 10, 3), np.uint8), 5.6)  # of another size
    recorder.close()
    assert frames_of(recorder.path) == [0, 2, 3, 3, 3, 4, 0] and recorder.written == 7
    Recorder(tmp_path / "none.mp4", (64, 48)).close()
    assert not (tmp_path / "none.mp4").exists()


def test_a_full_disk_is_told(small_disk, tmp_path: Path):
    disk, noise = small_disk("3m"), np.random.default_rng(0)
    recorder = Recorder(disk / "x.mp4", (640, 480), 10)
    with pytest.raises(MachineError, match="x.mp4: video cannot be written further: no room on the disk"):
        for i in range(500):
            recorder.write(noise.integers(0, 255, (480, 640, 3), np.uint8), i / 10)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(BadInputError, match="folder.mp4: cannot be written"):
        Recorder(tmp_path / "folder.mp4", (64, 48))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of processes are Unix'")
def test_a_file_that_may_not_grow_is_told_at_the_end(root: Path, tmp_path: Path, forks):
    code = (
        "import resource, sys; import numpy as np; from pathlib import Path\n"
        "from kpplugins.inference.live.recorder import Recorder\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "r = Recorder(Path(sys.argv[1]), (320, 240), 10)\n"
        "for i in range(60): r.write(np.random.default_rng(i).integers(0, 255, (240, 320, 3), np.uint8), i / 10)\n"
        "r.close()"
    )
    done = forks().run(["-c", code, str(tmp_path / "x.mp4")], root)
    assert done.returncode == 1 and "no room on the disk; found 0 of 60 frames" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a screen always")
def test_why_there_is_no_screen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    assert why_no_screen() == "no screen here (DISPLAY is not set)"
    monkeypatch.setenv("DISPLAY", ":4711")
    assert why_no_screen() == "no screen here (display :4711 does not answer)"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0/tmp/.X11-unix/X4711")
        server.listen()
        assert why_no_screen() == ""
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "  GUI:   NONE\n")
    assert why_no_screen() == "this OpenCV cannot open windows"


def test_a_window_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise cv2.error("The function is not implemented.\nRebuild the library")

    monkeypatch.setattr(cv2, "namedWindow", refuse)
    window = Window()
    with pytest.raises(BadInputError, match="cannot open a window; found The function is not implemented."):
        window.show(np.zeros((9, 9, 3), np.uint8))
    assert window.pressed() == "" and "n and p" in window.words(True) and "n and p" not in window.words(False)
    window.close()
