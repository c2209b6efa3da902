"""Reading COCO keypoints, and writing them."""

import copy
import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from kpplugins.data.annotation_set import UNLABELLED
from kpplugins.data.coco.image_account import NOTHING_SAID
from kpplugins.data.coco.reader import is_coco, read_coco
from kpplugins.data.coco.schema import schema_of_file
from kpplugins.data.coco.writer import images_of, write_coco
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.open_source import open_source
from kpplugins.structures import BadInputError

CONTENT = {
    "images": [
        {"id": 1, "file_name": "a b.jpg", "width": 60, "height": 40},
        {"id": 2, "file_name": "empty.jpg", "width": 60, "height": 40},
    ],
    "categories": [
        {"id": 7, "name": "bird", "keypoints": ["beak", "left_wing", "right_wing"], "skeleton": [[1, 2], [1, 3]]}
    ],
    "annotations": [
        {
            "id": 5, "image_id": 1, "category_id": 7, "bbox": [10, 5, 30, 20], "area": 300, "iscrowd": 0,
            "keypoints": [12, 8, 2, 20, 10, 1, 0, 0, 0],
        },
        {"id": 6, "image_id": 1, "category_id": 7, "bbox": [0, 0, 5, 5], "iscrowd": 1},
    ],
}  # fmt: skip


