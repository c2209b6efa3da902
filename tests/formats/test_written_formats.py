"""What is written is what the annotation tools expect, by their documentation and their own exports."""

import json
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import yaml

from kpplugins.curation.export import export_annotations
from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import write_coco
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.open_source import open_source
from kpplugins.schema import KeypointSchema


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A converted folder of a cat and a dog in a.png, a cat in b.png, and nothing in c d.png, each in its own split."""
    raw = tmp_path / "raw"
    raw.mkdir()
    schema = KeypointSchema(
        "pets", ("left_eye", "right_eye", "nose"), (("left_eye", "right_eye"),), (("nose", "left_eye"),)
    )
    sizes = {"a.png": (60, 40), "b.png": (50, 50), "c d.png": (20, 10)}
    for name, (width, height) in sizes.items():
        cv2.imwrite(str(raw / name), np.zeros((height, width, 3), np.uint8))
    points = np.array([[10.0, 12, 2], [20.25, 12, 1], [0, 0, 0]])
    box = np.array([5.0, 5, 30, 25])
    cats = [PoseRecord(raw / n, *sizes[n], points, box, 500.0, raw, (), "cat") for n in ("a.png", "b.png")]
    dog = PoseRecord(
        raw / "a.png", 60, 40, np.zeros((3, 3)), np.array([1.0, 2, 39, 30]), 1064.0, raw, (), "dog"
    )
    reading = AnnotationSet(schema, [cats[0], dog, cats[1]], backgrounds=[ImageInfo(raw / "c d.png", 20, 10)])
    write_coco(
        reading, tmp_path / "pets", dict(zip([raw / n for n in sizes], ("train", "val", "test"), strict=True))
    )
    return tmp_path / "pets"


def test_labelme_as_the_tool_wants_it(pets: Path, tmp_path: Path):
    export_annotations(pets, tmp_path / "out", to="labelme")
    content = json.loads((tmp_path / "out/a.json").read_text())
    assert content["imagePath"] == "a.png" and content["imageData"] is None
    shapes = [(s["label"], s["shape_type"], s["group_id"], s["flags"]) for s in content["shapes"]]
    assert shapes == [
        ("cat", "rectangle", 1, {}),
        ("left_eye", "point", 1, {"occluded": False}),
        ("right_eye", "point", 1, {"occluded": True}),
        ("dog", "rectangle", 2, {}),
    ]
    assert json.loads((tmp_path / "out/c d.json").read_text())["shapes"] == []


def test_cvat_as_the_tool_wants_it(pets: Path, tmp_path: Path):
    export_annotations(pets, tmp_path / "out", to="cvat")
    root = ElementTree.parse(tmp_path / "out/annotations.xml").getroot()
    labels = [(e.findtext("name"), e.findtext("type"), e.findtext("parent")) for e in root.iter("label")]
    points = [(name, "points") for name in ("left_eye", "right_eye", "nose")]
    assert labels == [
        ("cat", "skeleton", None), *[(*p, "cat") for p in points],
        ("dog", "skeleton", None), *[(*p, "dog") for p in points],
        ("cat box", "rectangle", None), ("dog box", "rectangle", None),
    ]  # fmt: skip
    box, skeleton, *_ = root.find("image")
    assert box.attrib["group_id"] == skeleton.attrib["group_id"] == "1"
    assert (box.attrib["label"], box.attrib["xbr"]) == ("cat box", "30")
    states = [(p.get("label"), p.get("outside"), p.get("occluded"), p.get("points")) for p in skeleton]
    assert states == [
        ("left_eye", "0", "0", "10,12"), ("right_eye", "0", "1", "20.25,12"), ("nose", "1", "0", "17.5,15"),
    ]  # fmt: skip
    specs = json.loads((tmp_path / "out/labels.json").read_text())
    assert [(s["name"], s["type"]) for s in specs] == [
        ("cat", "skeleton"), ("dog", "skeleton"), ("cat box", "rectangle"), ("dog box", "rectangle"),
    ]  # fmt: skip
    # the drawing has no <svg> of its own, one circle a point by name, and whole numbers as ends of lines
    assert specs[0]["svg"] == root.find(".//svg").text and not specs[0]["svg"].startswith("<svg")
    drawing = ElementTree.fromstring(f"<svg>{specs[0]['svg']}</svg>")
    assert [c.get("data-label-name") for c in drawing.iter("circle")] == [
        s["name"] for s in specs[0]["sublabels"]
    ]
    assert [(e.get("data-node-from"), e.get("data-node-to")) for e in drawing.iter("line")] == [("3", "1")]
    # left_eye at (10, 12) in the box from (5, 5), 25 × 20: 0.2, 0.35 of a canvas from 10 to 90
    assert [(c.get("cx"), c.get("cy")) for c in drawing.iter("circle")][0] == ("26.00", "38.00")


def test_yolo_as_the_tool_wants_it(pets: Path, tmp_path: Path):
    export_annotations(pets, tmp_path / "out", to="yolo")
    config = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    names = ["left_eye", "right_eye", "nose"]
    assert config == {
        "train": "images/train", "val": "images/val", "test": "images/test", "kpt_shape": [3, 3], "flip_idx": [1, 0, 2],
        "names": {0: "cat", 1: "dog"}, "kpt_names": {0: names, 1: names},
    }  # fmt: skip
    first, second = (tmp_path / "out/labels/train/a.txt").read_text().splitlines()
    # 60×40: centre (17.5, 15), sides 25 and 20; 10/60 is rounded down
    assert first == "0 0.291666667 0.375 0.416666667 0.5 0.166666666 0.3 2 0.3375 0.3 1 0 0 0"
    assert second.split()[5:] == ["0"] * 9
    assert (tmp_path / "out/labels/test/c d.txt").read_text() == ""


def test_yolo_gets_no_fraction_beyond_one(pets: Path, tmp_path: Path):
    path = pets / "annotations/val.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["bbox"] = [-10, 5, 200, 200]
    path.write_text(json.dumps(content))
    report = export_annotations(pets, tmp_path / "out", to="yolo")
    box = (tmp_path / "out/labels/val/b.txt").read_text().split()[1:5]
    # 50×50, cut to 0, 5, 49, 49 when it was read
    assert box == ["0.49", "0.54", "0.98", "0.88"] and report["rules"][AppliedRule.BOX_CUT.value] == 1


def test_a_set_that_cannot_be_mirrored_has_no_flip_indices(pets: Path, tmp_path: Path):
    half = KeypointSchema.load(pets / "schema.json").subset(["left_eye"])
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [],
        "categories": [{"id": 1, "keypoints": ["left_eye"]}],
    }
    (pets / "annotations").rename(pets / "old")
    (pets / "annotations").mkdir()
    (pets / "annotations/all.json").write_text(json.dumps(content))
    half.save(pets / "schema.json")
    export_annotations(pets, tmp_path / "out", to="yolo")
    config = yaml.safe_load((tmp_path / "out/data.yaml").read_text())
    assert "flip_idx" not in config and config["val"] == "images/val"
    assert (tmp_path / "out/images/val").is_dir()
    assert open_source(tmp_path / "out")[1].schema.unpaired == ("left_eye",)


def test_label_studio_as_the_tool_wants_it(pets: Path, tmp_path: Path):
    export_annotations(pets, tmp_path / "out", to="labelstudio")
    config = ElementTree.parse(tmp_path / "out/label_config.xml").getroot()
    assert [child.tag for child in config] == ["Image", "RectangleLabels", "KeyPointLabels", "Choices"]
    assert [label.get("value") for label in config.iter("Label")] == [
        "cat",
        "dog",
        "left_eye",
        "right_eye",
        "nose",
    ]
    first, _, last = json.loads((tmp_path / "out/tasks.json").read_text())
    assert last["data"] == {"image": "/data/local-files/?d=media/c%20d.png"}
    assert last["annotations"][0]["result"] == []
    results = first["annotations"][0]["result"]
    box = next(
        r for r in results if r["type"] == "rectanglelabels"
    )  # behind its keypoints, over which it would lie
    (left, right), hidden = results[:2], next(r for r in results if r["type"] == "choices")
    assert results.index(box) > max(results.index(r) for r in (left, right, hidden))
    tags = {child.get("name") for child in config}
    assert {r["from_name"] for r in (box, left, right, hidden)} | {box["to_name"]} == tags
    assert (left["parentID"], hidden["id"]) == (box["id"], right["id"]) and hidden["value"]["choices"] == [
        "occluded"
    ]
    assert (left["original_width"], left["value"]["x"]) == (60, pytest.approx(1000 / 60))
