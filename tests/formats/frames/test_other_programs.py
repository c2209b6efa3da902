"""What Anipose and pandas are given, read by themselves."""

import logging
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from kpplugins.formats.frames.frame_log import FrameLog, head_of
from kpplugins.formats.frames.frames_csv import COLUMNS, table_of_keypoints
from kpplugins.formats.frames.frames_pandas import predictions_table
from kpplugins.formats.frames.outputs import write_outputs
from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError, MachineError

SCHEMA = KeypointSchema("mouse", ("nose", "tail"))
PAGE = Path(__file__).resolve().parents[3] / "docs/annotation_tools.md"


def instance(at: float, score: float = 0.9, track: int | None = None) -> dict:
    own = {} if track is None else {"track_id": track}
    return {
        **own,
        "bbox": [at, 0.0, at + 9, 9.0],
        "score": score,
        "keypoints": [[at, 1.5, 0.75], [at + 1, 2.5, 0.5]],
    }


def log(path: Path, *frames: tuple[int, list[dict]], kind: str = "video") -> Path:
    written = FrameLog(path, head_of(SCHEMA, path.stem + ".mp4", kind))
    for number, instances in frames:
        written.add({"frame": number, "time": number / 10, "instances": instances})
    written.close()
    return path


@pytest.fixture
def pandas():
    pytest.importorskip("tables", reason="extra 'dlc' is not installed")
    return pytest.importorskip("pandas", reason="extra 'dlc' is not installed")


def test_a_camera_of_anipose_has_a_row_for_each_frame(
    pandas, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """Frame 2 is missing in the video, frame 1 is empty; in frame 3 the surer instance is the animal."""
    path = log(
        tmp_path / "m-camA.jsonl", (0, [instance(5)]), (1, []), (3, [instance(7, 0.3), instance(8, 0.8)])
    )
    with caplog.at_level(logging.WARNING):
        (file,) = write_outputs(path, ["anipose"])
    assert (
        file == tmp_path / "pose-2d/m-camA.h5" and "1 instances of other animals are left out" in caplog.text
    )
    read = pandas.read_hdf(file)
    assert list(read.columns.names) == ["scorer", "bodyparts", "coords"] and list(read.index) == [0, 1, 2, 3]
    nose = read["kpplugins"]["nose"]
    np.testing.assert_equal(nose["x"].to_numpy(), [5, np.nan, np.nan, 8])
    np.testing.assert_equal(read["kpplugins"]["tail"]["likelihood"].to_numpy(), [0.5, np.nan, np.nan, 0.5])


def test_aniposes_own_loader_reads_two_cameras(pandas, tmp_path: Path):
    utils = pytest.importorskip("aniposelib.utils", reason="aniposelib is not installed")
    tracks = [(i, [instance(i, track=-1 if i == 0 else 4), instance(50 + i, track=7)]) for i in range(4)]
    other = [(i, [instance(20 + i)]) for i in range(3)]
    logs = {"A": log(tmp_path / "m-camA.jsonl", *tracks), "B": log(tmp_path / "m-camB.jsonl", *other)}
    files = {camera: write_outputs(path, ["anipose"])[0] for camera, path in logs.items()}
    read = utils.load_pose2d_fnames(files)
    assert read["bodyparts"] == ["nose", "tail"] and read["points"].shape == (2, 3, 2, 2)
    # of two tracks, the one that is there in all frames
    np.testing.assert_array_equal(read["points"][0, :, 0, 0], [50, 51, 52])
    np.testing.assert_array_equal(read["points"][1, :, 1], [[21, 2.5], [22, 2.5], [23, 2.5]])
    np.testing.assert_array_equal(read["scores"][1], [[0.75, 0.5]] * 3)


def test_single_images_are_not_for_anipose(tmp_path: Path):
    path = log(tmp_path / "predictions.jsonl", (0, [instance(1)]), kind="images")
    with pytest.raises(BadInputError, match="videos, not single images"):
        write_outputs(path, ["anipose"])
    assert not (tmp_path / "pose-2d").exists()


def test_rows_of_the_table(tmp_path: Path):
    told = {**instance(1, track=3), "visibility": [0.9, 0.1], "states": [2, 0], "category": "mouse"}
    rows = list(table_of_keypoints(PredictedFrames(log(tmp_path / "m.jsonl", (0, []), (1, [told])))))
    assert rows[0] == {"frame": 0, "time": 0.0}
    assert rows[2] == {
        "frame": 1, "time": 0.1, "instance": 0, "track_id": 3, "category": "mouse", "x1": 1, "y1": 0.0, "x2": 10,
        "y2": 9.0, "instance_score": 0.9, "keypoint": "tail", "x": 2, "y": 2.5, "score": 0.5, "visibility": 0.1,
        "state": 0,
    }  # fmt: skip


def test_the_example_of_the_docs(
    pandas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    (tmp_path / "found").mkdir()
    log(
        tmp_path / "found/mice.jsonl",
        (0, []),
        *[(i, [instance(i, track=1), instance(9, track=2)]) for i in (1, 3)],
    )
    (tmp_path / "example.py").write_text(block)
    monkeypatch.chdir(tmp_path)
    table = runpy.run_path("example.py")["table"]
    assert list(table.columns) == list(COLUMNS) and len(table) == 9
    assert table["track_id"].dtype == "Int64" and table["x"].sum() == 1 + 2 + 9 + 10 + 3 + 4 + 9 + 10
    said = capsys.readouterr().out
    assert re.search(r"nose +5\.5 +1\.5 +0\.75", said), said  # (1 + 9 + 3 + 9) / 4
    csv = pandas.read_csv(write_outputs(tmp_path / "found/mice.jsonl", ["csv"])[0])
    pandas.testing.assert_frame_equal(csv[["x", "y", "score"]], table[["x", "y", "score"]])


def test_without_pandas_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MachineError, match=r"pandas is not installed; to do: pip install 'kpplugins\[dlc\]'"):
        predictions_table(log(tmp_path / "m.jsonl", (0, [])))