def folder(root: Path, content: object = CONTENT, name: str = "train.json") -> Path:
    (root / "images").mkdir(parents=True, exist_ok=True)
    (root / "annotations").mkdir(exist_ok=True)
    for image in ("a b.jpg", "empty.jpg"):
        cv2.imwrite(str(root / "images" / image), np.zeros((40, 60, 3), np.uint8))
    (root / "annotations" / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return root


def changed(path: list, value: object) -> dict:
    content = copy.deepcopy(CONTENT)
    part = content
    for key in path[:-1]:
        part = part[key]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return content


def test_everything_in_the_file_is_read(tmp_path: Path):
    assert is_coco(folder(tmp_path))
    reading = read_coco(tmp_path)
    bird, crowd = reading.records
    assert bird.bbox.tolist() == [10, 5, 40, 25]
    assert bird.keypoints.tolist() == [[12, 8, 2], [20, 10, 1], [0, 0, 0]]
    assert (bird.area, bird.category, bird.crowd) == (300, "bird", False)
    assert (crowd.crowd, crowd.num_labelled, crowd.area) == (True, 0, 0.53 * 25)
    assert [p.path.name for p in reading.backgrounds] == ["empty.jpg"]
    assert set(reading.splits.values()) == {"train"}
    assert reading.schema.flip_pairs == (("left_wing", "right_wing"),)
    assert reading.schema.skeleton == (("beak", "left_wing"), ("beak", "right_wing"))


def test_a_point_outside_is_unlabelled_and_a_missing_box_is_derived_and_both_are_counted(tmp_path: Path):
    content = changed(["annotations", 0, "bbox"], None)
    content["annotations"][0]["keypoints"] = [12, 8, 2, 22, 13, 2, 70, 10, 2]
    reading = read_coco(folder(tmp_path, content))
    assert reading.rules == {
        AppliedRule.KEYPOINT_OUTSIDE: 1,
        AppliedRule.BOX_DERIVED: 1,
        AppliedRule.AREA_DERIVED: 1,
    }
    # (12, 8) to (22, 13): longer side 10, margin 1
    assert reading.records[0].bbox.tolist() == [11, 7, 23, 14]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["annotations", 0, "bbox"], [10, 5, -30, 20], "positive size.*-30"),
        (["annotations", 0, "bbox"], [10, 5, 30], "x, y, width, height"),
        (["annotations", 0, "bbox"], "10 5 30 20", "list of numbers"),
        (["annotations", 0, "bbox"], [10, 5, True, 20], "list of numbers"),
        (["annotations", 0, "keypoints"], [1, 2, 2], "expected 3 keypoints, 9 numbers; found 3 numbers"),
        (["annotations", 0, "keypoints"], [12, 8, 5] + [0] * 6, "visibility must be 0, 1 or 2"),
        (["annotations", 0, "keypoints"], [1e400, 8, 2] + [0] * 6, "keypoints is wrong"),
        (["annotations", 0, "image_id"], 99, "unknown image; found image_id 99"),
        (["annotations", 1, "id"], 5, "annotation 5: annotation id twice"),
        (["annotations", 0], 3, "not an object"),
        (["images", 1, "id"], 1, "image id twice"),
        (["images", 1, "file_name"], "gone.jpg", "image 2: image is missing.*gone.jpg"),
        (["images", 1, "file_name"], "../../etc/passwd", "outside its folder"),
        (["images", 1, "file_name"], "/etc/passwd", "absolute path"),
        (["images", 1, "file_name"], None, "id and file_name"),
        (["categories", 0, "keypoints"], [1, 2], "list of names"),
        (["categories", 0, "keypoints"], ["a", "a", "b"], "'a' twice"),
        (["categories", 0, "flip_pairs"], [1], "malformed"),
        (["categories"], None, "not a COCO file|no COCO"),
        (["images"], {}, "not a COCO file"),
    ],
)
def test_a_fault_names_file_place_and_cure(tmp_path: Path, path: list, value: object, words: str):
    folder(tmp_path, changed(path, value))
    with pytest.raises(BadInputError, match=words) as caught:
        read_coco(tmp_path / "annotations/train.json" if path[0] in ("categories", "images") else tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"images": [', "nonsense", '{"a": NaN}', "[" * 100000])
def test_files_that_are_no_json(tmp_path: Path, text: str):
    folder(tmp_path, text)
    with pytest.raises(BadInputError, match=r"train\.json"):
        read_coco(tmp_path / "annotations/train.json")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_read_or_refused_in_one_line(tmp_path: Path, data: st.DataObject):
    text = json.dumps(CONTENT)
    place = data.draw(st.integers(0, len(text) - 1))
    piece = data.draw(st.sampled_from(["", "null", "-1", '"x"', "[]", "{}", "1e999", "\\u0000", "true", "é"]))
    folder(tmp_path, text[:place] + piece + text[place + data.draw(st.integers(0, 3)) :])
    try:
        read_coco(tmp_path / "annotations/train.json", skip_bad=data.draw(st.booleans()))
    except BadInputError as error:
        assert "\n" not in str(error)


def odd_annotation(rng: np.random.Generator, number: int) -> dict:
    """Return an annotation of one of the kinds that files have: good, in need of a rule, or bad."""

    def value(far: float) -> object:
        usual = round(float(rng.uniform(0, far)), 2)
        odd = [far, far - 1, far + 0.5, far + 40, -3, 0, float("nan"), float("inf"), 10**400, "7", True, None]
        return usual if rng.random() > 0.02 else odd[rng.integers(len(odd))]

    def one_of(*values: object, usual: object) -> object:
        return usual if rng.random() > 0.15 else values[rng.integers(len(values))]

    shown = [one_of(0, 1, 3, 1.5, -1, usual=2) if rng.random() < 0.3 else 2 for _ in range(3)]
    points = [v for mark in shown for v in (value(60), value(40), mark)]
    box = [float(rng.uniform(0, 30)), float(rng.uniform(0, 20)), value(40), value(30)]
    entry = {
        "id": number, "image_id": number, "category_id": one_of(9, "8", 8, usual=7), "iscrowd": one_of(1, usual=0),
        "keypoints": one_of(None, [], points[:6], [0] * 9, "x", {}, [70, 50, 2] * 3, usual=points),
        "bbox": one_of(None, [], box[:3], [5, 5, 0, 0], [0, 0, 90, 90], [70, 0, 9, 9], 4, usual=box),
        "area": one_of(0, -1, "9", True, 1e12, None, float("nan"), usual=300),
    }  # fmt: skip
    return {key: v for key, v in entry.items() if v is not None}


def test_annotations_read_together_give_what_each_gives_alone(tmp_path: Path):
    rng = np.random.default_rng(0)
    numbers = range(1, 161)
    (tmp_path / "images").mkdir()
    file = tmp_path / "train.json"
    turned = Image.Exif()
    turned[0x0112] = 6
    plain, portrait = tmp_path / "plain.jpg", tmp_path / "turned.jpg"
    Image.new("RGB", (60, 40)).save(plain)
    Image.new("RGB", (60, 40)).save(portrait, exif=turned)
    for i in numbers:
        copied = portrait if i % 10 == 0 else plain
        (tmp_path / f"images/{i}.jpg").write_bytes(copied.read_bytes())
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 60, "height": 40} for i in numbers]
    categories = [*CONTENT["categories"], {"id": 8, "name": "fish", "keypoints": ["right_wing", "fin"]}]
    annotations = [odd_annotation(rng, i) for i in numbers]

    def read(chosen: list[int]) -> tuple[list[str], list[str], list[str]]:
        parts = {key: [entries[i - 1] for i in chosen] for key, entries in together.items()}
        file.write_text(json.dumps({**parts, "categories": categories}))
        reading = read_coco(file, images=tmp_path, skip_bad=True)
        records = [
            repr((r.image.name, r.keypoints.tolist(), r.bbox.tolist(), r.area, r.rules, r.category, r.crowd))
            for r in reading.records
        ]
        empty = [image.path.name for image in reading.backgrounds]
        return records, sorted(map(str, reading.faults)), empty

    together = {"images": images, "annotations": annotations}
    records, faults, empty = read(list(numbers))
    alone = [read([i]) for i in numbers]
    assert records == [record for part in alone for record in part[0]]
    assert faults == sorted(fault for part in alone for fault in part[1])
    assert empty == [name for part in alone for name in part[2]]
    assert len(records) > 40 and len({re.sub(r"[\d.]+", "", fault) for fault in faults}) > 10


