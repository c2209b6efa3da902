"""A file in which bytes or values were changed is read, or refused in one line: never anything else.

What is not damaged is read, with its images beside it or elsewhere.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.formats.open_source import open_source
from kpplugins.formats.openpose import BODIES
from kpplugins.structures import BadInputError

POINTS = [(10.0 + i / 2, 20.0 + i % 30) for i in range(98)]


def via3() -> Any:
    return {
        "project": {"vid_list": ["1"]}, "file": {"1": {"fname": "a.png", "type": 2, "loc": 1, "src": ""}},
        "attribute": {"1": {"aname": "name", "type": 4, "options": {"0": "nose"}},
                      "2": {"aname": "occluded", "type": 2, "options": {"0": "yes"}}},
        "view": {"1": {"fid_list": ["1"]}},
        "metadata": {"x": {"vid": "1", "z": [], "xy": [1, 20, 30], "av": {"1": "0", "2": "0"}},
                     "y": {"vid": "1", "z": [], "xy": [2, 10, 20, 30, 30], "av": {}}},
    }  # fmt: skip


def datumaro() -> Any:
    points = {"id": 0, "type": "points", "label_id": 0, "group": 1, "points": [20, 30], "visibility": [2]}
    box = {"id": 0, "type": "bbox", "label_id": 0, "group": 1, "bbox": [10, 20, 30, 30], "attributes": {}}
    element = {"type": "points", "label_id": 1, "points": [20, 30], "visibility": [1]}
    return {
        "categories": {"label": {"labels": [{"name": "cat", "parent": ""}, {"name": "nose", "parent": "cat"}]},
                       "points": {"items": [{"label_id": 0, "labels": ["nose"], "joints": [[0, 0]]}]}},
        "items": [{"id": "a", "annotations": [points, box, {"type": "skeleton", "label_id": 0, "elements": [element]}],
                   "image": {"path": "a.png", "size": [60, 80]}}],
    }  # fmt: skip


def animal_pose() -> Any:
    animal = {"image_id": 1, "category_id": 1, "bbox": [10, 20, 50, 50], "keypoints": [[20, 30, 1]]}
    category = {"id": 1, "name": "dog", "keypoints": ["nose"], "skeleton": [[0, 0]]}
    return {"images": {"1": "a.png"}, "annotations": [animal], "categories": [category]}


def openpose() -> Any:
    flat = [v for i in range(len(BODIES[15][0])) for v in (10 + i, 20, 0.5)]
    return {"people": [{"pose_keypoints_2d": flat, "face_keypoints_2d": []}]}


def mpii() -> Any:
    joints = [[20 + i, 30] for i in range(16)]
    person = {"image": "a.png", "center": [30, 30], "scale": 0.2, "joints": joints, "joints_vis": [1] * 16}
    own = {"img_paths": "a.png", "objpos": [30, 30], "scale_provided": 0.2, "joint_self": [[20, 30, 1]] * 16}
    return [person, own]


DOCUMENTS: dict[str, tuple[str, str, Callable[[], Any]]] = {
    "via": ("via.json", "via", via3),
    "datumaro": ("annotations/default.json", "datumaro", datumaro),
    "animalpose": ("keypoints.json", "animalpose", animal_pose),
    "openpose": ("a_keypoints.json", "openpose", openpose),
    "mpii": ("mpii.json", "mpii", mpii),
}


def pts() -> bytes:
    lines = "\n".join(f"{x} {y}" for x, y in POINTS[:68])
    return f"version: 1\nn_points: 68\n{{\n{lines}\n}}\n".encode()


def wflw() -> bytes:
    numbers = [v for point in POINTS for v in point]
    return " ".join(map(str, [*numbers, 5, 15, 70, 55, *[0] * 6, "a.png"])).encode()


TEXTS: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "300w": ("a.pts", "300w", pts),
    "wflw": ("list_98pt_rect_attr_train.txt", "wflw", wflw),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place in (".", "images", "annotations"):
        (tmp_path / place).mkdir(exist_ok=True)
    for name in ("a.png", "images/a.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((60, 80, 3), np.uint8))
    return tmp_path


@pytest.mark.parametrize("form", [*DOCUMENTS, *TEXTS])
def test_what_is_not_damaged_is_read(folder: Path, form: str):
    name, known, make = (DOCUMENTS | TEXTS)[form]
    content = make()
    (folder / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    found, reading = open_source(folder)
    assert found.name == known and reading.records and reading.records[0].num_labelled


@pytest.mark.parametrize("form", [*DOCUMENTS, *TEXTS])
def test_images_may_be_elsewhere(folder: Path, form: str, tmp_path_factory: pytest.TempPathFactory):
    name, known, make = (DOCUMENTS | TEXTS)[form]
    content, place = make(), tmp_path_factory.mktemp("images")
    (folder / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    (folder / "images/a.png").rename(place / "a.png")
    (folder / "a.png").unlink()
    with pytest.raises(BadInputError, match="image is missing"):
        open_source(folder)
    reading = open_source(folder, images=place)[1]
    assert {record.image for record in reading.records} == {place / "a.png"}


@pytest.mark.parametrize("form", ["via", "datumaro", "animalpose", "mpii", "wflw"])
@pytest.mark.parametrize(
    ("said", "way"),
    [
        ("C:\\\\me\\\\a.png", "path of another machine"),
        ("A.PNG", "another case"),
        ("%61.png", "spelling of %20"),
    ],
)
def test_images_are_found_by_other_names_and_said(folder: Path, form: str, said: str, way: str):
    name, known, make = (DOCUMENTS | TEXTS)[form]
    content = make()
    content = content.decode() if isinstance(content, bytes) else json.dumps(content)
    said = said if known != "wflw" else said.replace("\\\\", "\\")
    (folder / name).write_text(content.replace("a.png", said))
    (folder / "a.png").unlink()
    reading = open_source(folder, images=folder / "images")[1]
    assert {record.image for record in reading.records} == {folder / "images/a.png"}
    assert [way in line for line in reading.notes.lines if " found " in line] == [True]


def is_read_or_refused(folder: Path, known: str, skip_bad: bool) -> None:
    try:
        assert isinstance(open_source(folder, from_format=known, skip_bad=skip_bad)[1], AnnotationSet)
    except BadInputError as error:
        assert "\n" not in str(error)


def changed(content: bytes, data: st.DataObject) -> bytes:
    found = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        found[data.draw(st.integers(0, len(found) - 1))] = data.draw(st.integers(0, 255))
    return bytes(found[: data.draw(st.integers(0, 4)) * -10 or None])


CHECKED = settings(  # a quarter of the examples of the profile
    max_examples=settings.default.max_examples // 4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("form", [*DOCUMENTS, *TEXTS])
@CHECKED
@given(data=st.data())
def test_changed_bytes(folder: Path, form: str, data: st.DataObject):
    name, known, make = (DOCUMENTS | TEXTS)[form]
    content = make()
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / name).write_bytes(changed(text, data))
    is_read_or_refused(folder, known, data.draw(st.booleans()))


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container below a value with each of its keys."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, inner in items:
        found += [(value, key), *places(inner)]
    return found


WRONG = st.one_of(
    st.none(), st.booleans(), st.text(max_size=4), st.floats(), st.integers(-3, 3), st.just([]), st.just({"a": 1}),
    st.just([[1]]), st.just(10**30),
)  # fmt: skip


@pytest.mark.parametrize("form", DOCUMENTS)
@CHECKED
@given(data=st.data())
def test_changed_values(folder: Path, form: str, data: st.DataObject):
    name, known, make = DOCUMENTS[form]
    content = make()
    for _ in range(data.draw(st.integers(1, 2))):
        container, key = data.draw(st.sampled_from(places(content)))
        container[key] = deepcopy(data.draw(WRONG))
    (folder / name).write_text(json.dumps(content))
    is_read_or_refused(folder, known, data.draw(st.booleans()))


@settings(CHECKED, max_examples=settings.default.max_examples // 10)  # each starts a process
@given(data=st.data())
def test_changed_bytes_of_a_matlab_file(folder: Path, data: st.DataObject):
    point = {"x": 20.0, "y": 30.0, "id": 3, "is_visible": 1}
    person = {"annopoints": {"point": point}, "scale": 0.2, "objpos": {"x": 30.0, "y": 30.0}}
    release = {"annolist": {"image": {"name": "a.png"}, "annorect": person}, "img_train": 1}
    path = folder / "mpii.mat"
    savemat(path, {"RELEASE": release})
    path.write_bytes(changed(path.read_bytes(), data))
    is_read_or_refused(path, "mpii", data.draw(st.booleans()))
