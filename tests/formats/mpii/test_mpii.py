"""MPII's own file and those made of it. The numbers are derived by hand."""

import importlib.util
import json
import logging
import runpy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from kpplugins.data.annotation_set import UNLABELLED
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.mpii.json_lists import is_json_list
from kpplugins.formats.mpii.mat import is_mat
from kpplugins.formats.mpii.person import MPII_SCHEMA, Person, square_of
from kpplugins.formats.mpii.reader import is_mpii, read_mpii
from kpplugins.formats.open_source import open_source
from kpplugins.structures import BadInputError

NOTHING = np.zeros((0, 0))
"""MATLAB's ``[]``."""


def structs(*rows: dict[str, Any]) -> np.ndarray:
    """A structure array; a field that a row lacks is empty, as in MATLAB."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    return np.array([tuple(row.get(n, NOTHING) for n in names) for row in rows], [(n, object) for n in names])


def point(joint: Any, x: float, y: float, visible: Any = 1) -> dict[str, Any]:
    return {"x": x, "y": y, "id": joint, "is_visible": visible}


def person(*points: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {"scale": 0.2, "objpos": {"x": 41.0, "y": 28.0}, **more}
    return given | ({"annopoints": {"point": structs(*points)}} if points else {})


def image(name: str, *persons: dict[str, Any]) -> dict[str, Any]:
    return {"image": {"name": name}, "annorect": structs(*persons) if persons else NOTHING}


GOOD = (
    image(
        "a.png",
        person(point(6, 31, 21), point(9, 30, 11, NOTHING), point(0, 51, 41, 0), x1=1, y1=2, x2=9, y2=9),
        person(),
        person(scale=NOTHING),
    ),
    image("test.png", person()),
)


def write_mat(folder: Path, *images: dict[str, Any], train: Any = (1, 0)) -> Path:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / "images" / name), np.zeros((60, 80, 3), np.uint8))
    release = {"annolist": structs(*images), "img_train": np.array(train)}
    savemat(folder / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": release})
    return folder


def test_the_schema_is_mmposes():
    spec = importlib.util.find_spec("mmpose")
    assert spec is not None and spec.origin is not None
    path = Path(spec.origin).parent / ".mim/configs/_base_/datasets/mpii.py"
    info = runpy.run_path(str(path))["dataset_info"]
    assert [info["keypoint_info"][i]["name"] for i in range(16)] == list(MPII_SCHEMA.keypoints)
    partner = dict(MPII_SCHEMA.flip_pairs) | {b: a for a, b in MPII_SCHEMA.flip_pairs}
    assert all(p["swap"] == partner.get(p["name"], "") for p in info["keypoint_info"].values())
    assert {line["link"] for line in info["skeleton_info"].values()} == set(MPII_SCHEMA.skeleton)


def test_the_published_file(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        found, reading = open_source(write_mat(tmp_path, *GOOD))
    assert found.name == "mpii"
    one, other = reading.records
    labelled = {
        n: row for n, row in zip(MPII_SCHEMA.keypoints, one.keypoints.tolist(), strict=True) if row[2]
    }
    # counted from 1; is_visible 0 is occluded, none (head_top) visible
    assert labelled == {"pelvis": [30, 20, 2], "head_top": [29, 10, 2], "right_ankle": [50, 40, 1]}
    # 200·0.2 = 40 px around (41 - 1, 28 - 1 + 15·0.2) = (40, 30)
    assert one.bbox.tolist() == other.bbox.tolist() == [20, 10, 60, 50]
    assert one.rules == (AppliedRule.BOX_OF_SCALE, AppliedRule.HEAD_LEFT_OUT, AppliedRule.AREA_DERIVED)
    assert other.num_labelled == 0 and AppliedRule.BOX_ALONE in other.rules
    assert reading.notes.counts == {UNLABELLED: 1, "person with neither keypoints nor a place, left out": 1}
    assert f"1 × {UNLABELLED}" in caplog.text
    assert reading.backgrounds == []  # the image of the test set is not empty


def test_the_folder_that_the_archive_unpacks_to(tmp_path: Path):
    write_mat(tmp_path, *GOOD)
    (tmp_path / "mpii_human_pose_v1_u12_2").mkdir()
    path = tmp_path / "mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat"
    (tmp_path / path.name).rename(path)
    assert len(open_source(tmp_path)[1].records) == len(read_mpii(path).records) == 2


def test_numbers_that_are_text_and_one_image_alone(tmp_path: Path):
    write_mat(tmp_path, image("a.png", person(point("3", 31, 21, "0"))), train=1)
    (record,) = read_mpii(tmp_path / "mpii_human_pose_v1_u12_1.mat").records
    assert record.keypoints[3].tolist() == [30, 20, 1]


def test_without_a_scale_the_box_is_derived(tmp_path: Path):
    write_mat(tmp_path, image("a.png", person(point(0, 31, 21), point(1, 51, 41), scale=NOTHING)), train=1)
    (record,) = read_mpii(tmp_path).records
    assert record.bbox.tolist() == [28, 18, 52, 42]  # 20×20 from (30, 20), 2 on each side
    assert square_of(Person("x", centre=np.array([1.0, 1.0]))) is None


FAULTS = {
    "twice": (image("a.png", person(point(0, 1, 2), point(0, 3, 4))), r"point\(2\): joint is listed twice"),
    "unknown": (image("a.png", person(point(16, 1, 2))), r"point\(1\): unknown joint.*found 16"),
    "visibility": (image("a.png", person(point(0, 1, 2, 3))), r"point\(1\): wrong visibility"),
    "no x": (image("a.png", person(point(0, NOTHING, 2))), r"point\(1\): x is missing"),
    "gone": (image("gone.png", person(point(0, 1, 2))), "image is missing"),
    "no name": (image("", person(point(0, 1, 2))), "image.name is missing"),
    "far": (image("a.png", person(point(0, 5, 6), objpos={"x": 900.0, "y": 1.0})), "box has no area"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_bad_image_is_named_with_its_place_and_can_be_skipped(case: str, tmp_path: Path):
    bad, words = FAULTS[case]
    write_mat(tmp_path, image("b.png", person(point(1, 31, 21))), bad, train=(1, 1))
    with pytest.raises(BadInputError, match=rf"\.mat: annolist\(2\).*{words}"):
        read_mpii(tmp_path)
    assert [r.image.name for r in read_mpii(tmp_path, skip_bad=True).records] == ["b.png"]


def test_a_broken_file_is_named(tmp_path: Path):
    write_mat(tmp_path, *GOOD)
    path = tmp_path / "mpii_human_pose_v1_u12_1.mat"
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(BadInputError, match="no annotation of MPII|not a MATLAB file"):
        read_mpii(path)
    savemat(path, {"RELEASE": {"annolist": structs(*GOOD), "img_train": np.array([1])}})
    with pytest.raises(BadInputError, match="not MPII's annotation.*2 images, 1 marks"):
        read_mpii(path)
    savemat(path, {"other": 1})
    assert not is_mat(path) and not is_mpii(tmp_path)
    with pytest.raises(BadInputError, match="no annotation of MPII"):
        read_mpii(tmp_path)


def hrnet(name: str = "a.png", **more: Any) -> dict[str, Any]:
    joints = [[31.0, 21.0], [51.0, 41.0], *[[-1.0, -1.0]] * 14]
    given = {
        "image": name,
        "center": [41.0, 28.0],
        "scale": 0.2,
        "joints": joints,
        "joints_vis": [1, 1] + [0] * 14,
    }
    return given | more


def hourglass(name: str = "a.png", **more: Any) -> dict[str, Any]:
    joints = [[31.0, 21.0, 1.0], [51.0, 41.0, 0.0], *[[0.0, 0.0, 0.0]] * 14]
    given = {"dataset": "MPI", "isValidation": 0.0, "img_paths": name, "objpos": [41.0, 28.0], "joint_self": joints,
             "scale_provided": 0.2, "numOtherPeople": 0.0}  # fmt: skip
    return given | more


def write_json(folder: Path, **files: list[Any]) -> Path:
    write_mat(folder, *GOOD)
    (folder / "mpii_human_pose_v1_u12_1.mat").unlink()
    (folder / "annotations").mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / f"annotations/{name}.json").write_text(json.dumps(content))
    return folder


def test_the_json_of_hrnet(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    test = {key: value for key, value in hrnet("c.png").items() if not key.startswith("joints")}
    both = [hrnet(), hrnet(), hrnet("b.png")]
    write_json(tmp_path, mpii_train=both[:2], mpii_val=both[2:], mpii_trainval=both, mpii_test=[test])
    with caplog.at_level(logging.WARNING):
        found, reading = open_source(tmp_path)
    assert found.name == "mpii" and [r.image.name for r in reading.records] == ["a.png", "a.png", "b.png"]
    record = reading.records[0]
    # labelled, not visible, is what joints_vis says: 2
    assert record.keypoints[:3].tolist() == [[30, 20, 2], [50, 40, 2], [0, 0, 0]]
    assert record.bbox.tolist() == [20, 10, 60, 50]
    assert {p.name: s for p, s in reading.splits.items()} == {"a.png": "train", "b.png": "val"}
    assert "mpii_trainval.json is not read" in caplog.text and reading.notes.counts[UNLABELLED] == 1


def test_the_json_of_the_hourglass(tmp_path: Path):
    write_json(tmp_path, mpii_annotations=[hourglass(), hourglass("b.png", isValidation=1.0)])
    reading = read_mpii(tmp_path)
    assert reading.records[0].keypoints[:3].tolist() == [[30, 20, 2], [50, 40, 1], [0, 0, 0]]
    assert {p.name: s for p, s in reading.splits.items()} == {"a.png": "train", "b.png": "val"}


def test_the_published_file_goes_before_others(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write_mat(write_json(tmp_path, mpii_annotations=[hourglass(), hourglass("b.png")]), *GOOD)
    with caplog.at_level(logging.WARNING):
        assert len(read_mpii(tmp_path).records) == 2
    assert "mpii_annotations.json is not read" in caplog.text


JSON_FAULTS = {
    "object": ("x", r"entry 1: entry is wrong"),
    "nameless": ({k: v for k, v in hrnet().items() if k != "image"}, "image is missing"),
    "short": (hrnet("b.png", joints=[[1, 2]] * 15), "wrong number of joints.*16.*15"),
    "marks": (hrnet("b.png", joints_vis=[2] * 16), "wrong visibility"),
    "centre": (hrnet("b.png", center=[1]), "center is wrong"),
    "wide": (hourglass("b.png", joint_self=[[1, 2]] * 16), r"joint_self\[0\] is wrong"),
}


@pytest.mark.parametrize("case", JSON_FAULTS)
def test_a_bad_entry_is_named_and_can_be_skipped(case: str, tmp_path: Path):
    bad, words = JSON_FAULTS[case]
    write_json(tmp_path, mpii_train=[hrnet(), bad])
    with pytest.raises(BadInputError, match=rf"mpii_train\.json: entry 1: {words.removeprefix('entry 1: ')}"):
        read_mpii(tmp_path)
    assert len(read_mpii(tmp_path, skip_bad=True).records) == 1


def test_a_list_of_other_things_is_not_mpii(tmp_path: Path):
    path = tmp_path / "a.json"
    for content, right in (
        ([hrnet()], True),
        ([hourglass()], True),
        ([{"image": "a.png"}], False),
        ({}, False),
    ):
        path.write_text(json.dumps(content))
        assert is_json_list(path) is right


def test_one_image_in_two_files(tmp_path: Path):
    write_json(tmp_path, one=[hrnet()], two=[hrnet()])
    with pytest.raises(BadInputError, match="annotated twice.*one.json"):
        read_mpii(tmp_path)
