"""Cameras: the newest frame, keys, several models, recordings, streams that go, and real windows."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.inference.live.live_run import LiveRun, free_name
from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.inference.live.window import Window
from kpplugins.inference.video.camera import Camera
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError, IncompleteInputError


class ScriptedWindow(Window):
    """A window that nobody sees: presses keys after some numbers of shown frames."""

    def __init__(self, keys: dict[int, str]) -> None:
        super().__init__()
        self.keys, self.shown, self.images, self.closed = dict(keys), 0, [], False

    def show(self, image: np.ndarray) -> None:
        self.shown += 1
        self.images = [*self.images[-20:], image.copy()]

    def pressed(self) -> str:
        return self.keys.pop(self.shown, "")

    def close(self) -> None:
        self.closed = True


def nothing_left() -> bool:
    return not [t.name for t in threading.enumerate() if t.name.startswith(("pipeline", "camera"))]


def test_frames_are_shown_with_rate_and_latency_and_written(finder, film, tmp_path: Path):
    window = ScriptedWindow({})
    report = LiveRun([("a", finder())], Camera(str(film(frames=20))), RunSettings(tmp_path), window).run()
    assert report.frames == window.shown > 0 and window.closed and nothing_left()
    frames = PredictedFrames(tmp_path / "film.jsonl")
    assert frames.whole and frames.head["kind"] == "live" and frames.head["fps"] == 25
    seen = [(f["frame"], f["instances"][0]["keypoints"][0][0] - 10) for f in frames]
    assert len(seen) == report.frames and all(number == at for number, at in seen)
    assert (window.images[-1][:8, :40] < 30).any()  # the text's dark ground
    assert "capture to drawn" in report.notes[-1] and "20 frames captured" in report.notes[-1]
    assert sorted(p.name for p in report.written) == ["film.json", "film.jsonl"]
    LiveRun([("a", finder())], Camera(str(film(frames=3))), RunSettings(tmp_path), ScriptedWindow({})).run()
    assert len(list(PredictedFrames(tmp_path / "film_2.jsonl"))) <= 3  # the first one is kept


def test_a_slow_model_gets_the_newest_frame(finder, film, tmp_path: Path):
    camera = Camera(str(film(frames=40, fps=40.0)))
    report = LiveRun([("a", finder(0.15))], camera, RunSettings(tmp_path), ScriptedWindow({})).run()
    numbers = [frame["frame"] for frame in PredictedFrames(tmp_path / "film.jsonl")]
    assert report.frames < 15 and numbers[-1] >= 32  # no queue of old frames


def test_the_keys(finder, film, tmp_path: Path):
    """Snapshot at the second frame, recording from the third to the eighth, pause at the tenth, quit."""
    window = ScriptedWindow({2: "snapshot", 3: "record", 8: "record", 10: "pause"})
    run = LiveRun([("a", finder())], Camera(str(film(frames=500))), RunSettings(tmp_path), window)
    shown = []

    def later() -> None:
        while window.shown < 10 or not run.paused:
            time.sleep(0.01)
        time.sleep(0.3)
        shown.append(window.shown)  # what was on its way was shown
        time.sleep(0.3)
        shown.append(window.shown)
        window.keys[window.shown] = "pause"
        while window.shown < shown[-1] + 5:
            time.sleep(0.01)
        run.quitting = True

    helper = threading.Thread(target=later)
    helper.start()
    report = run.run()
    helper.join()
    assert shown[0] == shown[1] < 14 and 15 <= report.frames < 500 and nothing_left()
    snapshot = cv2.imread(str(tmp_path / "film_snapshot_1.jpg"))
    assert snapshot.shape == (64, 96, 3)
    record = cv2.VideoCapture(str(tmp_path / "film_record_1.mp4"))
    assert record.get(cv2.CAP_PROP_FRAME_COUNT) >= 4 and record.get(cv2.CAP_PROP_FPS) == 25
    assert {"film_snapshot_1.jpg", "film_record_1.mp4"} < {path.name for path in report.written}


def test_next_and_previous_model(finder, film, tmp_path: Path):
    """Each has its own keypoints, and so its own file."""
    other = KeypointSchema("box", ("start", "end"))
    models = [("one", finder()), ("two/b", finder(schema=other))]
    window = ScriptedWindow({3: "next", 8: "previous", 14: "next", 19: "next", 24: "quit"})
    report = LiveRun(
        models, Camera(str(film(frames=500))), RunSettings(tmp_path, formats=("csv",)), window
    ).run()
    one, two = (PredictedFrames(tmp_path / f"film{end}.jsonl") for end in ("", "_2_two_b"))
    assert two.names == ("start", "end") and one.whole and two.whole
    numbers = [f["frame"] for f in one], [f["frame"] for f in two]
    assert len(numbers[0]) + len(numbers[1]) == report.frames and min(map(len, numbers)) >= 5
    assert sorted(numbers[0] + numbers[1]) == sorted({*numbers[0], *numbers[1]})
    assert (tmp_path / "film.csv").exists() and (tmp_path / "film_2_two_b.csv").exists()


def test_without_a_window_it_is_recorded_at_its_own_pace(finder, film, tmp_path: Path):
    report = LiveRun([("a", finder(0.1))], Camera(str(film(frames=25))), RunSettings(tmp_path)).run()
    video = cv2.VideoCapture(str(tmp_path / "film.mp4"))
    assert report.frames <= 12 and 10 <= video.get(cv2.CAP_PROP_FRAME_COUNT) <= 26  # a second at 25 a second
    assert [p.name for p in report.written] == ["film.mp4", "film.jsonl", "film.json"]


def test_at_most_so_many_frames(finder, film, tmp_path: Path):
    settings = RunSettings(tmp_path, max_frames=3)
    assert (
        LiveRun([("a", finder())], Camera(str(film(frames=100))), settings, ScriptedWindow({})).run().frames
        == 3
    )
    assert nothing_left()


def test_a_camera_that_is_gone_keeps_what_was_found(
    finder, film, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    camera = Camera(str(film(frames=8)), retries=2, first_wait=0.01)
    camera.is_file = False  # as a camera that ends
    (tmp_path / "films/film.avi").unlink()
    with pytest.raises(IncompleteInputError, match="film.avi ended and did not come back in 2 tries"):
        LiveRun([("a", finder())], camera, RunSettings(tmp_path), ScriptedWindow({})).run()
    frames = PredictedFrames(tmp_path / "film.jsonl")
    assert not frames.whole and len(list(frames)) >= 1 and nothing_left() and "ended early" in caplog.text
    assert len(json.loads((tmp_path / "film.json").read_text())["frames"]) == len(list(frames))


@pytest.mark.parametrize("where", ["model", "window"])
def test_an_error_in_any_thread_ends_all(where: str, finder, film, tmp_path: Path):
    class Failing(finder):
        def follow(self, image, before, search=True):
            if where == "model" and self.calls == 3:
                raise BadInputError("predictions are not finite")
            return super().follow(image, before, search)

    class Broken(ScriptedWindow):
        def show(self, image):
            super().show(image)
            if where == "window" and self.shown == 3:
                raise BadInputError("the window is broken")

    window = Broken({})
    with pytest.raises(BadInputError, match="not finite|is broken"):
        LiveRun([("a", Failing())], Camera(str(film(frames=50))), RunSettings(tmp_path), window).run()
    assert nothing_left() and window.closed and len(list(PredictedFrames(tmp_path / "film.jsonl"))) >= 2


def test_names_of_results(tmp_path: Path):
    assert [free_name(tmp_path, s) for s in ("0", "rtsp://a:b@c/d", "x y.mp4", "/dev/video3")] == [
        "camera_0", "stream", "x_y", "video3",
    ]  # fmt: skip
    (tmp_path / "camera_0.jsonl").touch()
    (tmp_path / "camera_0_2.mp4").touch()
    assert free_name(tmp_path, "0") == "camera_0_3"


CODE = """
import sys; sys.path.insert(0, sys.argv[3])
from conftest import SquareFinder
from pathlib import Path
from kpplugins.apis.demo import demo_webcam
from kpplugins.commands._command import run
from kpplugins.inference.live.run_settings import RunSettings

