"""Frames of whole and of damaged videos."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.inference.video.video_reader import VideoReader
from kpplugins.structures import BadInputError, IncompleteInputError

FRAMES = 12


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of motion JPEG, each brighter than the one before."""
    return write(tmp_path_factory.mktemp("video") / "whole.avi", "MJPG")


def write(path: Path, codec: str) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 12.5, (64, 48))
    assert writer.isOpened()
    for i in range(FRAMES):
        noise = np.random.default_rng(i).integers(-9, 10, (48, 64, 3))
        writer.write(np.clip(20 * i + noise, 0, 255).astype(np.uint8))
    writer.release()
    return path


def levels(reader: VideoReader) -> dict[int, int]:
    """Index of each frame, and the frame that it shows."""
    return {frame.index: round(float(frame.image.mean()) / 20) for frame in reader}


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "MJPG"), ("a.mp4", "mp4v"), ("a.mkv", "mp4v")])
def test_a_whole_video(tmp_path: Path, name: str, codec: str):
    reader = VideoReader(write(tmp_path / name, codec))
    assert (reader.size, reader.fps, reader.frame_count) == ((64, 48), 12.5, FRAMES)
    assert levels(reader) == {i: i for i in range(FRAMES)}
    assert (reader.read, reader.missing) == (FRAMES, 0)
    reader.require_whole()


def test_only_the_first_frames(whole: Path):
    reader = VideoReader(whole, max_frames=4)
    assert list(levels(reader)) == [0, 1, 2, 3] and (reader.wanted, reader.missing) == (4, 0)
    reader.require_whole()
    assert VideoReader(whole, max_frames=100).wanted == FRAMES
    with pytest.raises(BadInputError, match="--max-frames: not a number of frames; expected ≥ 1; found 0"):
        VideoReader(whole, max_frames=0)


def test_a_video_that_was_cut_off(whole: Path, tmp_path: Path):
    content = whole.read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(content[: len(content) * 6 // 10])
    reader = VideoReader(cut)
    found = levels(reader)
    assert 0 < len(found) < FRAMES and found == {i: i for i in range(len(found))}
    with pytest.raises(
        IncompleteInputError, match=f"cut.avi: only {len(found)} of 12 frames could be read"
    ) as caught:
        reader.require_whole()
    assert caught.value.status == 1
    first = VideoReader(cut, max_frames=1)  # these are all there
    assert list(levels(first)) == [0]
    first.require_whole()


def test_a_frame_in_the_middle_that_cannot_be_decoded(whole: Path, tmp_path: Path):
    content = bytearray(whole.read_bytes())
    starts, start = [], content.find(b"movi")
    while (start := content.find(b"00dc", start + 4)) >= 0 and len(starts) < FRAMES:
        starts.append(start)
    content[starts[2] + 8 : starts[3]] = bytes(starts[3] - starts[2] - 8)
    hole = tmp_path / "hole.avi"
    hole.write_bytes(bytes(content))
    reader = VideoReader(hole)
    assert levels(reader) == {i: i for i in range(FRAMES) if i != 2}  # the others keep their index
    with pytest.raises(IncompleteInputError, match="only 11 of 12 frames"):
        reader.require_whole()


def test_a_count_that_is_an_estimate_is_checked_by_the_clock(whole: Path, tmp_path: Path):
    reader = VideoReader(write(tmp_path / "a.mkv", "mp4v"))
    levels(reader)
    reader.frame_count = FRAMES + 30  # as of frames that come irregularly
    assert reader.missing == 0
    reader.duration = FRAMES / 12.5 + 0.3
    assert reader.missing == 30


@pytest.mark.parametrize("name", ["a.avi", "a.mp4", "a.mkv"])
def test_frames_have_their_times(tmp_path: Path, name: str):
    reader = VideoReader(write(tmp_path / name, "MJPG" if name == "a.avi" else "mp4v"))
    np.testing.assert_allclose([frame.time for frame in reader], np.arange(FRAMES) / 12.5, atol=1e-3)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_the_times_of_frames_that_come_irregularly_are_the_containers(tmp_path: Path, name: str):
    """Against PyAV, which writes them and reads them."""
    av = pytest.importorskip("av", reason="PyAV is not installed")
    times = [0, 33, 70, 200, 233, 500, 533, 900, 1000, 1033]
    with av.open(str(tmp_path / name), "w") as made:
        stream = made.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for i, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * i, np.uint8), format="bgr24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    with av.open(str(tmp_path / name)) as made:
        exact = [float(frame.pts * frame.time_base) for frame in made.decode(video=0)]
    reader = VideoReader(tmp_path / name)
    np.testing.assert_allclose([frame.time for frame in reader], exact, atol=1e-4)
    assert len(exact) == 10 and reader.missing == 0  # though the count of an .mkv is wrong
    reader.require_whole()


def test_no_video(tmp_path: Path):
    (tmp_path / "no.mp4").write_bytes(b"no video")
    with pytest.raises(BadInputError, match="no.mp4: video cannot be decoded"):
        VideoReader(tmp_path / "no.mp4")
