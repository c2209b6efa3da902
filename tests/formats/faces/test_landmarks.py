"""The faces' schemas say what the data sets' mark-ups say, and what MMPose's configs of them say."""

import importlib.util
import runpy
from pathlib import Path

import pytest

from kpplugins.formats.faces.ibug_pts import IBUG_68
from kpplugins.formats.faces.landmarks import face_schema
from kpplugins.formats.faces.wflw import WFLW_98
from kpplugins.schema import KeypointSchema

SETS = {"300w": IBUG_68, "wflw": WFLW_98}


def swaps(name: str) -> list[int]:
    """The partner of each keypoint in MMPose's config of a data set."""
    spec = importlib.util.find_spec("mmpose")
    assert spec is not None and spec.origin is not None
    path = Path(spec.origin).parent / f".mim/configs/_base_/datasets/{name}.py"
    points = runpy.run_path(str(path))["dataset_info"]["keypoint_info"]
    names = [points[i]["name"] for i in range(len(points))]
    return [names.index(points[i]["swap"] or names[i]) for i in range(len(points))]


@pytest.mark.parametrize("name", SETS)
def test_flips_are_mmposes(name: str):
    assert SETS[name].flip_indices == swaps(name)


@pytest.mark.parametrize(
    ("schema", "places"),
    [
        (IBUG_68, {0: "right_jaw_1", 8: "chin", 16: "left_jaw_1", 17: "right_eyebrow_1", 26: "left_eyebrow_1",
                   30: "nose_bridge_4", 33: "nose_base", 36: "right_eye_1", 45: "left_eye_1", 48: "right_mouth_corner",
                   54: "left_mouth_corner", 57: "lower_lip", 62: "inner_upper_lip", 66: "inner_lower_lip"}),
        (WFLW_98, {0: "right_jaw_1", 16: "chin", 32: "left_jaw_1", 33: "right_eyebrow_1", 46: "left_eyebrow_1",
                   54: "nose_bridge_4", 57: "nose_base", 60: "right_eye_1", 72: "left_eye_1", 76: "right_mouth_corner",
                   82: "left_mouth_corner", 85: "lower_lip", 96: "right_pupil", 97: "left_pupil"}),
    ],
)  # fmt: skip
def test_places_that_the_measures_use(schema: KeypointSchema, places: dict[int, str]):
    """NME's eye corners (36 and 45 of 300-W, 60 and 72 of WFLW), ends and middles."""
    assert {i: schema.keypoints[i] for i in places} == places


def test_outlines_are_closed_where_they_are_rings_and_never_cross_the_face():
    lines = set(map(frozenset, IBUG_68.skeleton))
    assert frozenset(("right_eye_6", "right_eye_1")) in lines
    assert frozenset(("right_eyebrow_5", "right_eyebrow_1")) not in lines
    assert frozenset(("right_eyebrow_9", "right_eyebrow_1")) in set(map(frozenset, WFLW_98.skeleton))
    for schema in SETS.values():
        mirrored = dict(schema.flip_pairs) | {b: a for a, b in schema.flip_pairs}
        found = set(map(frozenset, schema.skeleton))
        assert {frozenset(mirrored.get(n, n) for n in line) for line in found} == found


def test_a_prefix_is_on_every_name():
    schema = face_schema("x", jaw=8, eyebrow=5, eye=6, pupils=True, prefix="face_")
    assert schema.num_keypoints == 70 and all(n.startswith("face_") for n in schema.keypoints)
    assert ("face_left_pupil", "face_right_pupil") in schema.flip_pairs
