import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpplugins.data.annotation_set import UNLABELLED
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.sleap import is_sleap, read_sleap
from kpplugins.structures import BadInputError

NAN = float("nan")


def test_without_sleap_io_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sleap_io", None)
    (tmp_path / "a.slp").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert is_sleap(tmp_path / "a.slp") and is_sleap(tmp_path)
    with pytest.raises(BadInputError, match=r"a\.slp: .*needs sleap-io.*pip install 'kpplugins\[sleap\]'"):
        read_sleap(tmp_path / "a.slp")


def test_what_is_no_slp(tmp_path: Path):
    assert not is_sleap(tmp_path)
    assert not is_sleap(tmp_path / "none.slp")
    (tmp_path / "a.slp").write_text("text")
    assert not is_sleap(tmp_path)
    for source, words in {"none.slp": "no such file", "b.txt": "no .slp file"}.items():
        with pytest.raises(BadInputError, match=words):
            read_sleap(tmp_path / source)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images of 100×80 and labels of three of them, made by sleap-io."""
    sio = pytest.importorskip("sleap_io")
    root = tmp_path / "labels 1"
    (root / "film").mkdir(parents=True)
    names = [root / "film" / f"{i}.png" for i in range(4)]
    for i, name in enumerate(names):
        cv2.imwrite(str(name), np.full((80, 100, 3), 20 * i, np.uint8))
    skeleton = sio.Skeleton(
        ["nose", "earL", "earR"], edges=[("nose", "earL"), ("nose", "earR")], symmetries=[("earR", "earL")]
    )
    video = sio.Video.from_filename([str(name) for name in names])

    def frame(index: int, *points: list) -> "sio.LabeledFrame":
        instances = [sio.Instance.from_numpy(np.array(p, dtype=float), skeleton=skeleton) for p in points]
        return sio.LabeledFrame(video=video, frame_idx=index, instances=instances)

    hidden = frame(2, [[1, 2], [3, 4], [300, 4]])
    hidden.instances[0].points["visible"][1] = False
    guess = sio.PredictedInstance.from_numpy(np.ones((3, 2)), skeleton=skeleton)
    frames = [
        frame(0, [[10, 20], [50, 44], [NAN, NAN]], [[1, 1], [2, 2], [9, 9]]), hidden, frame(1),
        sio.LabeledFrame(video=video, frame_idx=3, instances=[guess]),
    ]  # fmt: skip
    sio.save_slp(sio.Labels(frames), str(root / "a.slp"))
    return root


def test_points_skeleton_and_symmetries(folder: Path, caplog: pytest.LogCaptureFixture):
    reading = read_sleap(folder)
    first, second, third = reading.records
    assert reading.schema.keypoints == ("nose", "earL", "earR")
    assert reading.schema.flip_pairs == (("earL", "earR"),)
    assert reading.schema.skeleton == (("nose", "earL"), ("nose", "earR"))
    assert first.keypoints.tolist() == [[10, 20, 2], [50, 44, 2], [0, 0, 0]]
    assert first.bbox.tolist() == [6, 16, 54, 48]  # longer side 40, margin 4
    assert second.num_labelled == 3
    assert third.keypoints.tolist() == [[1, 2, 2], [0, 0, 0], [0, 0, 0]]  # not visible; outside
    assert reading.rules[AppliedRule.KEYPOINT_OUTSIDE] == 1
    assert [r.image.name for r in reading.records] == ["0.png", "0.png", "2.png"]
    assert reading.backgrounds == [] and reading.notes.counts == {
        UNLABELLED: 2
    }  # empty, and with a prediction only
    assert "2 × image that nobody labelled, left out" in caplog.text
    negatives = read_sleap(folder, negatives=True)
    assert [p.path.name for p in negatives.backgrounds] == ["1.png"] and negatives.notes.counts == {
        UNLABELLED: 1
    }


def test_an_instance_without_a_visible_point_is_left_out_and_its_frame_if_it_is_the_only_one(folder: Path):
    sio = pytest.importorskip("sleap_io")
    labels = sio.load_slp(str(folder / "a.slp"))
    for instance in [*labels.labeled_frames[0].instances[:1], *labels.labeled_frames[1].instances]:
        instance.points["visible"][:] = False
    sio.save_slp(labels, str(folder / "a.slp"))
    reading = read_sleap(folder)
    assert [r.image.name for r in reading.records] == ["0.png"] and reading.backgrounds == []
    assert reading.notes.counts == {UNLABELLED: 3, "instance without a visible point, left out": 2}


def test_a_frame_that_is_marked_as_negative_is_a_background(folder: Path):
    sio = pytest.importorskip("sleap_io")
    labels = sio.load_slp(str(folder / "a.slp"))
    labels.labeled_frames[2].is_negative = True
    sio.save_slp(labels, str(folder / "a.slp"))
    assert [p.path.name for p in read_sleap(folder).backgrounds] == ["1.png"]


def test_labels_that_were_moved_find_their_images(folder: Path):
    folder.rename(folder.parent / "elsewhere")
    reading = read_sleap(folder.parent / "elsewhere" / "a.slp")
    assert reading.records[0].image == folder.parent / "elsewhere" / "film" / "0.png"


def test_missing_images_are_faults(folder: Path):
    (folder / "film" / "0.png").unlink()
    with pytest.raises(
        BadInputError, match=r"a\.slp:frame 0: image or video is not beside the labels.*copy it there"
    ):
        read_sleap(folder)
    assert len(read_sleap(folder, skip_bad=True).records) == 1


def test_embedded_frames_are_written(folder: Path):
    sio = pytest.importorskip("sleap_io")
    labels = sio.load_slp(str(folder / "a.slp"))
    labels.save(str(folder / "b.pkg.slp"), embed="user", verbose=False)
    with pytest.raises(BadInputError, match="frame is inside a video.*give a folder"):
        read_sleap(folder / "b.pkg.slp")
    out = folder / "out"
    reading = read_sleap(folder / "b.pkg.slp", extract_to=out)
    assert len(reading.records) == 3
    assert {r.image.parent for r in reading.records} == {out}
    assert cv2.imread(str(reading.records[2].image))[0, 0].tolist() == [40, 40, 40]  # frame 2


def test_frames_of_a_video_are_written(folder: Path):
    sio = pytest.importorskip("sleap_io")
    film = folder / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*"MJPG"), 10, (100, 80))
    for grey in (0, 100, 200):
        writer.write(np.full((80, 100, 3), grey, np.uint8))
    writer.release()
    skeleton = sio.Skeleton(["a", "b"])
    video = sio.Video.from_filename(str(film))
    instance = sio.Instance.from_numpy(np.array([[1.0, 2], [30, 40]]), skeleton=skeleton)
    labels = sio.Labels([sio.LabeledFrame(video=video, frame_idx=1, instances=[instance])])
    sio.save_slp(labels, str(folder / "v.slp"))
    with pytest.raises(BadInputError, match=r"v\.slp:frame 0: frame is inside a video"):
        read_sleap(folder / "v.slp")
    (record,) = read_sleap(folder / "v.slp", extract_to=folder / "out").records
    assert (record.width, record.height) == (100, 80)
    assert abs(int(cv2.imread(str(record.image)).mean()) - 100) < 5
    film.unlink()
    with pytest.raises(BadInputError, match="not beside the labels"):
        read_sleap(folder / "v.slp", extract_to=folder / "out2")


def test_other_hdf5_and_cut_files(folder: Path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "other.slp", "w") as file:
        file["x"] = [1]
    with pytest.raises(BadInputError, match=r"other\.slp: not SLEAP labels"):
        read_sleap(folder / "other.slp")
    (folder / "cut.slp").write_bytes((folder / "a.slp").read_bytes()[:2000])
    with pytest.raises(BadInputError, match=r"cut\.slp: not SLEAP labels") as caught:
        read_sleap(folder / "cut.slp")
    assert "\n" not in str(caught.value)
    with pytest.raises(BadInputError, match="more than one .slp here"):
        read_sleap(folder)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1), st.binary(min_size=1, max_size=6))
def test_changed_bytes_are_read_or_refused_in_one_line(folder: Path, at: float, new: bytes):
    whole = (folder / "a.slp").read_bytes()
    place = int(at * (len(whole) - len(new)))
    (folder / "changed.slp").write_bytes(whole[:place] + new + whole[place + len(new) :])
    try:
        for record in read_sleap(folder / "changed.slp").records:
            assert np.isfinite(record.keypoints).all()
    except BadInputError as error:
        assert "\n" not in str(error)