def test_round_trip_loses_nothing(tmp_path: Path):
    reading = read_coco(folder(tmp_path / "in"))
    splits = {p.path: "train" for p in reading.backgrounds} | {r.image: "val" for r in reading.records}
    counts = write_coco(reading, tmp_path / "out", splits)
    assert counts == {"train": 1, "val": 1, "test": 0}
    again = read_coco(tmp_path / "out")
    for before, after in zip(reading.records, again.records, strict=True):
        assert after.keypoints.tolist() == before.keypoints.tolist()
        assert after.bbox.tolist() == before.bbox.tolist()
        assert (after.area, after.category, after.crowd) == (before.area, before.category, before.crowd)
        assert after.image.read_bytes() == before.image.read_bytes()
    assert again.schema == reading.schema
    assert [p.path.name for p in again.backgrounds] == ["empty.jpg"]
    assert schema_of_file(tmp_path / "out/annotations/test.json") == reading.schema


@pytest.mark.parametrize("place", ["copy", "hardlink", "symlink"])
def test_images_are_placed_as_asked(tmp_path: Path, place: str):
    reading = read_coco(folder(tmp_path / "in"))
    write_coco(reading, tmp_path / "out", dict.fromkeys(reading.splits, "train"), place=place)
    image = tmp_path / "out/images/a b.jpg"
    assert image.is_symlink() == (place == "symlink")
    assert len(read_coco(tmp_path / "out").records) == len(reading.records)
    assert (image.stat().st_nlink == 2) == (place == "hardlink")


def test_nothing_half_written_remains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    reading = read_coco(folder(tmp_path / "in"))

    def fail(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_coco(reading, tmp_path / "out", dict.fromkeys(reading.splits, "train"), progress=fail)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path):
    reading = read_coco(folder(tmp_path / "in"))
    with pytest.raises(BadInputError, match="exists and is not empty"):
        write_coco(reading, tmp_path / "in", {})


def test_coco_mini_is_read_whole(real_data: Path):
    """Counts against the source files, with crowds and unlabelled boxes."""
    raw = [json.loads(f.read_text()) for f in sorted((real_data / "coco_mini/annotations").glob("*.json"))]
    annotations = [a for content in raw for a in content["annotations"]]
    reading = read_coco(real_data / "coco_mini")
    assert len(reading.records) == len(annotations)
    assert sum(r.crowd for r in reading.records) == sum(a["iscrowd"] for a in annotations)
    labelled = sum(a["num_keypoints"] > 0 for a in annotations)
    assert sum(r.num_labelled > 0 for r in reading.records) == labelled == 154
    assert reading.schema.sigmas_source == "COCO's, by name"


TWO = changed(["categories"], [
    {"id": 7, "name": "bird", "keypoints": ["beak", "left_wing", "right_wing"], "skeleton": [[1, 2], [1, 3]]},
    {"id": 3, "name": "cup", "keypoints": ["rim", "handle", "beak"]},
])  # fmt: skip
TWO["annotations"].append({
    "id": 8, "image_id": 2, "category_id": 3, "bbox": [1, 1, 20, 20], "area": 99, "iscrowd": 0,
    "keypoints": [3, 4, 2, 0, 0, 0, 9, 9, 1],
})  # fmt: skip