def work():
    models = [("first", SquareFinder(0.01)), ("second", SquareFinder(0.01))]
    report = demo_webcam(models, sys.argv[1], RunSettings(Path(sys.argv[2])), lambda text: print(text, flush=True))
    print(*report.written, *report.notes, report.words, sep="\\n")
    return 0

sys.exit(run(work))
"""


def started(video: Path, out: Path) -> subprocess.Popen:
    command = [sys.executable, "-c", CODE, str(video), str(out), str(Path(__file__).parent)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "QT_LOGGING_RULES": "*=false"},
    )  # fmt: skip


def wait_for(what: Callable[[], object], process: subprocess.Popen) -> None:
    while not what():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def press(key: str) -> None:
    found = subprocess.run(
        ["xdotool", "search", "--sync", "--name", "kpplugins"], capture_output=True, text=True
    )
    number = found.stdout.split()[0]
    subprocess.run(["xdotool", "windowfocus", "--sync", number, "key", "--clearmodifiers", key], check=True)


def test_a_real_window_obeys_real_keys(film, screen, tmp_path: Path):
    if shutil.which("xdotool") is None:
        pytest.skip("xdotool is not installed")
    process = started(film(frames=1500), tmp_path)
    log = tmp_path / "film.jsonl"
    wait_for(lambda: log.exists() and log.read_bytes().count(b"\n") > 5, process)
    press("s")
    wait_for(lambda: (tmp_path / "film_snapshot_1.jpg").exists(), process)
    press("r")
    wait_for(lambda: (tmp_path / "film_record_1.mp4").exists(), process)
    press("n")
    wait_for(lambda: (tmp_path / "film_2_second.jsonl").exists(), process)
    press("r")
    press("q")
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "keys: q or Esc quits" in said and "n and p go to" in said and "film_record_1.mp4" in said
    assert cv2.VideoCapture(str(tmp_path / "film_record_1.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) > 0
    assert PredictedFrames(log).whole


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a screen always")
@pytest.mark.parametrize("number", [2, 15])
def test_without_a_screen_it_is_told_and_recorded_until_it_is_stopped(
    number: int, film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("DISPLAY", raising=False)
    process = started(film(frames=1500), tmp_path)
    log = tmp_path / "film.jsonl"
    wait_for(lambda: log.exists() and log.read_bytes().count(b"\n") > 5, process)
    process.send_signal(number)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == {2: 130, 15: 143}[number], errors
    assert f"no screen here (DISPLAY is not set): the video is written to {tmp_path} instead" in said
    assert "ended early" in errors and "Traceback" not in errors
    assert cv2.VideoCapture(str(tmp_path / "film.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) > 4
    assert len(json.loads((tmp_path / "film.json").read_text())["frames"]) >= 5
