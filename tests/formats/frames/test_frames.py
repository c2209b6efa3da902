"""JSON Lines of predictions, whole and cut off, and the formats that are made of them, read by their own programs."""

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kpplugins.formats.frames.frame_log import FrameLog, head_of
from kpplugins.formats.frames.frames_anipose import write_frames_anipose
from kpplugins.formats.frames.frames_coco import write_frames_coco
from kpplugins.formats.frames.frames_csv import write_frames_csv
from kpplugins.formats.frames.frames_deeplabcut import write_frames_deeplabcut
from kpplugins.formats.frames.frames_json import write_frames_json
from kpplugins.formats.frames.frames_sleap import write_frames_sleap
from kpplugins.formats.frames.outputs import OUTPUTS, require_outputs, write_outputs
from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

SCHEMA = KeypointSchema(
    "mouse", ("nose", "left_ear", "right_ear"), (("left_ear", "right_ear"),), (("nose", "left_ear"),)
)


def instance(at: float, track: int | None = None, category: str | None = None) -> dict:
    own = {} if track is None else {"track_id": track}
    own |= {} if category is None else {"category": category}
    points = [[at + i, 2.0 * i, 0.5 + 0.1 * i] for i in range(3)]
    return {**own, "bbox": [at, 0.0, at + 10, 20.0], "score": 0.9, "keypoints": points}


def video(path: Path, tracks: bool = False, frames: int = 4) -> Path:
    """Frame 1 is empty; the two instances of frame 2 come in the other order."""
    log = FrameLog(
        path, head_of(SCHEMA, "clip.avi", "video", width=64, height=48, fps=12.5, frame_count=frames)
    )
    for i in range(frames):
        found = [instance(10.0 + i, 5 if tracks else None), instance(30.0 + i, 7 if tracks else None)]
        log.add({"frame": i, "time": i / 12.5, "instances": [] if i == 1 else found[:: -1 if i == 2 else 1]})
    log.close(missing=0)
    return path


def images(path: Path) -> Path:
    log = FrameLog(path, head_of(SCHEMA, "photos", "images"))
    log.add(
        {
            "frame": 0,
            "image": "a.png",
            "width": 9,
            "height": 8,
            "instances": [instance(1.0, category="mouse")],
        }
    )
    log.add({"frame": 1, "image": "b.png", "fault": "b.png: not an image"})
    log.add(
        {"frame": 2, "image": "=c.png", "width": 7, "height": 6, "instances": [instance(2.0, category="rat")]}
    )
    log.close()
    return path


def test_what_was_written_is_read(tmp_path: Path):
    frames = PredictedFrames(video(tmp_path / "clip.jsonl"))
    assert frames.names == SCHEMA.keypoints and frames.whole
    assert (frames.schema.flip_pairs, frames.schema.skeleton) == (SCHEMA.flip_pairs, SCHEMA.skeleton)
    assert frames.head["fps"] == 12.5 and frames.head["source"] == "clip.avi"
    for _ in range(2):  # as often as wanted
        assert [(f["frame"], len(f["instances"])) for f in frames] == [(0, 2), (1, 0), (2, 2), (3, 2)]