def test_categories_with_different_keypoints_share_the_points_of_all(tmp_path: Path):
    reading = read_coco(folder(tmp_path, TWO))
    assert reading.schema.keypoints == ("beak", "left_wing", "right_wing", "rim", "handle")
    assert reading.schema.flip_pairs == (("left_wing", "right_wing"),)
    assert reading.schema.name == "bird+cup"
    bird, _, cup = reading.records
    assert bird.keypoints[3:].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert cup.keypoints.tolist() == [[9, 9, 1], [0, 0, 0], [0, 0, 0], [3, 4, 2], [0, 0, 0]]


def test_each_category_is_written_with_its_own_keypoints(tmp_path: Path):
    reading = read_coco(folder(tmp_path / "in", TWO))
    write_coco(reading, tmp_path / "out", reading.splits)
    content = json.loads((tmp_path / "out/annotations/train.json").read_text())
    assert {c["name"]: c["keypoints"] for c in content["categories"]} == {
        "bird": ["beak", "left_wing", "right_wing"],
        "cup": ["rim", "handle", "beak"],
    }
    _, again = open_source(tmp_path / "out")
    assert again.schema == reading.schema
    for before, after in zip(reading.records, again.records, strict=True):
        assert (before.category, before.keypoints.tolist()) == (after.category, after.keypoints.tolist())


def test_points_in_another_order_in_schema_json_are_put_in_order(tmp_path: Path):
    reading = read_coco(folder(tmp_path))
    other = reading.schema.subset(["right_wing", "beak", "left_wing"])
    other.save(tmp_path / "schema.json")
    _, again = open_source(tmp_path)
    assert again.schema == other
    assert again.records[0].keypoints.tolist() == [[0, 0, 0], [12, 8, 2], [20, 10, 1]]
    reading.schema.subset(["beak"]).save(tmp_path / "schema.json")
    with pytest.raises(BadInputError, match=r"schema\.json: other keypoints"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"id": 3, "name": "bird", "keypoints": ["tail"]}, "category 'bird' twice"),
        (
            {"id": 3, "name": "cup", "keypoints": ["beak"], "sigmas": [0.1]},
            "keypoint 'beak' has different sigmas.*0.2 and 0.1",
        ),
        (
            {
                "id": 3,
                "name": "cup",
                "keypoints": ["left_wing", "beak"],
                "flip_pairs": [["left_wing", "beak"]],
            },
            "in two flip pairs",
        ),
    ],
)
def test_categories_that_contradict_each_other(tmp_path: Path, second: dict, words: str):
    first = {**CONTENT["categories"][0], "sigmas": [0.2, 0.2, 0.2]}
    content = changed(["categories"], [first, second])
    with pytest.raises(BadInputError, match=words):
        read_coco(folder(tmp_path, content))


@pytest.mark.parametrize(
    ("skeleton", "lines", "note"),
    [
        ([[1, 2], [1, 3]], [("beak", "left_wing"), ("beak", "right_wing")], None),
        ([[0, 1], [0, 2], [1, 2]], [("beak", "left_wing"), ("beak", "right_wing"), ("left_wing", "right_wing")],
         "has a 0, so it counts the keypoints from 0"),
        ([[1, 2], [32, 33]], [("beak", "left_wing")], r"1 skeleton lines join no two.*\[32, 33\]"),
        ([[0, 1], [1, 3]], [], "counts from 0 and from 1, left out"),
        ([[1, 1], [-1, 2], [1], 5, None, [1.5, 2], [[1], 2], {"a": 1}], [], "8 skeleton lines"),
        ([[1e999, 2], [2, 1]], [("left_wing", "beak")], "1 skeleton lines"),
        ([["beak", "left_wing"], ["beak", "tail"]], [("beak", "left_wing")], "1 skeleton lines.*tail"),
        ("1-2", [], "1 skeleton lines"),
        (None, [], None),
    ],
)  # fmt: skip
def test_lines_are_drawing_only_never_fatal_and_never_shifted(
    tmp_path: Path, skeleton: object, lines: list, note: str | None
):
    content = copy.deepcopy(CONTENT)
    content["categories"][0]["skeleton"] = skeleton
    reading = read_coco(folder(tmp_path, json.dumps(content).replace("Infinity", "1e999")))
    assert list(reading.schema.skeleton) == lines
    assert re.search(note, " ".join(reading.notes)) if note else not reading.notes


