import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kpplugins.data.annotation_set import UNLABELLED
from kpplugins.formats.open_source import open_source
from kpplugins.formats.openpose import BODIES, is_openpose, read_openpose
from kpplugins.structures import BadInputError


def body(k: int, **places: tuple[float, float, float]) -> list[float]:
    return [v for name in BODIES[k][0] for v in places.get(name, (0, 0, 0))]


def people(*persons: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_3d": [], **p} for p in persons]}


NOSE = {"pose_keypoints_2d": body(25, Nose=(20, 30, 0.9), LEye=(40.5, 50, 0.05), RHeel=(5, 6, 0))}


def write(folder: Path, name: str, content: Any, images: str = "images") -> Path:
    for place in (folder / "output", folder / images):
        place.mkdir(parents=True, exist_ok=True)
    (folder / f"output/{name}_keypoints.json").write_text(json.dumps(content))
    cv2.imwrite(str(folder / images / f"{name}.png"), np.zeros((60, 80, 3), np.uint8))
    return folder


def test_a_confidence_of_0_is_absent_any_other_visible(tmp_path: Path):
    write(tmp_path, "a", people(NOSE, {"pose_keypoints_2d": body(25, Neck=(1, 2, 0.3))}))
    write(tmp_path, "empty", people())
    for source in (tmp_path, tmp_path / "output"):  # the images are in it, or beside it
        found, reading = open_source(source)
        assert found.name == "openpose"
        assert reading.schema.keypoints == BODIES[25][0]
        one, other = reading.records
        labelled = {i: row for i, row in enumerate(one.keypoints.tolist()) if row[2]}
        assert labelled == {0: [20, 30, 2], 16: [40.5, 50, 2]}  # LEye is number 16 of BODY_25
        assert other.keypoints[1].tolist() == [1, 2, 2] and one.category == "person"
        assert [p.path.name for p in reading.backgrounds] == ["empty.png"]


@pytest.mark.parametrize(
    ("k", "places", "pairs", "lines"),
    [
        (25, {8: "MidHip", 9: "RHip", 14: "LAnkle", 18: "LEar", 19: "LBigToe", 24: "RHeel"}, 11, 24),
        (18, {8: "RHip", 11: "LHip", 13: "LAnkle", 14: "REye", 17: "LEar"}, 8, 17),
        (15, {0: "Head", 8: "RHip", 13: "LAnkle", 14: "Chest"}, 6, 14),
    ],
)
def test_the_bodies_are_openposes(k: int, places: dict[int, str], pairs: int, lines: int, tmp_path: Path):
    write(tmp_path, "a", people({"pose_keypoints_2d": body(k, Neck=(1, 2, 0.3))}))
    schema = read_openpose(tmp_path).schema
    assert schema.num_keypoints == k and {i: schema.keypoints[i] for i in places} == places
    assert len(schema.flip_pairs) == pairs and len(schema.skeleton) == lines
    assert ("LEye", "REye") in schema.flip_pairs or k == 15
    assert ("Neck", "RShoulder") in schema.skeleton


def test_hands_and_faces_are_read_if_anyone_has_them(tmp_path: Path):
    hand = [v for i in range(21) for v in (10 + i, 20, 0.5)]
    face = [v for i in range(70) for v in (5 + i, 30, 0.5)]
    given = {"pose_keypoints_2d": [], "face_keypoints_2d": face, "hand_right_keypoints_2d": hand}
    write(tmp_path, "a", people(NOSE, given))
    reading = read_openpose(tmp_path)
    schema = reading.schema
    assert schema.num_keypoints == 25 + 70 + 21 and schema.keypoints[25 + 70] == "hand_right_0"
    assert reading.records[0].num_labelled == 2 and reading.records[1].num_labelled == 91
    assert schema.keypoints[25 + 68] == "face_right_pupil"
    assert set(schema.unpaired) == {f"hand_right_{i}" for i in range(21)}  # the other hand is nowhere
    write(tmp_path, "b", people(given | {"hand_left_keypoints_2d": hand}))
    schema = read_openpose(tmp_path).schema
    assert schema.unpaired == () and ("hand_left_20", "hand_right_20") in schema.flip_pairs
    assert ("hand_left_0", "hand_left_17") in schema.skeleton


def test_the_names_of_version_1_0_and_images_elsewhere(tmp_path: Path):
    write(tmp_path / "x", "a", people({"pose_keypoints": body(18, Neck=(1, 2, 0.3))}), images="../y/frames")
    with pytest.raises(BadInputError, match=r"a_keypoints\.json: image is missing"):
        read_openpose(tmp_path / "x")
    reading = read_openpose(tmp_path / "x", images=tmp_path / "y/frames")
    assert reading.schema.num_keypoints == 18 and len(reading.records) == 1


def test_a_folder_beside_is_taken_only_if_it_is_the_one_that_has_all(tmp_path: Path):
    for name in "ab":
        write(tmp_path, name, people(NOSE))
    other = tmp_path / "other"  # frames of another film have the same names
    other.mkdir()
    (tmp_path / "images/b.png").rename(other / "b.png")
    with pytest.raises(BadInputError, match="image is missing"):
        read_openpose(tmp_path / "output")
    for name in "ab":
        cv2.imwrite(str(tmp_path / f"images/{name}.png"), np.zeros((60, 80, 3), np.uint8))
    assert {r.image.parent.name for r in read_openpose(tmp_path / "output").records} == {"images"}
    cv2.imwrite(str(other / "a.png"), np.zeros((60, 80, 3), np.uint8))
    with pytest.raises(BadInputError, match="image is missing"):
        read_openpose(tmp_path / "output")


def test_what_most_files_have_is_expected_of_all(tmp_path: Path):
    write(tmp_path, "a", people({"pose_keypoints_2d": body(18, Neck=(1, 2, 0.3))}))
    for name in "bc":
        write(tmp_path, name, people(NOSE))
    with pytest.raises(
        BadInputError, match=r"a_keypoints\.json: unknown number of keypoints of pose; expected 25; found 18"
    ):
        read_openpose(tmp_path)
    assert len(read_openpose(tmp_path, skip_bad=True).records) == 2


FAULTS = {
    "list": ([], "the file is wrong"),
    "no people": ({"people": 1}, "people is wrong"),
    "text": (people({"pose_keypoints_2d": ["x"] * 75}), r"people\[0\]: pose_keypoints_2d is wrong"),
    "thirds": (people({"pose_keypoints_2d": [1] * 74}), "pose_keypoints_2d is wrong.*74 numbers"),
    "count": (people({"pose_keypoints_2d": [1] * 30}), "unknown number of keypoints of pose.*found 10"),
    "model": (people({"pose_keypoints_2d": body(18, Neck=(1, 2, 0.3))}), "unknown number.*expected 25.*18"),
    "confidence": (people({"pose_keypoints_2d": body(25, Neck=(1, 2, -1))}), "negative confidence"),
    "scale": (
        people({"pose_keypoints_2d": body(25, Neck=(0.5, 0.2, 1))}),
        "not in pixels.*--keypoint_scale 0",
    ),
    "nobody": (people({"pose_keypoints_2d": body(25)}), "neither a keypoint nor a box"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_bad_file_is_named_and_can_be_skipped(case: str, tmp_path: Path):
    bad, words = FAULTS[case]
    write(write(tmp_path, "a", people(NOSE)), "b", bad)
    with pytest.raises(BadInputError, match=rf"b_keypoints\.json.*{words}"):
        read_openpose(tmp_path)
    assert [r.image.name for r in read_openpose(tmp_path, skip_bad=True).records] == ["a.png"]


def test_nothing_there(tmp_path: Path):
    assert not is_openpose(tmp_path)
    with pytest.raises(BadInputError, match="no output of OpenPose"):
        read_openpose(tmp_path)
    with pytest.raises(BadInputError, match="nobody was found"):
        read_openpose(write(tmp_path, "a", people()))


def test_images_without_a_file_are_unlabelled_and_another_place_is_said(tmp_path: Path):
    write(tmp_path, "a", people(NOSE))
    cv2.imwrite(str(tmp_path / "images/b.png"), np.zeros((60, 80, 3), np.uint8))
    reading = read_openpose(tmp_path / "output")
    assert len(reading.records) == 1 and not reading.backgrounds and reading.notes.counts == {UNLABELLED: 1}
    assert reading.notes.lines == [f"images are taken from {tmp_path / 'images'}"]