def test_a_killed_run_leaves_whole_lines(tmp_path: Path):
    """A process that writes as fast as it can is killed with SIGKILL."""
    path = tmp_path / "killed.jsonl"
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from test_frames import *\n"
        "log = FrameLog(Path(sys.argv[1]), head_of(SCHEMA, 'x', 'video'))\n"
        "for i in range(10**9):\n"
        "    log.add({'frame': i, 'instances': [instance(i)] * 9})\n"
        "    if i % 500 == 0: print(i, flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        seen = [int(process.stdout.readline()) for _ in range(3)][-1]
        process.send_signal(signal.SIGKILL)
    frames = PredictedFrames(path)
    numbers = [frame["frame"] for frame in frames]
    assert len(numbers) > seen and numbers == list(range(len(numbers))) and not frames.whole
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 40])  # what a power cut would leave
    assert len(list(PredictedFrames(path))) == len(numbers) - 1


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are Unix'")
def test_a_full_disk_leaves_whole_lines(small_disk):
    path = small_disk("64k") / "x.jsonl"
    log = FrameLog(path, head_of(SCHEMA, "x", "video"))
    with pytest.raises(BadInputError, match="x.jsonl: cannot be written .No space left"):
        for i in range(10_000):
            log.add({"frame": i, "instances": [instance(i)]})
    assert path.read_bytes().endswith(b"\n") and len(list(PredictedFrames(path))) == log.frames > 100


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['{"frame": 0}'], "not predictions of kpplugins"),
        ([], "not predictions of kpplugins"),
        (['{"kpplugins_frames": 2}'], "written by a newer kpplugins"),
        (['{"kpplugins_frames": 1, "keypoint_names": []}'], "unique and at least one"),
        (['{"kpplugins_frames": 1, "keypoint_names": ["a"]}', '{"instances": []}'], "'frame'"),
        (['{"kpplugins_frames": 1, "keypoint_names": ["a"]}', "{"], "x.jsonl:2.*not valid JSON"),
        (
            ['{"kpplugins_frames": 1, "keypoint_names": ["a"]}', '{"frame": 0, "instances": [{"keypoints": []}]}'],
            r"x.jsonl:2: instances\[0\]: wrong number of keypoints",
        ),
    ],
)  # fmt: skip
def test_what_is_no_such_file(lines: list[str], words: str, tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_text("".join(line + "\n" for line in lines))
    with pytest.raises(BadInputError, match=words):
        list(PredictedFrames(path))


def test_json_of_a_video(tmp_path: Path):
    (path,) = write_outputs(video(tmp_path / "clip.jsonl"), ["json"])
    content = json.loads(path.read_text())
    assert path.name == "clip.json" and content["video"] == "clip.avi"
    assert (content["fps"], content["frame_count"], content["frames_read"]) == (12.5, 4, 4)
    assert content["frames"] == list(PredictedFrames(tmp_path / "clip.jsonl"))


def test_csv(tmp_path: Path):
    (path,) = write_outputs(video(tmp_path / "clip.jsonl", tracks=True), ["csv"])
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 2 * 3 + 1
    empty = [row for row in rows if row["frame"] == "1"]
    assert len(empty) == 1 and empty[0]["time"] == "0.08" and empty[0]["keypoint"] == ""
    last = rows[-1]
    assert (last["frame"], last["instance"], last["track_id"], last["keypoint"]) == (
        "3",
        "1",
        "7",
        "right_ear",
    )
    assert (float(last["x"]), float(last["y"]), float(last["score"])) == (35.0, 4.0, 0.7)
    (path,) = write_outputs(images(tmp_path / "photos.jsonl"), ["csv"])
    with path.open() as file:
        assert [row["image"] for row in csv.DictReader(file)] == ["a.png"] * 3 + ["b.png"] + ["'=c.png"] * 3


def test_coco_is_read_by_pycocotools(tmp_path: Path):
    coco = pytest.importorskip("pycocotools.coco")
    paths = write_outputs(video(tmp_path / "clip.jsonl", tracks=True), ["coco"])
    truth = coco.COCO(str(paths[0]))
    found = truth.loadRes(str(paths[1]))
    assert (
        len(truth.imgs) == 4
        and truth.imgs[3]["time"] == 0.24
        and truth.imgs[3]["file_name"] == "frame_000003.png"
    )
    one, other = found.loadAnns(found.getAnnIds(imgIds=[3]))
    assert one["keypoints"] == [13, 0, 0.5, 14, 2, 0.6, 15, 4, 0.7] and other["track_id"] == 7
    written = json.loads(paths[1].read_text())
    assert written[0]["bbox"] == [10, 0, 10, 20]
    paths = write_outputs(images(tmp_path / "photos.jsonl"), ["coco"])
    content = json.loads(paths[0].read_text())
    assert [c["name"] for c in content["categories"]] == ["mouse", "rat"]
    assert [(i["file_name"], i["width"]) for i in content["images"]] == [("a.png", 9), ("=c.png", 7)]
    assert [(r["image_id"], r["category_id"]) for r in json.loads(paths[1].read_text())] == [(0, 1), (2, 2)]


@pytest.mark.parametrize("tracks", [False, True])
def test_deeplabcut_is_read_by_pandas(tracks: bool, tmp_path: Path):
    pandas = pytest.importorskip("pandas", reason="extra 'dlc' is not installed")
    pytest.importorskip("tables", reason="extra 'dlc' is not installed")
    h5, table = write_outputs(video(tmp_path / "clip.jsonl", tracks), ["dlc"])
    read = pandas.read_hdf(h5)
    assert list(read.columns.names) == ["scorer", "individuals", "bodyparts", "coords"] and list(
        read.index
    ) == [0, 1, 2, 3]
    other = pandas.read_csv(table, header=[0, 1, 2, 3], index_col=0)
    assert list(other.columns) == list(read.columns)
    np.testing.assert_allclose(other.values, read.values)
    assert np.isnan(read.values[1]).all()
    first = read["kpplugins"]["track_5" if tracks else "instance_1"]["right_ear"]
    assert list(first.columns) == ["x", "y", "likelihood"]
    assert list(first["x"][[0, 2, 3]]) == [12.0, 14.0 if tracks else 34.0, 15.0]


def test_deeplabcut_of_one_animal_has_no_individuals_and_of_many_tracks_is_whole(tmp_path: Path):
    pandas = pytest.importorskip("pandas", reason="extra 'dlc' is not installed")
    pytest.importorskip("tables", reason="extra 'dlc' is not installed")
    log = FrameLog(tmp_path / "one.jsonl", head_of(SCHEMA, "one.avi", "video"))
    log.add({"frame": 0, "instances": [instance(3.0)]})
    log.close()
    read = pandas.read_hdf(write_outputs(log.path, ["dlc"])[0])
    assert list(read.columns.names) == ["scorer", "bodyparts", "coords"] and read.iloc[0, 0] == 3.0
    log = FrameLog(tmp_path / "many.jsonl", head_of(SCHEMA, "many.avi", "video"))
    for i in range(400):
        log.add({"frame": i, "instances": [instance(float(i), track=i), instance(0.0, track=-1)]})
    log.close()
    read = pandas.read_hdf(write_outputs(log.path, ["dlc"])[0])
    assert read.shape == (400, 3600) and np.isfinite(read.values).sum() == 400 * 9
    assert read["kpplugins"]["track_399"]["nose"]["x"][399] == 399.0


@pytest.mark.parametrize("kind", [video, images])
def test_sleap_is_read_by_sleap_io(kind, tmp_path: Path):
    sleap_io = pytest.importorskip("sleap_io", reason="extra 'sleap' is not installed")
    path = video(tmp_path / "x.jsonl", tracks=True) if kind is video else images(tmp_path / "x.jsonl")
    labels = sleap_io.load_slp(str(write_outputs(path, ["sleap"])[0]), open_videos=False)
    assert labels.skeletons[0].node_names == list(SCHEMA.keypoints)
    frames = [(f.frame_idx, len(f.instances)) for f in labels.labeled_frames]
    assert frames == ([(0, 2), (2, 2), (3, 2)] if kind is video else [(0, 1), (1, 1)])
    last = labels.labeled_frames[-1].instances[-1]
    expected = instance(33.0 if kind is video else 2.0)["keypoints"]
    np.testing.assert_allclose(last.numpy(scores=True), expected)
    if kind is video:
        assert [track.name for track in labels.tracks] == [
            "track_5",
            "track_7",
        ] and last.track.name == "track_7"
    else:
        assert [Path(name).name for name in labels.videos[0].filename] == ["a.png", "=c.png"]


def test_formats_are_asked_for_before_anything_is_predicted(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(
        BadInputError, match="unknown format; expected json, coco, csv, sleap, dlc, anipose; found 'xml'"
    ):
        require_outputs(["csv", "xml"])
    monkeypatch.setattr("kpplugins.formats.frames.outputs.find_spec", lambda _: None)
    for name, extra in (("sleap", "sleap"), ("dlc", "dlc"), ("anipose", "dlc")):
        with pytest.raises(
            BadInputError, match=f"--format {name} needs .*pip install 'kpplugins.{extra}.'"
        ) as caught:
            require_outputs([name])
        assert caught.value.status == 3
    require_outputs(["json", "coco", "csv"])
    assert {
        "json": write_frames_json, "coco": write_frames_coco, "csv": write_frames_csv,
        "sleap": write_frames_sleap, "dlc": write_frames_deeplabcut, "anipose": write_frames_anipose,
    } == OUTPUTS  # fmt: skip


def test_probability_and_answer_of_visibility_go_into_table_and_results(tmp_path: Path):
    log = FrameLog(tmp_path / "x.jsonl", head_of(SCHEMA, "x", "video", width=64, height=48))
    told = {**instance(1.0), "visibility": [0.9, 0.5, 0.1], "states": [2, 1, 0]}
    log.add({"frame": 0, "instances": [told, instance(20.0)]})
    log.close()
    frames = PredictedFrames(tmp_path / "x.jsonl")
    (table,) = write_frames_csv(frames, tmp_path / "x")
    with table.open(newline="") as file:
        rows = [(row["visibility"], row["state"]) for row in csv.DictReader(file)]
    assert rows == [("0.9", "2"), ("0.5", "1"), ("0.1", "0")] + [("", "")] * 3
    first, second = json.loads(write_frames_coco(frames, tmp_path / "x")[1].read_text())
    assert first["states"] == [2, 1, 0] and "states" not in second