def test_a_box_of_size_0_is_derived_and_an_empty_annotation_is_left_out_and_both_are_counted(tmp_path: Path):
    content = changed(["annotations", 0, "bbox"], [0, 0, 0, 0])
    content["annotations"][0]["keypoints"] = [12, 8, 2, 22, 13, 2, 0, 0, 0]
    content["annotations"].append(
        {"id": 7, "image_id": 2, "category_id": 7, "bbox": [0, 0, 0, 0], "area": 0, "keypoints": []}
    )
    reading = read_coco(folder(tmp_path, content))
    assert reading.records[0].bbox.tolist() == [11, 7, 23, 14]  # longer side 10, margin 1
    assert reading.rules[AppliedRule.BOX_WITHOUT_SIZE] == reading.rules[AppliedRule.BOX_DERIVED] == 1
    assert len(reading.records) == 2
    assert reading.backgrounds == []  # nobody has said that the second image is empty
    assert reading.notes.counts == {NOTHING_SAID: 1, UNLABELLED: 1}
    content["annotations"][-1]["image_id"] = 1
    reading = read_coco(folder(tmp_path, content))
    assert len(reading.records) == 2 and len(reading.backgrounds) == 1


@pytest.mark.parametrize("ids", ["texts", "texts of images", "floats"])
def test_ids_are_equal_as_text_and_as_number(tmp_path: Path, ids: str):
    content = copy.deepcopy(CONTENT)
    for entry in content["annotations"]:
        if ids == "texts":
            entry["image_id"], entry["category_id"] = str(entry["image_id"]), "7"
        elif ids == "floats":
            entry["image_id"], entry["category_id"] = float(entry["image_id"]), 7.0
    if ids == "texts of images":
        for entry in content["images"]:
            entry["id"] = f"00{entry['id']}"
    reading = read_coco(folder(tmp_path, content))
    assert [r.category for r in reading.records] == ["bird", "bird"]
    assert len(reading.backgrounds) == 1


def test_keypoints_without_names_are_numbered_and_can_be_named(tmp_path: Path):
    content = changed(["categories", 0, "keypoints"], None)
    content["categories"].append({"id": 9, "name": "nest"})
    _, reading = open_source(folder(tmp_path, content))
    assert reading.schema.keypoints == ("kpt_0", "kpt_1", "kpt_2")
    assert reading.schema.flip_pairs == ()
    assert reading.schema.skeleton == (("kpt_0", "kpt_1"), ("kpt_0", "kpt_2"))
    assert "name them with --names" in reading.notes.lines[-1]
    _, reading = open_source(tmp_path, names=["beak", "left_wing", "right_wing"])
    assert reading.schema.flip_pairs == (("left_wing", "right_wing"),)
    assert reading.schema.skeleton == (("beak", "left_wing"), ("beak", "right_wing"))
    assert reading.notes.lines[-1] == (
        "keypoints named as asked: kpt_0 is beak, kpt_1 is left_wing, kpt_2 is right_wing"
    )
    content["categories"] = []
    _, reading = open_source(folder(tmp_path, content), names=["beak", "left_wing", "right_wing"])
    assert {r.category for r in reading.records} == {"object"} and reading.records[0].num_labelled == 2
    with pytest.raises(BadInputError, match="--names: wrong number of names; expected 3 names.*found 2"):
        open_source(tmp_path, names=["a", "b"])


def test_names_that_the_source_has_can_be_changed(tmp_path: Path):
    _, reading = open_source(folder(tmp_path), names=["nose", "left_eye", "right_eye"])
    assert reading.schema.flip_pairs == (("left_eye", "right_eye"),)
    assert reading.schema.sigmas_source == "COCO's, by name"


def test_boxes_that_were_stored_as_xyxy(tmp_path: Path):
    content = changed(["annotations", 0, "bbox"], [10, 5, 40, 25])
    content["annotations"].pop(1)
    reading = read_coco(folder(tmp_path, content), box_format="xyxy")
    assert reading.records[0].bbox.tolist() == [10, 5, 40, 25]
    with pytest.raises(BadInputError, match="unknown box format.*xywh or xyxy.*'cxcywh'"):
        read_coco(tmp_path, box_format="cxcywh")
    with pytest.raises(BadInputError, match="with a positive size"):
        read_coco(folder(tmp_path, changed(["annotations", 0, "bbox"], [10, 5, 9, 25])), box_format="xyxy")


