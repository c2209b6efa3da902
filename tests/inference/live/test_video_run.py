"""Videos: what is written of them, whole, ended early, stopped, killed, on a full disk; and memory."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.inference.live.follower import SEARCH_EVERY, Follower
from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.inference.live.video_run import predict_video
from kpplugins.inference.video.frame import Frame
from kpplugins.structures import BadInputError

HERE = Path(__file__).parent


def pipelines() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pipeline")]


def drawn_frames(path: Path) -> int:
    return int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT))


def test_every_frame_is_found_drawn_and_written(finder, film, tmp_path: Path):
    report = predict_video(finder(), film(), "film", RunSettings(tmp_path, formats=("json", "csv", "coco")))
    assert (report.frames, report.faults) == (12, []) and pipelines() == []
    names = ["film.csv", "film.json", "film.jsonl", "film.mp4", "film_coco.json", "film_coco_results.json"]
    assert sorted(path.name for path in report.written) == names
    frames = list(PredictedFrames(tmp_path / "film.jsonl"))
    assert [f["frame"] for f in frames] == list(range(12)) and frames[-1]["time"] == pytest.approx(11 / 25)
    assert [f["instances"][0]["keypoints"][0][0] for f in frames] == [10 + i for i in range(12)]
    content = json.loads((tmp_path / "film.json").read_text())
    assert (content["width"], content["height"], content["fps"], content["frames_read"]) == (96, 64, 25, 12)
    assert drawn_frames(tmp_path / "film.mp4") == 12
    _, last = cv2.VideoCapture(str(tmp_path / "film.mp4")).read()
    assert np.ptp(last[20, 10].astype(int)) > 60  # a coloured keypoint on the grey and white video


def test_track_ids_and_smoothing(finder, film, tmp_path: Path):
    pytest.importorskip("trackers", reason="extra 'track' is not installed")
    settings = RunSettings(tmp_path, formats=("csv",), track="bytetrack", smooth=True)
    report = predict_video(finder(), film(frames=20), "film", settings)
    ids = [f["instances"][0]["track_id"] for f in PredictedFrames(tmp_path / "film.jsonl")]
    assert ids[1:] == [1] * 19 and ",0,1,,14.0," in (tmp_path / "film.csv").read_text().splitlines()[9]
    assert len(report.notes) == 1 and "film.avi: smoothed: jitter 0.00 → 0." in report.notes[0]


def test_the_whole_image_is_searched_now_and_then_and_given_boxes_are_used(finder, tmp_path: Path):
    asked: list[object] = []

    class Asked(finder):
        def __call__(self, image, boxes=None):
            asked.append(boxes)
            return super().__call__(image)

        def follow(self, image, before, search=True):
            asked.append((before is not None, search))
            return super().__call__(image)

    frames = [Frame(i, np.zeros((9, 9, 3), np.uint8), i / 10, 0.0) for i in range(7)]
    follow = Follower(Asked(), RunSettings(tmp_path))
    assert [len(follow(frame)) for frame in frames] == [0] * 7 and follow.notes == []
    assert asked == [(i > 0, i % SEARCH_EVERY == 0) for i in range(7)]
    boxes = np.array([[0.0, 0, 5, 5]])
    Follower(Asked(), RunSettings(tmp_path, boxes))(frames[0])
    assert asked[-1] is boxes


def test_a_part_of_a_video(finder, film, tmp_path: Path):
    report = predict_video(finder(), film(), "film", RunSettings(tmp_path, max_frames=5))
    assert report.frames == 5 and not report.faults and drawn_frames(tmp_path / "film.mp4") == 5


def test_a_video_that_ends_midway(finder, film, tmp_path: Path):
    content = film().read_bytes()
    cut = tmp_path / "films/cut.avi"
    cut.write_bytes(content[: len(content) * 6 // 10])
    report = predict_video(finder(), cut, "cut", RunSettings(tmp_path))
    assert 0 < report.frames < 12 and "cut.avi: only " in str(report.faults[0])
    assert (
        drawn_frames(tmp_path / "cut.mp4")
        == report.frames
        == len(list(PredictedFrames(tmp_path / "cut.jsonl")))
    )


def test_an_error_in_the_middle_keeps_what_was_found(
    finder, film, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    class Failing(finder):
        def follow(self, image, before, search=True):
            if self.calls == 6:
                raise BadInputError("predictions are not finite")
            return super().follow(image, before, search)

    with pytest.raises(BadInputError, match="not finite"):
        predict_video(Failing(), film(), "film", RunSettings(tmp_path))
    frames = PredictedFrames(tmp_path / "film.jsonl")
    assert len(list(frames)) == 6 and not frames.whole and pipelines() == []
    assert len(json.loads((tmp_path / "film.json").read_text())["frames"]) == 6
    assert drawn_frames(tmp_path / "film.mp4") == 6 and "ended early: 6 frames" in caplog.text


def test_boxes_outside(finder, film, tmp_path: Path):
    boxes = np.array([[0, 0, 9, 9], [96, 0, 120, 64.0]])
    with pytest.raises(
        BadInputError, match="a box lies outside the image; expected within 96×64; found 96 0 120 64"
    ):
        predict_video(finder(), film(), "film", RunSettings(tmp_path, boxes))
    assert not list(tmp_path.glob("film.*"))


CODE = """
import signal, sys; sys.path.insert(0, sys.argv[3])
from conftest import SquareFinder
from pathlib import Path
from kpplugins.commands._command import run
from kpplugins.inference.live.follower import SEARCH_EVERY, Follower
from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.inference.live.video_run import predict_video
settings = RunSettings(Path(sys.argv[2]), formats=("json", "csv"))
sys.exit(run(lambda: predict_video(SquareFinder(0.02), Path(sys.argv[1]), "film", settings).frames * 0))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)],
    ids=lambda v: str(v),
)
def test_a_run_that_is_stopped_half_way(number: int, status: int, film, tmp_path: Path):
    path = tmp_path / "film.jsonl"
    command = [sys.executable, "-c", CODE, str(film(frames=2000)), str(tmp_path), str(HERE)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        while not path.exists() or path.read_bytes().count(b"\n") < 30:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        said = process.communicate()[1]
    assert process.returncode == status, said
    frames = PredictedFrames(path)
    numbers = [frame["frame"] for frame in frames]
    assert len(numbers) >= 29 and numbers == list(range(len(numbers))) and not frames.whole
    if number != signal.SIGKILL:
        assert len(json.loads((tmp_path / "film.json").read_text())["frames"]) == len(numbers)
        assert drawn_frames(tmp_path / "film.mp4") == len(numbers)
        assert f"ended early: {len(numbers)} frames" in said and "Traceback" not in said


def test_a_full_disk(finder, film, small_disk, tmp_path: Path):
    """What is whole stays whole."""
    disk = small_disk("150k")
    with pytest.raises(BadInputError, match="cannot be written|no room on the disk"):
        predict_video(
            finder(), film(frames=4000, fps=500.0), "film", RunSettings(disk, formats=("json", "csv"))
        )
    frames = PredictedFrames(disk / "film.jsonl")
    numbers = [frame["frame"] for frame in frames]
    assert numbers == list(range(len(numbers))) and pipelines() == []


def test_memory_stays_flat(finder, film, tmp_path: Path):
    """As much after 1,500 frames as after 300: what is kept of a frame is on the disk."""
    video, me, sizes = film(frames=1500, fps=100.0), psutil.Process(), []

    class Weighing(finder):
        def follow(self, image, before, search=True):
            if self.calls in (300, 1499):
                sizes.append(me.memory_info().rss)
            return super().follow(image, before, search)

    predict_video(Weighing(), video, "film", RunSettings(tmp_path, formats=("json", "csv", "coco")))
    assert len(sizes) == 2 and sizes[1] - sizes[0] < 5e6
    assert me.memory_info().rss - sizes[0] < 10e6
    assert (tmp_path / "film.jsonl").stat().st_size > 150_000
