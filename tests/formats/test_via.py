import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.rule import Rule
from kpplugins.formats.via import is_via, read_via
from kpplugins.structures import BadInputError

HEADER = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"


def region(shape: Any, **attributes: Any) -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": attributes}


def point(x: Any, y: Any, **attributes: Any) -> dict[str, Any]:
    return region({"name": "point", "cx": x, "cy": y}, **attributes)


def rect(x: Any, y: Any, width: Any, height: Any, **attributes: Any) -> dict[str, Any]:
    return region({"name": "rect", "x": x, "y": y, "width": width, "height": height}, **attributes)


def good() -> dict[str, Any]:
    return {
        "a b.jpg123": {
            "filename": "a b.jpg",
            "size": 123,
            "file_attributes": {},
            "regions": [
                point(20, 30, Name="nose", instance="1"),
                point(30, 40, Name="tail", instance="1", occluded={"true": True}),
                rect(10, 20, 30, 40, label="cat", instance=1),
                point(60, 10, Name={"nose": True, "tail": False}, instance="2"),
                point(80, 15, Name="tail", instance="2", occluded="no"),
            ],
        },
        "empty.jpg5": {"filename": "empty.jpg", "size": 5, "file_attributes": {}, "regions": []},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "via"
    path.mkdir()
    for name in ("a b.jpg", "empty.jpg", "b.jpg"):
        cv2.imwrite(str(path / name), np.zeros((80, 100, 3), np.uint8))
    return write(path, good())


def write(folder: Path, content: Any) -> Path:
    (folder / "via.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def project(metadata: Any, path: str = "") -> dict[str, Any]:
    settings = {"core": {"default_filepath": path}}
    return {"_via_settings": settings, "_via_img_metadata": metadata, "_via_attributes": {}}


def write_csv(folder: Path, content: dict[str, Any]) -> Path:
    """As VIA exports: one row a region, one row with region_count 0 for an image without."""
    with (folder / "via.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER.split(","))
        for entry in content.values():
            n = len(entry["regions"])
            for i, r in enumerate(entry["regions"] or [region({})]):
                cells = [json.dumps(r["shape_attributes"]), json.dumps(r["region_attributes"])]
                rows.writerow([entry["filename"], entry["size"], "{}", n, i, *cells])
    (folder / "via.json").unlink()
    return folder


def numbered(content: dict[str, Any]) -> dict[str, Any]:
    """As VIA 1.x numbers the regions."""
    return {k: v | {"regions": {str(i): r for i, r in enumerate(v["regions"])}} for k, v in content.items()}


VARIANTS: dict[str, Callable[[Path], Path]] = {
    "bare": lambda folder: folder,
    "project": lambda folder: write(folder, project(good())),
    "1.x": lambda folder: write(folder, numbered(good())),
    "csv": lambda folder: write_csv(folder, good()),
    "file": lambda folder: folder / "via.json",
    "csv file": lambda folder: write_csv(folder, good()) / "via.csv",
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_gives_the_same_instances(variant: str, folder: Path):
    source = VARIANTS[variant](folder)
    reading = read_via(source)
    first, second = reading.records
    assert reading.schema.keypoints == ("nose", "tail")
    assert first.keypoints.tolist() == [[20, 30, 2], [30, 40, 1]]
    assert first.category == "cat" and first.bbox.tolist() == [10, 20, 40, 60]
    assert second.keypoints.tolist() == [[60, 10, 2], [80, 15, 2]]
    # from (60, 10) to (80, 15): longer side 20, margin 2
    assert second.bbox.tolist() == [58, 8, 82, 17]
    assert [p.path.name for p in reading.backgrounds] == ["empty.jpg"]
    assert reading.rules == {Rule.BOX_DERIVED: 1, Rule.AREA_DERIVED: 2}
    assert is_via(source)


def test_images_may_be_in_images_the_projects_folder_or_elsewhere(folder: Path, tmp_path: Path):
    for name in ("images", "pics"):
        (folder / name).mkdir()
    (folder / "a b.jpg").rename(folder / "images" / "a b.jpg")
    (folder / "empty.jpg").rename(folder / "pics" / "empty.jpg")
    write(folder, project(good(), "pics/"))
    assert len(read_via(folder).records) == 2
    write(folder, project(good(), "/home/x/pics/"))
    with pytest.raises(BadInputError, match="image is missing"):
        read_via(folder)
    (folder / "images" / "a b.jpg").rename(tmp_path / "a b.jpg")
    (folder / "pics" / "empty.jpg").rename(tmp_path / "empty.jpg")
    assert len(read_via(folder, images=tmp_path).records) == 2


def entry(*regions: Any, filename: Any = "b.jpg") -> dict[str, Any]:
    return {"x1": {"filename": filename, "size": 1, "regions": list(regions), "file_attributes": {}}}


@pytest.mark.parametrize("key", ["name", "keypoint", "label", "part", "Landmark"])
def test_points_are_named_by_what_all_of_them_have(key: str, folder: Path):
    regions = [point(1, 2, **{key: "p", "note": "x"}), point(3, 4, **{key: "q"})]
    assert read_via(write(folder, entry(*regions))).schema.keypoints == ("p", "q")


def test_without_instances_boxes_and_polygons_group_and_other_shapes_are_counted(folder: Path):
    polygon = {"name": "polygon", "all_points_x": [50, 90, 70], "all_points_y": [10, 10, 70]}
    regions = [
        rect(0, 0, 40, 40, type="dog"),
        region(polygon, type="cat"),
        point(70, 20, name="nose"),
        point(10, 20, name="nose"),
        region({"name": "circle", "cx": 1, "cy": 2, "r": 3}),
    ]
    dog, cat = read_via(write(folder, entry(*regions))).records
    assert (dog.category, dog.keypoints[0, 0]) == ("dog", 10)
    assert (cat.category, cat.keypoints[0, 0]) == ("cat", 70) and cat.bbox.tolist() == [50, 10, 90, 70]
    assert dog.rules == (Rule.AREA_DERIVED, Rule.SHAPE_IGNORED)


FAULTS = {
    "entry list": ({"x": []}, "image is wrong"),
    "no filename": (entry(filename=None), "filename is missing"),
    "absolute": (entry(filename="/a.jpg"), "absolute path"),
    "out": (entry(filename="../a.jpg"), "outside its folder"),
    "web": (entry(filename="http://x.org/a.jpg"), "web address"),
    "gone": (entry(filename="gone.jpg"), "image is missing"),
    "newline": (entry(filename="a\nb.jpg"), "filename is wrong"),
    "no regions": ({"x": {"filename": "b.jpg"}}, "regions is missing"),
    "region text": (entry("x"), r"regions\[0\]: region is wrong"),
    "no shape": (entry({"region_attributes": {}}), "shape_attributes is missing"),
    "no attributes": (entry({"shape_attributes": {"name": "point"}}), "region_attributes is missing"),
    "shape name": (entry(region({"name": 5})), "shape is wrong"),
    "text": (entry(point("1", 2, name="nose")), "cx is wrong"),
    "none": (entry(point(1, None, name="nose")), "cy is missing"),
    "nameless": (entry(point(1, 2, other="nose")), "attribute 'name' is missing"),
    "negative": (entry(rect(5, 5, -2, 4)), "box has no size.*positive"),
    "flat": (entry(rect(5, 5, 2, 0)), "box has no size"),
    "outside": (entry(rect(500, 5, 2, 2)), "box has no area in its image"),
    "polygon": (
        entry(region({"name": "polygon", "all_points_x": [1, 2, 3], "all_points_y": [1]})),
        "polygon is wrong.*3 x and 1 y",
    ),
    "twice": (entry(point(1, 2, name="a"), point(3, 4, name="a")), "'a' occurs twice"),
    "only circles": (entry(region({"name": "circle"})), "neither keypoints nor boxes.*circle"),
    "doubled": ({"y": good()["empty.jpg5"]}, "annotated twice"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_bad_image_is_named_with_its_place_and_can_be_skipped(case: str, folder: Path):
    content, words = FAULTS[case]
    write(folder, good() | content)
    with pytest.raises(BadInputError, match=rf"via\.json .*({words}).*--skip-bad") as caught:
        read_via(folder)
    assert "\n" not in str(caught.value)
    assert len(read_via(folder, skip_bad=True).records) == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("v.json", "", "empty"),
        ("v.json", "[]", "the file is wrong"),
        ("v.json", '{"a": {', ":1: not valid JSON"),
        ("v.json", '{"a": Infinity}', "not acceptable JSON"),
        ("v.json", '{"_via_img_metadata": []}', "'_via_img_metadata' is wrong"),
        ("v.json", json.dumps(entry(point(1, 2, p="a", q="b"))), "points have no name.*'p', 'q'"),
        ("v.csv", "a,b\n1,2\n", ":1: not a VIA CSV file"),
        ("v.csv", HEADER + "\nb.jpg,1,{}\n", ":2: row has another number of columns"),
        ("v.csv", HEADER + '\nb.jpg,1,{},1,0,"{oops",{}\n', ":2 region_shape_attributes:1: not valid JSON"),
        ("v.csv", HEADER + '\nb.jpg,1,{},1,0,"{""name"": ""point"', ":2: row has another number of columns"),
        ("v.csv", HEADER + '\nb.jpg,1,{},1,0,"{}"x,{}\n', ":2: not valid CSV"),
        ("v.csv", HEADER + "\nb.jpg,1,{},1,0,[],{}\n", ":2: shape_attributes is wrong"),
        ("v.csv", HEADER + "\nb.jpg,1,{},1,0,{},{}\n", ":2: shape is missing"),
        ("v.csv", HEADER + "\n,1,{},1,0,{},{}\n", ":2: filename is wrong"),
        ("v.csv", HEADER + "\n", "no keypoints here"),
    ],
)
def test_a_broken_file_is_named(name: str, content: str, words: str, folder: Path):
    (folder / "via.json").unlink()
    (folder / name).write_text(content)
    with pytest.raises(BadInputError, match=words):
        read_via(folder)


def test_a_bad_row_spoils_its_image_only(folder: Path):
    write_csv(folder, good())
    with (folder / "via.csv").open("a") as file:
        file.write("b.jpg,1,{},1,0,{},{}\r\n")
    with pytest.raises(BadInputError, match=r"via\.csv:8: shape is missing"):
        read_via(folder)
    assert len(read_via(folder, skip_bad=True).records) == 2


def test_nothing_there(tmp_path: Path):
    assert not is_via(tmp_path) and not is_via(tmp_path / "no")
    with pytest.raises(BadInputError, match="no VIA file"):
        read_via(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_is_read_or_refused_in_one_line(folder: Path, data: st.DataObject):
    (folder / "via.csv").unlink(missing_ok=True)
    write(folder, project(good()))
    source = folder / "via.json"
    if data.draw(st.booleans()):
        source = write_csv(folder, good()) / "via.csv"
    content = bytearray(source.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    source.write_bytes(content[: data.draw(st.integers(0, 4)) * -10 or None])
    try:
        assert isinstance(read_via(source, skip_bad=data.draw(st.booleans())), AnnotationSet)
    except BadInputError as error:
        assert "\n" not in str(error)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_value_is_read_or_refused_in_one_line(folder: Path, data: st.DataObject):
    content = good()
    regions = content["a b.jpg123"]["regions"]
    wrong = st.one_of(
        st.none(), st.booleans(), st.text(max_size=4), st.floats(), st.just([]), st.just({"a": 1})
    )
    chosen = data.draw(st.sampled_from([content, content["a b.jpg123"], *regions, *_parts(regions)]))
    chosen[data.draw(st.sampled_from(sorted(chosen)))] = data.draw(wrong)
    write(folder, content)
    try:
        assert isinstance(read_via(folder, skip_bad=data.draw(st.booleans())), AnnotationSet)
    except BadInputError as error:
        assert "\n" not in str(error)


def _parts(regions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for r in regions for part in r.values()]
