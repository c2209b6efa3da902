"""Cameras that are videos, and streams on the loopback that are cut, stall and come back."""

import http.server
import logging
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.inference.video.camera import Camera
from kpplugins.inference.video.opening import shown_address
from kpplugins.structures import BadInputError, IncompleteInputError


class Stream:
    """Motion JPEG over HTTP on the loopback, 20 frames a second; ``cut`` ends it, ``stall`` sends nothing more."""

    def __init__(self, port: int = 0) -> None:
        stream, self.sent, self.stalled, self.running = self, 0, False, True

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                stream.send(self.wfile)

            def log_message(self, *_: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address, daemon_threads = True, True

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        self.address = f"http://127.0.0.1:{self.port}/live.mjpg"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def send(self, file) -> None:
        while self.running:
            if not self.stalled:
                image = np.full((48, 64, 3), self.sent % 256, np.uint8)
                content = cv2.imencode(".jpg", image)[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
                try:
                    file.write(head.encode() + content + b"\r\n")
                except OSError:
                    return
                self.sent += 1
            time.sleep(0.05)

    def cut(self) -> None:
        self.running = False
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def stream() -> Iterator[Stream]:
    one = Stream()
    yield one
    if one.running:
        one.cut()


def write(path: Path, frames: int, fps: float = 25.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    for i in range(frames):
        writer.write(np.full((48, 64, 3), 2 * i, np.uint8))
    writer.release()
    return path


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "camera"]


def test_a_video_plays_at_its_own_rate_and_ends(tmp_path: Path):
    camera = Camera(str(write(tmp_path / "a.avi", 20, fps=20)))
    assert (camera.size, camera.fps) == ((64, 48), 20)
    begun = time.perf_counter()
    frames = list(camera)
    assert time.perf_counter() - begun > 0.9  # 20 frames last a second; never less
    assert [f.index for f in frames] == sorted({f.index for f in frames}) and camera.captured == 20
    assert frames[0].time == 0 and all(
        f.captured - frames[0].captured == pytest.approx(f.time) for f in frames
    )
    camera.close()
    assert threads() == []


def test_who_is_slow_sees_the_newest_frame(tmp_path: Path):
    camera, levels = Camera(str(write(tmp_path / "a.avi", 30, fps=30))), []
    for frame in camera:
        levels.append((frame.index, round(frame.image.mean() / 2)))
        time.sleep(0.2)
    assert all(index == level for index, level in levels)  # the image is that of the number
    assert camera.captured == 30 and camera.taken == len(levels) < 12
    camera.close()


def test_closing_it_lets_go_at_once(tmp_path: Path):
    camera = Camera(str(write(tmp_path / "a.avi", 30, fps=1)))
    frames = iter(camera)
    next(frames)
    threading.Timer(0.2, camera.close).start()
    assert list(frames) == [] and camera.captured < 30
    camera.close()
    assert threads() == []


def test_a_stream_that_is_cut_and_restored(stream: Stream, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    camera = Camera(stream.address, timeout=2, first_wait=0.2)
    frames = iter(camera)
    first = [next(frames) for _ in range(5)]
    assert [f.index for f in first] == sorted({f.index for f in first})
    stream.cut()
    again: list[Stream] = []
    threading.Timer(1.0, lambda: again.append(Stream(stream.port))).start()
    after = [next(frames) for _ in range(20)]  # some may still be of the old connection
    assert camera.reconnected >= 1 and after[-1].time > first[-1].time + 0.9
    assert any("ended; connecting again" in line for line in caplog.messages)
    assert any("is back after" in line for line in caplog.messages)
    camera.close()
    again[0].cut()
    assert threads() == []


def test_a_stream_that_does_not_come_back(stream: Stream):
    camera = Camera(stream.address, timeout=1, first_wait=0.05, retries=3)
    frames = iter(camera)
    next(frames)
    stream.cut()
    with pytest.raises(
        IncompleteInputError, match="did not come back in 3 tries; found [0-9]+ frames"
    ) as caught:
        for _ in frames:
            pass
    assert caught.value.status == 1
    camera.close()


def test_a_stream_that_stalls(stream: Stream, caplog: pytest.LogCaptureFixture):
    """It keeps the connection and sends nothing: given up after the time-out, then opened again."""
    caplog.set_level(logging.WARNING)
    camera = Camera(stream.address, timeout=0.7, first_wait=0.05)
    frames = iter(camera)
    next(frames)
    stream.stalled = True
    threading.Timer(2.0, lambda: setattr(stream, "stalled", False)).start()
    last = 0.0
    for frame in frames:
        gap, last = frame.time - last, frame.time
        if gap > 0.7 and camera.reconnected:
            break
    assert any("connecting again" in line for line in caplog.messages)
    camera.close()
    assert threads() == []


@pytest.mark.skipif(sys.platform != "linux", reason="devices are Linux'")
@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("77", "--webcam: camera 77 cannot be opened; to do: plug it in"),
        ("/dev/null", "camera /dev/null cannot be opened; to do: close the programs that use it"),
        ("gone.mp4", "no such camera, address or file; found gone.mp4"),
        ("http://me:secret@127.0.0.1:9/x", r"stream http://\*\*\*@127.0.0.1:9/x cannot be opened"),
        ("rtsp://127.0.0.1:9/x", "stream rtsp://127.0.0.1:9/x cannot be opened"),
    ],
)
def test_what_cannot_be_opened(source: str, words: str):
    with pytest.raises(BadInputError, match=words) as caught:
        Camera(source, timeout=2)
    assert "secret" not in str(caught.value) and caught.value.status == 2
    assert threads() == []


def test_passwords_are_not_shown():
    assert shown_address("rtsp://a:b@host/c?d=e@f") == "rtsp://***@host/c?d=e@f"
    assert shown_address("/home/a:b@c/x.mp4") == "/home/a:b@c/x.mp4"
