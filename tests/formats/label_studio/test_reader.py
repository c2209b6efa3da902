import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.label_studio.reader import is_label_studio, read_label_studio
from kpplugins.structures import BadInputError


def result(kind: str, value: Any, name: str = "", parent: Any = None, **more: Any) -> dict[str, Any]:
    size = {"original_width": 200, "original_height": 100, "image_rotation": 0}
    found = {"id": name, "type": kind, "value": value, **size, **more}
    return found if parent is None else found | {"parentID": parent}


def point(x: Any, y: Any, label: Any, name: str = "", parent: Any = None, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": 0.5, "keypointlabels": [label]}
    return result("keypointlabels", value, name, parent, **more)


def box(x: Any, y: Any, width: Any, height: Any, label: Any, name: str = "", turn: Any = 0) -> dict[str, Any]:
    sides = {"x": x, "y": y, "width": width, "height": height, "rotation": turn, "rectanglelabels": [label]}
    return result("rectanglelabels", sides, name)


def task(*results: Any, image: Any = "/data/upload/29/a.jpg", **more: Any) -> dict[str, Any]:
    annotation = {"id": 1, "result": list(results), "was_cancelled": False, "ground_truth": False}
    return {"id": 1, "annotations": [annotation], "data": {"image": image}, "predictions": [], **more}


def good() -> list[dict[str, Any]]:
    return [
        task(
            point(10, 20, "nose", "p1", "b1"),
            point(90, 90, "tail", "p2", "b1"),
            result("choices", {"choices": ["Occluded"]}, "p2"),
            box(5, 10, 50, 60, "cat", "b1"),
            box(50, 0, 50, 50, "dog", "b2"),
            point(75, 25, "nose", "p3", "b2"),
            {"type": "relation", "from_id": "b1", "to_id": "p1", "direction": "right"},
        ),
        task(image="/data/local-files/?d=pets/empty%20%C3%A4.jpg"),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "export"
    (path / "images" / "pets").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "pets/empty ä.jpg"):
        cv2.imwrite(str(path / "images" / name), np.zeros((100, 200, 3), np.uint8))
    return write(path, good())


def write(folder: Path, content: Any) -> Path:
    (folder / "data.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_percent_become_pixels_and_parents_their_points(folder: Path):
    reading = read_label_studio(folder)
    cat, dog = reading.records
    # 200×100: 10 % is x 20, 20 % is y 20; 90 %, 90 % is (180, 90), outside its box but by its parent in it
    assert cat.keypoints.tolist() == [[20, 20, 2], [180, 90, 1]]
    assert cat.category == "cat" and cat.bbox.tolist() == [10, 10, 110, 70]
    assert dog.keypoints.tolist() == [[150, 25, 2], [0, 0, 0]] and dog.category == "dog"
    assert dog.bbox.tolist() == [100, 0, 199, 50]
    assert [p.path.name for p in reading.backgrounds] == ["empty ä.jpg"]
    assert is_label_studio(folder) and is_label_studio(folder / "data.json")


def test_without_parents_the_smallest_box_decides(folder: Path):
    found = read_label_studio(
        write(
            folder,
            [
                task(
                    box(0, 0, 60, 60, "cat"), box(5, 5, 10, 10, "dog"), point(10, 10, "a"), point(50, 50, "a")
                )
            ],
        )
    )
    assert [(r.category, r.keypoints[0, 0]) for r in found.records] == [("cat", 100), ("dog", 20)]


def test_without_boxes_all_points_are_one_instance(folder: Path):
    (record,) = read_label_studio(write(folder, [task(point(10, 10, "a"), point(50, 50, "b"))])).records
    # from (20, 10) to (100, 50): longer side 80, margin 8
    assert record.bbox.tolist() == [12, 2, 108, 58] and record.rules == (
        AppliedRule.BOX_DERIVED,
        AppliedRule.AREA_DERIVED,
    )


def test_a_turned_box_becomes_the_upright_one_in_pixels(folder: Path):
    # (100, 0)-(140, 10) by 90° clockwise around (100, 0): x from 90 to 100, y from 0 to 40
    found = read_label_studio(write(folder, [task(box(50, 0, 20, 10, "cat", turn=90), point(47, 10, "a"))]))
    assert np.allclose(found.records[0].bbox, [90, 0, 100, 40])


def test_json_min_groups_by_boxes(folder: Path):
    def flat(found: dict[str, Any]) -> dict[str, Any]:
        size = {k: found[k] for k in ("original_width", "original_height", "image_rotation")}
        return found["value"] | size

    content = {
        "image": "/data/upload/29/a.jpg",
        "id": 1,
        "kp": [flat(point(10, 20, "nose")), flat(point(75, 25, "nose"))],
        "bbox": [flat(box(5, 10, 40, 60, "cat")), flat(box(50, 0, 50, 50, "dog"))],
        "annotator": 1,
        "annotation_id": 22,
    }
    reading = read_label_studio(write(folder, [content]))
    assert [(r.category, r.keypoints[0].tolist()) for r in reading.records] == [
        ("cat", [20, 20, 2]),
        ("dog", [150, 25, 2]),
    ]
    assert is_label_studio(folder)


@pytest.mark.parametrize(
    "image",
    [
        "/data/upload/29/b.jpg",
        "/data/upload/b.jpg",
        "/data/upload/29/1a2b3c4d-b.jpg",
        "/data/local-files/?d=some/where/b.jpg",
        "http://localhost:8080/data/local-files/?d=b.jpg",
        "http://localhost:8080/data/upload/3/b.jpg",
        "s3://bucket/some/b.jpg",
        "https://x.org/some/b.jpg?token=1",
        "b.jpg",
        "images/b.jpg",
    ],
)
def test_the_image_is_found_by_any_of_its_addresses(image: str, folder: Path, tmp_path: Path):
    write(folder, [task(point(10, 10, "a"), image=image)])
    assert read_label_studio(folder).records[0].image == folder / "images" / "b.jpg"
    (folder / "images").rename(tmp_path / "elsewhere")
    if not image.startswith("images/"):
        assert len(read_label_studio(folder, images=tmp_path / "elsewhere").records) == 1


def test_ground_truth_decides_between_annotators(folder: Path):
    content = task(point(10, 10, "a"))
    other = task(point(20, 20, "a"))["annotations"][0]
    content["annotations"].append(other)
    write(folder, [content])
    chosen = [read_label_studio(folder, annotation=n).records[0].keypoints[0, 0] for n in (1, 2)]
    assert chosen[0] * 2 == pytest.approx(chosen[1])
    with pytest.raises(BadInputError, match="no such annotation.*--annotation 1 to 2.*found 3"):
        read_label_studio(folder, annotation=3)
    with pytest.raises(BadInputError, match="several annotations.*2, 0 of them.*ground truth"):
        read_label_studio(write(folder, [content]))
    other["ground_truth"] = True
    assert read_label_studio(write(folder, [content])).records[0].keypoints[0, 0] == 40
    other["ground_truth"], other["was_cancelled"] = False, True
    assert read_label_studio(write(folder, [content])).records[0].keypoints[0, 0] == 20


def named(**more: Any) -> dict[str, Any]:
    return task(point(10, 10, "nose"), image="b.jpg") | more


def holds(*results: Any) -> dict[str, Any]:
    return task(*results, image="b.jpg")


POLYGON = result("polygonlabels", {"points": [[1, 2], [3, 4], [5, 9]], "polygonlabels": ["x"]})
FAULTS = {
    "text": ("x", "task is wrong"),
    "no data": (named(data=None), "data is missing"),
    "no image": (named(data={"text": "x"}), "task names no image"),
    "image number": (named(data={"image": 5}), "data.image is wrong"),
    "absolute": (named(data={"image": "/home/x/c.jpg"}), "absolute path"),
    "local absolute": (named(data={"image": "/data/local-files/?d=/etc/c.jpg"}), "absolute path"),
    "out": (named(data={"image": "/data/upload/1/../../../b.jpg"}), "outside its folder"),
    "out encoded": (named(data={"image": "/data/local-files/?d=%2E%2E/%2E%2E/b.jpg"}), "outside its folder"),
    "gone": (named(data={"image": "gone.jpg"}), "image is missing"),
    "newline": (named(data={"image": "/data/local-files/?d=a%0Ab.jpg"}), "no usable name"),
    "bad address": (named(data={"image": "http://[x/c.jpg"}), "web address"),
    "not annotated": (named(annotations=[]), "not annotated"),
    "annotations dict": (named(annotations={}), "annotations is wrong"),
    "result text": (holds("x"), r"annotations\[0\] result\[0\]: result is wrong"),
    "no type": (holds({"value": {}}), "type is missing"),
    "no value": (holds(point(1, 1, "a") | {"value": None}), "value is missing"),
    "x text": (holds(point("1", 1, "a")), "x is wrong"),
    "no y": (holds(point(1, None, "a")), "y is missing"),
    "label number": (holds(point(1, 1, 5)), "label is wrong"),
    "no size": (holds(point(1, 1, "a", original_width=None)), "width is missing"),
    "negative size": (holds(point(1, 1, "a", original_width=-200)), "image size is wrong"),
    "size": (holds(point(1, 1, "a", original_width=300)), "another size.*300×100"),
    "sizes": (holds(point(1, 1, "a", original_width=300), point(1, 1, "b")), "different sizes"),
    "turned": (holds(point(1, 1, "a", image_rotation=90)), "turned.*90"),
    "parent": (holds(point(1, 1, "a", parent="zzz")), "parentID is not a box"),
    "parent number": (holds(point(1, 1, "a", parent=[1])), "parentID is not a box"),
    "flat": (holds(box(1, 1, 0, 5, "a")), "box has no size"),
    "negative": (holds(box(1, 1, -5, 5, "a")), "box has no size"),
    "twice": (holds(point(1, 1, "a"), point(2, 2, "a")), "'a' occurs twice"),
    "polygons": (holds(POLYGON), "neither keypoints nor boxes.*polygonlabels"),
    "doubled": (task(point(1, 1, "nose")), "annotated twice"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_bad_task_is_named_with_its_place_and_can_be_skipped(case: str, folder: Path):
    content, words = FAULTS[case]
    write(folder, [*good(), content])
    with pytest.raises(BadInputError, match=rf"data\.json task\[2\].*({words}).*--skip-bad") as caught:
        read_label_studio(folder)
    assert "\n" not in str(caught.value)
    if case == "doubled":  # neither counts, and nothing else is labelled
        with pytest.raises(BadInputError, match="no keypoints here"):
            read_label_studio(folder, skip_bad=True)
    else:
        assert len(read_label_studio(folder, skip_bad=True).records) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"{}", "the file is wrong.*a list"),
        (b'[{"id":', ":1: not valid JSON"),
        (b"[NaN]", "not acceptable JSON"),
        (b"\xff[]", "not UTF-8"),
        (b"[]", "no keypoints here"),
    ],
)
def test_a_broken_file_is_named(content: bytes, words: str, folder: Path):
    (folder / "data.json").write_bytes(content)
    with pytest.raises(BadInputError, match=words):
        read_label_studio(folder)


def test_a_linked_image_outside_is_refused(folder: Path, tmp_path: Path):
    (folder / "images" / "b.jpg").rename(tmp_path / "b.jpg")
    (folder / "images" / "b.jpg").symlink_to(tmp_path / "b.jpg")
    with pytest.raises(BadInputError, match="outside its folder"):
        read_label_studio(write(folder, [named()]))


def test_polygons_beside_points_are_counted(folder: Path):
    (record,) = read_label_studio(write(folder, [holds(POLYGON, point(1, 1, "a"), point(9, 9, "b"))])).records
    assert AppliedRule.SHAPE_IGNORED in record.rules


def real_copy(real_data: Path, name: str, file: str, image: str, size: tuple[int, int], out: Path) -> Path:
    """The export has no images: a black one of the size that it names takes the place."""
    shutil.copytree(real_data / "exports" / "label_studio" / name, out)
    cv2.imwrite(str(out / image), np.zeros((size[1], size[0], 3), np.uint8))
    return out / file


def test_the_real_keypoints_are_read_as_they_are_written(real_data: Path, tmp_path: Path):
    source = real_copy(
        real_data, "test_export_yolo", "data_keypoints.json", "image1.jpg", (216, 174), tmp_path / "x"
    )
    reading = read_label_studio(source)
    (record,) = reading.records
    # 3 keypoints, all with the rectangle as parent
    assert reading.schema.keypoints == ("nose", "left_eye", "right_eye") and record.num_labelled == 3
    assert record.category == "person" and not reading.faults
    assert reading.rules == {AppliedRule.AREA_DERIVED: 1}
    # 64.444… % of 216 = 139.2; 39.2907… % of 174 = 68.3658…
    assert np.allclose(record.keypoints[0], [139.2, 68.36595744680851, 2])
    assert np.allclose(record.bbox, [83.9148936, 13.3276596, 186.0936170, 101.9319149])
    assert is_label_studio(real_data / "exports" / "label_studio" / "test_export_yolo")


def test_the_real_polygons_are_refused_with_the_reason(real_data: Path, tmp_path: Path):
    source = real_copy(
        real_data, "test_export_json_min", "data.json", "example.png", (128, 128), tmp_path / "x"
    )
    words = "neither keypoints nor boxes.*polygonlabels"
    with pytest.raises(BadInputError, match=words):
        read_label_studio(source)
    with pytest.raises(BadInputError, match=f"no keypoints here.*1 bad, the first: .*{words}"):
        read_label_studio(source, skip_bad=True)
    with pytest.raises(BadInputError, match="image is missing.*'example.png' in images/ or the same folder"):
        read_label_studio(real_data / "exports" / "label_studio" / "test_export_json_min")


def test_nothing_there(tmp_path: Path):
    assert not is_label_studio(tmp_path) and not is_label_studio(tmp_path / "no")
    with pytest.raises(BadInputError, match="no Label Studio file"):
        read_label_studio(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_is_read_or_refused_in_one_line(folder: Path, data: st.DataObject):
    content = bytearray(json.dumps(good()).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "data.json").write_bytes(content[: data.draw(st.integers(0, 4)) * -10 or None])
    read_or_refuse(folder, data.draw(st.booleans()))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_value_is_read_or_refused_in_one_line(folder: Path, data: st.DataObject):
    content = good()
    annotation = content[0]["annotations"][0]
    parts = [r["value"] for r in annotation["result"] if "value" in r]
    wrong = st.one_of(
        st.none(), st.booleans(), st.text(max_size=4), st.floats(), st.just([]), st.just({"a": 1})
    )
    chosen = data.draw(
        st.sampled_from([content[0], content[0]["data"], annotation, *annotation["result"], *parts])
    )
    chosen[data.draw(st.sampled_from(sorted(chosen)))] = data.draw(wrong)
    write(folder, content)
    read_or_refuse(folder, data.draw(st.booleans()))


def read_or_refuse(folder: Path, skip_bad: bool) -> None:
    try:
        assert isinstance(read_label_studio(folder, skip_bad=skip_bad), AnnotationSet)
    except BadInputError as error:
        assert "\n" not in str(error)
