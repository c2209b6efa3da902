"""Several sources with different keypoints become one set. The expected values are derived by hand."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kpplugins.commands.dataset import main
from kpplugins.curation.convert import convert
from kpplugins.curation.merge import Merged, Part, merge, part_names
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.reader import read_coco
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.record_builder import build_record
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import infer_schema
from kpplugins.structures import BadInputError


def coco(folder: Path, names: list[str], category: str, *images: str, shade: int = 0, **more: Any) -> Path:
    """One instance an image: keypoint i at (10 + i, 20 + 2i), all visible."""
    (folder / "annotations").mkdir(parents=True)
    (folder / "images").mkdir()
    for i, name in enumerate(images):
        cv2.imwrite(str(folder / "images" / name), np.full((60, 80, 3), shade + i, np.uint8))
    points = [v for i in range(len(names)) for v in (10 + i, 20 + 2 * i, 2)]
    content = {
        "images": [{"id": i, "file_name": name, "width": 80, "height": 60} for i, name in enumerate(images)],
        "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": [5, 5, 60, 50], "keypoints": points}
                        for i in range(len(images))],
        "categories": [{"id": 1, "name": category, "keypoints": names, **more}],
    }  # fmt: skip
    (folder / "annotations/all.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    a = coco(tmp_path / "a/set", ["left_eye", "right_eye", "nose"], "cat", "0.png", "1.png", shade=10)
    b = coco(tmp_path / "b/set", ["nose", "tail"], "dog", "0.png", "2.png", shade=20)
    return [a, b]


def test_keypoints_are_united_by_name_and_equal_file_names_told_apart(two: list[Path], tmp_path: Path):
    report = convert(two, tmp_path / "out", merge=True, ratios=(1, 0, 0))
    reading = read_coco(tmp_path / "out")
    assert reading.schema.keypoints == ("left_eye", "right_eye", "nose", "tail")
    assert reading.schema.flip_pairs == (("left_eye", "right_eye"),)
    assert reading.category_keypoints == {"cat": ("left_eye", "right_eye", "nose"), "dog": ("nose", "tail")}
    images = tmp_path / "out/images"
    found = {
        r.image.relative_to(images).as_posix(): (r.category, r.keypoints.tolist()) for r in reading.records
    }
    cat = ("cat", [[10, 20, 2], [11, 22, 2], [12, 24, 2], [0, 0, 0]])
    dog = ("dog", [[0, 0, 0], [0, 0, 0], [10, 20, 2], [11, 22, 2]])
    assert found == {"set/0.png": cat, "set/1.png": cat, "set_2/0.png": dog, "set_2/2.png": dog}
    for name, source in (("set", two[0]), ("set_2", two[1])):  # each its own pixels
        assert (images / name / "0.png").read_bytes() == (source / "images/0.png").read_bytes()
    assert report["merged"] == [
        "4 keypoints united by name, 1 of them in every source: set 3, set_2 2",
        "1 × file name in several sources, told apart by folder (images/set, images/set_2)",
    ]
    assert (report["instances"], report["images"], report["points"]["absent"]) == (4, 4, 2 * 1 + 2 * 2)
    assert report["format"] == "coco" and report["categories"] == {"cat": 2, "dog": 2}


def test_the_command_says_so(two: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture):
    sources = [str(source) for source in two]
    assert main(["convert", *sources, "--out", str(tmp_path / "out"), "--merge"]) == 0
    said = capsys.readouterr().out
    assert "4 keypoints united by name" in said and "1 × file name in several sources" in said
    assert main(["convert", *sources, "--out", str(tmp_path / "no")]) == 2
    assert "several sources" in (said := capsys.readouterr().err) and "--merge" in said
    assert main(["convert", sources[0], "--out", str(tmp_path / "no"), "--merge"]) == 2
    assert "nothing to merge with" in capsys.readouterr().err and not (tmp_path / "no").exists()


def test_sources_of_different_formats_and_options_for_those_that_have_them(
    two: list[Path], drawn_cats: Path, tmp_path: Path
):
    boxes = tmp_path / "boxes"
    (boxes / "images").mkdir(parents=True)
    (boxes / "annotations").mkdir()
    cv2.imwrite(str(boxes / "images/x.png"), np.full((60, 80, 3), 99, np.uint8))
    content = {"bboxes": [[5, 5, 60, 50]], "keypoints": [[[10, 20, 1], [30, 40, 1]]]}
    (boxes / "annotations/x.json").write_text(json.dumps(content))
    report = convert([two[0], boxes, drawn_cats], tmp_path / "out", merge=True, names=["nose", "tip"])
    assert report["format"] == "coco + boxes_json + cat" and report["images"] == 2 + 1 + 20
    reading = read_coco(tmp_path / "out")
    assert {"tip", "mouth", "nose"} <= set(
        reading.schema.keypoints
    ) and reading.schema.num_keypoints == 3 + 1 + 7
    # CAT states its pairs: the first corner of an ear is the third of the other one
    assert ("left_ear_1", "right_ear_3") in reading.schema.flip_pairs
    with pytest.raises(BadInputError, match="no option 'subset'"):
        convert(two, tmp_path / "other", merge=True, subset="15")


def test_every_source_keeps_its_own_division_or_is_divided_by_itself(two: list[Path], tmp_path: Path):
    for split, number in (("train", 0), ("val", 1)):
        content = json.loads((two[0] / "annotations/all.json").read_text())
        content["images"] = [content["images"][number]]
        content["annotations"] = [content["annotations"][number]]
        (two[0] / f"annotations/{split}.json").write_text(json.dumps(content))
    (two[0] / "annotations/all.json").unlink()
    more = coco(tmp_path / "c", ["nose"], "cat", *(f"{i}.png" for i in range(10)), shade=40)
    convert([two[0], more], tmp_path / "out", merge=True)
    splits = {
        p.relative_to(tmp_path / "out/images").as_posix(): s
        for p, s in read_coco(tmp_path / "out").splits.items()
    }
    assert splits["set/0.png"] == "train" and splits["set/1.png"] == "val"
    assert sorted(s for name, s in splits.items() if name.startswith("c/")) == ["test"] + ["train"] * 8 + [
        "val"
    ]


def test_a_pattern_is_for_the_sources_that_it_matches(two: list[Path], tmp_path: Path):
    convert(two, tmp_path / "out", merge=True, group_by=r"(2)\.png")
    with pytest.raises(BadInputError, match="matches no image"):
        convert(two, tmp_path / "no", merge=True, group_by="film")


def test_copies_of_an_image_are_in_one_split(two: list[Path], tmp_path: Path):
    """A copy in the test set of what is trained on would flatter the results."""
    c = coco(tmp_path / "c", ["tail"], "dog", *(f"{i}.png" for i in range(10)), shade=40)
    d = coco(tmp_path / "d", ["nose"], "cat", *(f"x{i}.png" for i in range(10)), shade=80)
    for i in range(10):
        shutil.copyfile(c / f"images/{i}.png", d / f"images/x{9 - i}.png")
    report = convert([c, d], tmp_path / "out", merge=True, ratios=(50, 25, 25))
    reading = read_coco(tmp_path / "out")
    by_bytes: dict[bytes, set[str]] = {}
    for path, split in reading.splits.items():
        by_bytes.setdefault(path.read_bytes(), set()).add(split)
    assert len(by_bytes) == 10 and all(len(found) == 1 for found in by_bytes.values())
    assert any("10 × copy of another" in note for note in report["merged"])


SIZE = ImageInfo(Path("x"), 80, 60)


def part(name: str, schema: KeypointSchema, *images: Path, given: bool = False, **more: Any) -> Part:
    points = np.full((schema.num_keypoints, 3), 2.0) + np.arange(schema.num_keypoints)[:, None] * [3, 4, 0]
    records = [
        build_record(ImageInfo(p, 80, 60), points, source=p, where="x", category=more.get("category", "cat"))
        for p in images
    ]
    reading = AnnotationSet(schema, records, flips_stated=given)
    return Part(name, reading, dict.fromkeys(images, "train"))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "images/a.png"
    path.parent.mkdir()
    cv2.imwrite(str(path), np.zeros((60, 80, 3), np.uint8))
    return path


def test_one_image_of_two_sources_is_one_image(image: Path):
    eyes, ears = (
        infer_schema("eyes", ["left_eye", "right_eye"]),
        infer_schema("ears", ["left_ear", "right_ear"]),
    )
    other = image.parent / "../images/a.png"
    empty = Part("third", AnnotationSet(eyes, backgrounds=[ImageInfo(image, 80, 60)]), {image: "test"})
    merged = merge([part("one", eyes, image), part("two", ears, other, category="dog"), empty])
    assert {r.image for r in merged.reading.records} == {image} and len(merged.reading.records) == 2
    assert merged.names == {image: "one/a.png"} and merged.splits == {image: "train"}
    assert merged.reading.backgrounds == []  # one source has nothing there, the others have
    assert "1 × image in several sources, its annotations put together" in merged.notes


def test_one_category_of_two_sources_has_the_keypoints_of_both(image: Path):
    schemas = [infer_schema("a", ["nose"]), infer_schema("b", ["tail"])]
    merged = merge([part(s.name, s, image) for s in schemas])
    assert merged.reading.category_keypoints == {} and merged.reading.schema.keypoints == ("nose", "tail")


def test_a_keypoint_has_one_partner(image: Path):
    names = ["left_ear_1", "left_ear_2", "right_ear_1", "right_ear_2"]
    crossed = infer_schema(
        "a", names, flip_pairs=[("left_ear_1", "right_ear_2"), ("left_ear_2", "right_ear_1")]
    )
    by_name = infer_schema("b", names)
    with pytest.raises(
        BadInputError, match=r"a and b: .*'left_ear_1' has two partners.*left_ear_1/right_ear_2 and left"
    ):
        merge([part("a", crossed, image), part("b", by_name, image)])
    turned = infer_schema("c", names, flip_pairs=[(b, a) for a, b in crossed.flip_pairs])  # the same pairs
    merged = merge([part("a", crossed, image, given=True), part("c", turned, image, given=True)])
    assert merged.reading.schema.flip_indices == crossed.flip_indices and merged.reading.flips_stated
    assert not merge([part("a", crossed, image, given=True), part("c", turned, image)]).reading.flips_stated


def test_sigmas_stay_where_they_are_known(image: Path):
    person = infer_schema("person", ["nose", "left_eye", "right_eye"])  # COCO's, by name
    merged = merge([part("a", person, image), part("b", infer_schema("b", ["nose", "tail"]), image)])
    assert merged.reading.schema.sigmas == (0.026, 0.025, 0.025, 0.05)
    other = infer_schema("c", ["nose"], sigmas=[0.1])
    with pytest.raises(BadInputError, match="keypoint 'nose' has different sigmas.*0.026 and 0.1"):
        merge([part("a", person, image), part("c", other, image)])


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [("left_eye", "LEye", True), ("nose", "Nose", True), ("eye_left", "lefteye", True), ("nose", "tail", False),
     ("left_eye", "right_eye", False), ("ear_1", "ear_2", False)],
)  # fmt: skip
def test_names_that_look_the_same_are_told(one: str, other: str, alike: bool, image: Path):
    merged = merge([part("a", infer_schema("a", [one]), image), part("b", infer_schema("b", [other]), image)])
    assert any("are different keypoints here" in note for note in merged.warnings) is alike


def test_numbered_keypoints_of_two_sources_are_told(image: Path):
    numbered = [infer_schema(name, [f"kpt_{i}" for i in range(k)]) for name, k in (("a", 2), ("b", 3))]
    (line,) = merge([part(s.name, s, image) for s in numbered]).warnings
    assert line.startswith("keypoints without names are taken as the same") and "(a has 2, b has 3)" in line
    assert (
        merge([part("a", numbered[0], image), part("c", infer_schema("c", ["nose"]), image)]).warnings == []
    )


def test_sides_of_the_viewer_and_of_the_subject_are_told(image: Path):
    """CAT's left eye is on the left of the image, COCO's is the person's."""
    schema = infer_schema("eyes", ["left_eye", "right_eye"])
    viewer, subject = (part(name, schema, *[image] * 10) for name in ("viewer", "subject"))
    for record in subject.reading.records[:8]:
        record.keypoints[:, 0] = record.keypoints[::-1, 0]
    (line,) = merge([viewer, subject]).warnings
    assert line.startswith(
        "left_eye lies left of right_eye in viewer (100%) and right of it in subject (80%)"
    )
    subject.reading.records[0].keypoints[:, 0] = [2, 5]
    assert merge([viewer, subject]).warnings == []  # 70 % is a matter of how they look
    assert merge([viewer, part("few", schema, *[image] * 9)]).warnings == []


def test_names_of_sources(tmp_path: Path):
    (tmp_path / "x.json").write_text("")
    sources = [tmp_path / "a", tmp_path / "b/a", tmp_path / "x.json", tmp_path / ".hidden", Path("/")]
    assert part_names(sources) == ["a", "a_2", "x", "hidden", "source"]
    assert Merged(AnnotationSet(infer_schema("a", ["nose"]))).names == {}