def test_categories_that_share_a_point_have_it_once_with_the_sigma_that_is_given(tmp_path: Path):
    body = {"id": 1, "name": "person", "keypoints": ["left_eye", "right_eye", "nose"]}
    dog = {"id": 2, "name": "dog", "keypoints": ["left_eye", "right_eye", "tail"]}
    content = {**CONTENT, "categories": [body, dog], "annotations": []}
    schema = read_coco(folder(tmp_path, content)).schema
    assert schema.keypoints == ("left_eye", "right_eye", "nose", "tail")
    assert schema.sigmas == (0.05,) * 4  # not all are COCO's
    content["categories"] = [{**body, "sigmas": [0.02, 0.02, 0.03]}, dog]
    assert read_coco(folder(tmp_path, content)).schema.sigmas == (0.02, 0.02, 0.03, 0.05)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("person_keypoints_train2017", "train"),
        ("my-val", "val"),
        ("test", "test"),
        ("latest_export", None),
        ("constraint", None),
    ],
)
def test_only_a_whole_word_in_the_files_name_is_a_split(tmp_path: Path, name: str, split: str | None):
    reading = read_coco(folder(tmp_path, name=f"{name}.json"))
    assert set(reading.splits.values()) == ({split} if split else set())


def test_one_point_alone_gets_a_box_with_an_area(tmp_path: Path):
    content = changed(["annotations", 0, "bbox"], None)
    content["annotations"][0]["keypoints"] = [12, 8, 2, 0, 0, 0, 0, 0, 0]
    box = read_coco(folder(tmp_path, content)).records[0].bbox
    assert (box[2:] > box[:2]).all()


def test_points_that_cannot_be_mirrored_stay_so(tmp_path: Path):
    reading = read_coco(folder(tmp_path / "in"))
    reading.schema = reading.schema.subset(["beak", "left_wing"])
    reading.records = [replace(r, keypoints=r.keypoints[:2]) for r in reading.records]
    write_coco(reading, tmp_path / "out", dict.fromkeys((p.path for p in images_of(reading)), "train"))
    assert schema_of_file(tmp_path / "out/annotations/train.json").unpaired == ("left_wing",)


@pytest.mark.parametrize("measured", [5000, 1], ids=["all", "one"])
def test_a_training_compares_sizes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: int):
    """Datasets read without ``check_images``: of a large file, a part is measured, and all if one has to be turned."""
    monkeypatch.setattr("kpplugins.data.coco.reader._MEASURED", measured)
    folder(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("a b.jpg", "empty.jpg"):
        Image.new("RGB", (60, 40)).save(tmp_path / "images" / name, exif=exif)
    reading = read_coco(tmp_path, check_images=False)
    assert {(r.width, r.height) for r in reading.records} == {(40, 60)}
    assert reading.rules[AppliedRule.EXIF_TURNED] == 2
    assert (reading.backgrounds[0].width, reading.backgrounds[0].height) == (40, 60)
    cv2.imwrite(str(tmp_path / "images" / "a b.jpg"), np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(BadInputError, match="another size.*60×40.*30×20"):
        read_coco(tmp_path, check_images=False)


def test_boxes_of_a_pixel_of_two_categories_are_no_keypoints_of_one_thing(tmp_path: Path):
    """In a file of this project, which says so by ``flips``."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((9, 9, 3), np.uint8))
    boxes = [
        {
            "id": i,
            "image_id": 1,
            "category_id": i,
            "bbox": [1, 1, 1, 1],
            "area": 1,
            "iscrowd": 0,
            "keypoints": [0, 0, 0],
        }
        for i in (1, 2)
    ]
    categories = [{"id": i, "name": f"cat {i}", "keypoints": ["eye"], "flips": "known"} for i in (1, 2)]
    images = [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}]
    content = {"images": images, "annotations": boxes, "categories": categories}
    (tmp_path / "a.json").write_text(json.dumps(content))
    reading = read_coco(tmp_path / "a.json")
    assert [record.category for record in reading.records] == ["cat 1", "cat 2"]
    assert reading.schema.keypoints == ("eye",)
