import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpplugins.data.rule import AppliedRule
from kpplugins.formats.open_source import open_source
from kpplugins.formats.yolo_pose.reader import flip_pairs_of, is_yolo_pose, label_path, read_yolo_pose
from kpplugins.structures import BadInputError

YAML = """path: ../datasets/ours
train: images/train
val: images/val
kpt_shape: [3, 3]
flip_idx: [1, 0, 2]
names:
  0: cat
  2: big dog
"""
LINE = "0 0.5 0.5 0.4 0.25 0.4 0.5 2 0.6 0.5 1 0 0 0\n"


def image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".jpg", np.full((80, 100, 3), 127, np.uint8))[1].tobytes())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two training images, the second a background, and one for validation; all 100×80."""
    root = tmp_path / "data"
    for name in ("train/ein bild", "train/b", "val/ç"):
        image(root / "images" / f"{name}.jpg")
    for part in ("train", "val"):
        (root / "labels" / part).mkdir(parents=True)
    (root / "data.yaml").write_text(YAML)
    (root / "labels/train/ein bild.txt").write_text(
        LINE + "\n2 0.1 0.1 0.2 0.2 0.1 0.1 2 1.5 0.1 2 0.1 0.2 2\n"
    )
    (root / "labels/val/ç.txt").write_text(LINE)
    return root


def test_one_label_file_of_two_images_is_a_fault_and_neither_counts(data: Path):
    image(data / "images" / "val" / "ç.png")
    with pytest.raises(BadInputError, match=r"ç\.txt: label file fits two images.*ç\.jpg and ç\.png"):
        read_yolo_pose(data)
    reading = read_yolo_pose(data, skip_bad=True)
    assert [r.image.name for r in reading.records] == ["ein bild.jpg"] * 2


def test_an_image_under_two_names_is_listed_twice(data: Path):
    (data / "images/val/link.jpg").symlink_to(data / "images/train/b.jpg")
    with pytest.raises(BadInputError, match=r"listed twice.*link\.jpg in train too"):
        read_yolo_pose(data)


def test_images_without_a_label_file_are_counted_apart_from_empty_ones(
    data: Path, caplog: pytest.LogCaptureFixture
):
    reading = read_yolo_pose(data)
    assert [b.path.name for b in reading.backgrounds] == ["b.jpg"] and reading.notes.counts.total() == 1
    assert "1 × image without a label file, taken as one without instances" in caplog.text
    (data / "labels/train/b.txt").touch()
    reading = read_yolo_pose(data)
    assert [b.path.name for b in reading.backgrounds] == ["b.jpg"] and not reading.notes.counts


def test_boxes_points_and_splits(data: Path):
    assert is_yolo_pose(data) and is_yolo_pose(data / "data.yaml")
    reading = read_yolo_pose(data)
    first, second, third = reading.records
    assert reading.schema.keypoints == ("kpt_0", "kpt_1", "kpt_2")
    assert reading.schema.flip_pairs == (("kpt_0", "kpt_1"),)
    # x times 100, y times 80
    assert first.keypoints.tolist() == [[40, 40, 2], [60, 40, 1], [0, 0, 0]]
    assert first.bbox == pytest.approx([30, 30, 70, 50])
    assert first.area == pytest.approx(0.53 * 40 * 20)
    assert (first.category, second.category) == ("cat", "big dog")
    assert second.keypoints[1].tolist() == [0, 0, 0]
    assert reading.rules == {AppliedRule.KEYPOINT_OUTSIDE: 1, AppliedRule.AREA_DERIVED: 3}
    assert [p.path.name for p in reading.backgrounds] == ["b.jpg"]
    assert {p.name: s for p, s in reading.splits.items()} == {
        "ein bild.jpg": "train",
        "b.jpg": "train",
        "ç.jpg": "val",
    }
    assert third.image.name == "ç.jpg"


@pytest.mark.parametrize("word", ["validation", "valid"])
def test_other_words_for_val(data: Path, word: str):
    (data / "data.yaml").write_text(YAML.replace("val:", f"{word}:"))
    reading = read_yolo_pose(data)
    assert sorted(reading.splits.values()) == ["train", "train", "val"] and not reading.notes.lines


def test_a_key_with_images_that_is_no_split_is_said(data: Path):
    (data / "data.yaml").write_text(YAML.replace("val:", "minival:") + "license: MIT\nurl: https://x.org/a\n")
    reading = read_yolo_pose(data)
    assert len(reading.records) == 2
    assert reading.notes.lines == ["key 'minival' leads to images that are not read (1): it is no split"]
    (data / "data.yaml").write_text(YAML + "validation: images/train\n")
    assert "key 'validation' leads to images that are not read (2)" in read_yolo_pose(data).notes.lines[0]


def test_paths_of_another_machine(data: Path):
    away = YAML.replace("images/train", "/content/ours/images/train").replace(
        "images/val", "D:\\ours\\val.txt"
    )
    (data / "data.yaml").write_text(away)
    (data / "val.txt").write_text("/content/ours/images/val/ç.jpg\n", encoding="utf-8")
    reading = read_yolo_pose(data)
    assert sorted(reading.splits.values()) == ["train", "train", "val"]
    assert "1 image found by the end of a path of another machine" in reading.notes.lines[0]


def test_a_box_without_size_is_derived(data: Path):
    (data / "labels/val/ç.txt").write_text(LINE.replace("0.4 0.25", "0 0", 1))
    record = read_yolo_pose(data).records[-1]
    assert record.bbox == pytest.approx([38, 38, 62, 42])  # (40, 40) to (60, 40): longer side 20
    assert AppliedRule.BOX_WITHOUT_SIZE in record.rules


def test_labels_in_the_other_unicode_form(data: Path):
    (data / "labels/val/ç.txt").rename(data / f"labels/val/{unicodedata.normalize('NFD', 'ç')}.txt")
    assert len(read_yolo_pose(data).records) == 3


def test_names_keep_the_stated_pairs(data: Path):
    _, reading = open_source(data, names=["front", "back", "top"])
    assert reading.schema.flip_pairs == (("front", "back"),)  # flip_idx: [1, 0, 2]
    with pytest.raises(BadInputError, match="--images: format yolo has no option 'images'"):
        open_source(data, images=data)


def test_two_values_a_point(data: Path):
    (data / "data.yaml").write_text(
        YAML.replace("[3, 3]", "[3, 2]") + "kpt_names: [left_eye, right_eye, nose]\n"
    )
    for path in data.glob("labels/*/*.txt"):
        path.write_text("0 0.5 0.5 0.4 0.25 0.4 0.5 0.6 0.5 0 0")
    reading = read_yolo_pose(data)
    assert reading.schema.keypoints == ("left_eye", "right_eye", "nose")
    assert reading.records[0].keypoints.tolist() == [[40, 40, 2], [60, 40, 2], [0, 0, 0]]


def test_names_of_points_by_class(data: Path):
    (data / "data.yaml").write_text(YAML + "kpt_names:\n  0: [a, b, c]\n  2: [a, b, c]\n")
    assert read_yolo_pose(data).schema.keypoints == ("a", "b", "c")
    (data / "data.yaml").write_text(YAML + "kpt_names:\n  0: [a, b, c]\n  2: [a, b, d]\n")
    with pytest.raises(BadInputError, match="kpt_names: .*the same for every class"):
        read_yolo_pose(data)


@pytest.mark.parametrize(
    "entries",
    [
        "path: .\ntrain: [images/train]\nval: images/val/\n",
        "train: ./images/train\nval: ../images/val\n",  # Roboflow's way
        "path: images\ntrain: train\nval: val\n",
        "train: train.txt\nval: lists/val.txt\n",
    ],
)
def test_ways_of_naming_images(data: Path, entries: str):
    (data / "train.txt").write_text("./images/train/ein bild.jpg\nimages/train/b.jpg\n\n")
    (data / "lists").mkdir()
    (data / "lists/val.txt").write_text("images/val/ç.jpg")
    (data / "data.yaml").write_text(entries + YAML.split("val\n", 1)[1])
    if "path: images" in entries:  # no folder `images` below the root: labels lie beside the images
        for path in data.glob("labels/*/*.txt"):
            path.rename(data / "images" / path.parent.name / path.name)
    reading = read_yolo_pose(data)
    assert (len(reading.records), len(reading.backgrounds)) == (3, 1)
    assert sorted(reading.splits.values()) == ["train", "train", "val"]


def test_label_paths():
    root = Path("/images/of/me")
    assert label_path(root, root / "images/train/a.b.jpg") == root / "labels/train/a.b.txt"
    assert label_path(root, root / "images/images/a.jpg") == root / "images/labels/a.txt"
    assert label_path(root, root / "train/a.jpg") == root / "train/a.txt"


def test_flip_pairs():
    assert flip_pairs_of([0, 2, 1], ["nose", "l", "r"], "") == [("l", "r")]
    for nothing in (None, [], [0, 1, 2]):  # tools write the identity where they know no pairs
        assert flip_pairs_of(nothing, ["a", "b", "c"], "") is None
    for wrong in ([1, 2, 0], [0, 1], [0, 0, 1], [0, 1, 3], [0, True, 2], "012", [0, 1, 2.0]):
        with pytest.raises(BadInputError, match="data: `flip_idx` does not exchange keypoints in pairs"):
            flip_pairs_of(wrong, ["a", "b", "c"], "data")


@pytest.mark.parametrize("line", ["", "flip_idx: [0, 1, 2]\n", "flip_idx: []\n"])
def test_without_pairs_the_names_tell_or_nothing_is_known(
    data: Path, line: str, caplog: pytest.LogCaptureFixture
):
    text = YAML.replace("flip_idx: [1, 0, 2]\n", line)
    (data / "data.yaml").write_text(text)
    assert read_yolo_pose(data).schema.flips == "unknown" and "flip_idx" not in caplog.text
    (data / "data.yaml").write_text(text + "kpt_names: {0: [left eye, right eye, nose]}\n")
    assert read_yolo_pose(data).schema.flip_pairs == (("left eye", "right eye"),)
    assert ("flip_idx exchanges nothing" in caplog.text) == ("0, 1, 2" in line)


def test_real_export(real_data: Path):
    (record,) = read_yolo_pose(real_data / "exports" / "yolo_pose").records
    assert (record.width, record.height, record.category) == (15, 10, "skeleton_label")
    assert record.keypoints == pytest.approx(np.array([[1.5, 2, 2], [4.5, 4, 2], [7.5, 6, 2]]))
    assert record.bbox == pytest.approx([0, 2, 4, 4], abs=1e-4)


BAD_LINES = {
    "short": ("0 0.5 0.5 0.4", r"txt:1: line has another number of values.*expected 14.*found 4"),
    "box only": ("0 0.5 0.5 0.4 0.2", r"another number of values"),
    "two values": ("0 0.5 0.5 0.4 0.25 0.4 0.5 0.6 0.5 0 0", r"another number of values.*found 11"),
    "text": (LINE.replace("0.6", "O.6"), r"txt:1: value is wrong.*'O.6'"),
    "nan": (LINE.replace("0.6", "nan"), r"txt:1: value is wrong"),
    "pixels": ("0 50 40 40 20 40 40 2 60 40 1 0 0 0", r"not fractions of the image"),
    "pixel points": ("0 0.5 0.5 0.4 0.25 40 40 2 60 40 1 0 0 0", r"not fractions of the image"),
    "negative side": (LINE.replace("0.4 0.25", "-0.4 0.25", 1), "not fractions of the image"),
    "no size": ("0 0.5 0.5 0 0.25 0 0 0 0 0 0 0 0 0", r"txt:1: box has no area"),
    "class": (LINE.replace("0", "1", 1), r"txt:1: unknown class.*\[0, 2\].*found 1"),
    "half a class": (LINE.replace("0", "0.5", 1), "unknown class"),
    "visibility": (LINE.replace("0.6 0.5 1", "0.6 0.5 3"), r"txt:1: visibility must be 0, 1 or 2"),
    "second line": (LINE + "0 1\n", r"txt:2: line has another number"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_bad_lines(data: Path, name: str):
    (data / "labels/train/b.txt").write_text(BAD_LINES[name][0])
    with pytest.raises(BadInputError, match=BAD_LINES[name][1]) as caught:
        read_yolo_pose(data)
    assert "\n" not in str(caught.value)
    reading = read_yolo_pose(data, skip_bad=True)
    assert len(reading.records) == 3
    assert "b.jpg" not in {p.name for p in reading.splits}


BAD_YAML = {
    "": "annotation is empty",
    "a: [": "not valid YAML",
    "names: [a]\ntrain: images/train": "`kpt_shape` is wrong",
    YAML.replace("[3, 3]", "[3, 4]"): r"`kpt_shape` is wrong.*\[3, 4\]",
    YAML.replace("[3, 3]", "[true, 3]"): "`kpt_shape` is wrong",
    YAML.replace("[3, 3]", "[0, 3]"): "`kpt_shape` is wrong",
    YAML.replace("[3, 3]", "3"): "`kpt_shape` is wrong",
    YAML.replace("[1, 0, 2]", "[1, 2, 0]"): "flip_idx: `flip_idx` does not exchange",
    YAML.split("names")[0]: "`names` is wrong",
    YAML.split("names")[0] + "names: {a: b}": "`names` is wrong",
    YAML + "kpt_names: [a, b]": "`kpt_names` is wrong",
    YAML + "kpt_names: [a, a, b]": "unique",
    YAML.replace("images/train", "images/none"): "train: no such folder or list.*put data.yaml beside",
    YAML.replace("images/train", "/etc"): "train: image is named by an absolute path",
    YAML.replace("images/train", "images/../../.."): "train: image lies outside its folder",
    YAML.replace("images/train", "7"): "train: is not a path",
    YAML.replace("images/train", '"a\\0b"'): "train: image has no usable name",
    YAML.replace("images/val", "images/train"): "val: image is listed twice.*in train too",
    YAML.replace("images/train", "list.txt"): r"list\.txt: annotation is missing",
    YAML.replace("train: images/train\nval: images/val", ""): "names no images",
}


@pytest.mark.parametrize("text", BAD_YAML, ids=lambda t: BAD_YAML[t][:25])
def test_bad_yaml(data: Path, text: str):
    (data / "data.yaml").write_text(text)
    with pytest.raises(BadInputError, match=BAD_YAML[text]) as caught:
        read_yolo_pose(data)
    assert "\n" not in str(caught.value)


def test_bad_lists_and_images(data: Path):
    (data / "data.yaml").write_text(YAML.replace("images/train", "list.txt"))
    for line, words in {
        "images/no.jpg": r"list\.txt:2: image is missing",
        "/etc/x.jpg": r"list\.txt:2: image is named by an absolute path",
        "../../x.jpg": r"list\.txt:2: image lies outside",
    }.items():
        (data / "list.txt").write_text(f"images/train/b.jpg\n{line}")
        with pytest.raises(BadInputError, match=words):
            read_yolo_pose(data)


def test_labels_without_image_and_nothing(data: Path):
    (data / "labels/train/lost.txt").write_text(LINE)
    with pytest.raises(BadInputError, match=r"lost\.txt: label file without image"):
        read_yolo_pose(data)
    (data / "data.yaml").unlink()
    assert not is_yolo_pose(data)
    assert not is_yolo_pose(data / "none")
    with pytest.raises(BadInputError, match=r"no data\.yaml here"):
        read_yolo_pose(data)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 300), st.binary(max_size=6), st.booleans())
def test_changed_bytes_are_read_or_refused_in_one_line(data: Path, at: int, new: bytes, yaml: bool):
    path = data / ("data.yaml" if yaml else "labels/train/ein bild.txt")
    whole = path.read_bytes()
    at %= len(whole)
    path.write_bytes(whole[:at] + new + whole[at + len(new) :] if new else whole[:at])
    try:
        for record in read_yolo_pose(data).records:
            assert np.isfinite(record.keypoints).all()
    except BadInputError as error:
        assert "\n" not in str(error)
    finally:
        path.write_bytes(whole)
