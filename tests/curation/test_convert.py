"""Any source to the inner format."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from kpplugins.curation.check import check
from kpplugins.curation.convert import assign_splits, convert, group_of
from kpplugins.curation.crop import crop
from kpplugins.curation.export import export_annotations
from kpplugins.data import ImageInfo
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.reader import read_coco
from kpplugins.data.images import read_image
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.formats.registry import FORMATS, by_name, detect
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError


def test_cats_come_through_whole(drawn_cats: Path, tmp_path: Path):
    report = convert(drawn_cats, tmp_path / "out")
    assert (report["format"], report["instances"], report["images"]) == ("cat", 20, 20)
    assert report["points"] == {"absent": 0, "occluded": 0, "visible": 180}
    assert report["split"] == {"train": 16, "val": 2, "test": 2}
    assert json.loads((tmp_path / "out/report.json").read_text())["split"] == report["split"]
    again = read_coco(tmp_path / "out")
    assert len(again.records) == 20
    assert again.schema.flip_pairs == CAT_SCHEMA.flip_pairs
    assert KeypointSchema.load(tmp_path / "out/schema.json") == CAT_SCHEMA
    # images keep the folders that tell them apart
    assert (tmp_path / "out/images/CAT_00/00000000_000.jpg").is_file()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def reading_of(names: list[str], **kwargs) -> AnnotationSet:
    return AnnotationSet(CAT_SCHEMA, backgrounds=[ImageInfo(Path(n), 9, 9) for n in names], **kwargs)


def test_groups_stay_together():
    names = [f"video{v}/frame{f}.png" for v in range(10) for f in range(5)]
    splits = assign_splits(reading_of(names), (60, 20, 20), 1, r"(video\d+)/")
    by_video = {v: {splits[Path(n)] for n in names if n.startswith(f"video{v}/")} for v in range(10)}
    assert all(len(parts) == 1 for parts in by_video.values())
    assert {s: list(splits.values()).count(s) for s in ("train", "val", "test")} == {
        "train": 30,
        "val": 10,
        "test": 10,
    }


def test_the_sources_own_division_is_kept():
    reading = reading_of(["a.png", "b.png"], splits={Path("a.png"): "train", Path("b.png"): "test"})
    assert assign_splits(reading) == {Path("a.png"): "train", Path("b.png"): "test"}


def test_the_same_seed_divides_the_same():
    names = [f"{i}.png" for i in range(30)]
    assert assign_splits(reading_of(names), seed=4) == assign_splits(reading_of(names[::-1]), seed=4)
    assert assign_splits(reading_of(names), seed=4) != assign_splits(reading_of(names), seed=5)


@pytest.mark.parametrize(
    ("pattern", "words"), [("(", "not a regular expression"), ("nothing", "matches no image")]
)
def test_patterns_that_cannot_be(pattern: str, words: str):
    with pytest.raises(BadInputError, match=words):
        assign_splits(reading_of(["a.png", "b.png"]), group_by=pattern)


def test_what_cannot_be_converted(drawn_cats: Path, tmp_path: Path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text/a.txt").write_text("hello")
    for source, kwargs, words in (
        (tmp_path / "text", {}, "no known format.*--from"),
        (tmp_path / "gone", {}, "no such file or folder"),
        (drawn_cats, {"from_format": "catt"}, "unknown format.*'catt'"),
        (drawn_cats, {"subset": "15"}, "format cat has no option 'subset'; expected kaggle"),
        (drawn_cats, {"ratios": (1, 2)}, "three numbers"),
        (drawn_cats, {"place": "move"}, "copy, hardlink, symlink"),
    ):
        with pytest.raises(BadInputError, match=words):
            convert(source, tmp_path / "out", **kwargs)
        assert not (tmp_path / "out").exists()


def test_every_format_can_be_named_and_told(tmp_path: Path):
    for known in FORMATS:
        assert by_name(known.name) is known
        assert known.recognises(tmp_path) is False
        assert known.recognises(tmp_path / "gone") is False


def test_the_real_sets_are_told_apart(real_data: Path):
    for folder, name in (
        ("cat", "cat"),
        ("kaggle_faces", "kaggle"),
        ("coco_mini", "coco"),
        ("broken_coco", "coco"),
    ):
        assert detect(real_data / folder).name == name


def test_a_wrong_category_is_renamed_on_the_way(drawn_cats: Path, tmp_path: Path):
    convert(drawn_cats, tmp_path / "out", category="lynx")
    reading = read_coco(tmp_path / "out")
    assert {r.category for r in reading.records} == {"lynx"}
    assert reading.schema.name == KeypointSchema.load(tmp_path / "out/schema.json").name == "lynx"


def test_a_group_that_matches_nothing_is_the_image_by_itself():
    assert group_of(Path("v1/a7.png"), r"(v\d)/") == "v1"
    assert group_of(Path("v1/a7.png"), r"v\d") == "v1"
    for pattern in (None, "nothing", r"(z)?\d"):
        assert group_of(Path("v1/a7.png"), pattern) == "v1/a7.png"


def test_flip_pairs_by_name_that_the_points_contradict_are_switched_off(drawn_cats: Path, tmp_path: Path):
    """Of CAT's nine points the first two are renamed: a mouth is called the partner of the left eye."""
    convert(drawn_cats, tmp_path / "cats")
    for split in ("train", "val", "test"):
        path = tmp_path / f"cats/annotations/{split}.json"
        content = json.loads(path.read_text())
        for category in content["categories"]:
            category["keypoints"] = ["left_eye", "nose", "right_eye", *category["keypoints"][3:]]
            del category["flip_pairs"], category["skeleton"], category["flips"]
        path.write_text(json.dumps(content))
    (tmp_path / "cats/schema.json").unlink()
    report = convert(tmp_path / "cats", tmp_path / "out")
    assert any("left_eye/right_eye" in warning for warning in report["warnings"])
    schema = KeypointSchema.load(tmp_path / "out/schema.json")
    assert {"left_eye", "right_eye"} <= set(schema.unpaired)
    assert convert(drawn_cats, tmp_path / "right")["warnings"] == []


def test_sigmas_are_measured_where_things_are_annotated_twice(tmp_path: Path):
    """40 squares of 100 px, each annotated by two people who place every point with σ = 3 px: 0.03 of the size."""
    (tmp_path / "in/images").mkdir(parents=True)
    (tmp_path / "in/annotations").mkdir()
    rng = np.random.default_rng(0)
    truth, content = np.array([[40.0, 40.0], [120.0, 60.0], [90.0, 120.0]]), {"images": [], "annotations": []}
    for i in range(1, 41):
        cv2.imwrite(str(tmp_path / f"in/images/{i}.png"), np.zeros((160, 160, 3), np.uint8))
        content["images"].append({"id": i, "file_name": f"{i}.png", "width": 160, "height": 160})
        for _ in range(2):
            points = truth + rng.normal(0, 3 / 2**0.5, truth.shape)  # d² = x² + y²
            flat = np.column_stack([points, np.full(3, 2.0)]).ravel().tolist()
            box = {"bbox": [30, 30, 100, 100], "area": 1e4, "iscrowd": 0, "category_id": 1}
            content["annotations"].append(
                {"id": len(content["annotations"]) + 1, "image_id": i, "keypoints": flat, **box}
            )
    content["categories"] = [{"id": 1, "name": "square", "keypoints": ["a", "b", "c"]}]
    (tmp_path / "in/annotations/train.json").write_text(json.dumps(content))
    report = convert(tmp_path / "in", tmp_path / "out")
    assert "measured from 80 repeated annotations of 40 instances" in report["sigmas"]
    schema = KeypointSchema.load(tmp_path / "out/schema.json")
    # the relative spread of an estimate from 40 repeats in two dimensions is 1 / (2 √40) = 8 %
    assert schema.sigmas == pytest.approx((0.03,) * 3, rel=0.25)


def test_a_ratio_that_is_asked_for_goes_over_the_sources_division():
    names = [f"{i}.png" for i in range(10)]
    reading = reading_of(names, splits={Path(n): "val" if i else "train" for i, n in enumerate(names)})
    assert list(assign_splits(reading).values()).count("val") == 9
    assert list(assign_splits(reading, (80, 20, 0)).values()).count("train") == 8
    lone = reading_of(names, splits={Path(n): "train" for n in names})  # one part is no division
    assert list(assign_splits(lone).values()).count("train") == 8
    with pytest.raises(BadInputError, match="three numbers"):
        assign_splits(reading, (0, 0, 0))


def test_images_beside_a_test_set_are_divided_into_train_and_val(caplog: pytest.LogCaptureFixture):
    names = [f"{i}.png" for i in range(12)]
    beside = {Path(n): "test" for n in names[9:]}
    splits = assign_splits(reading_of(names, splits=beside))
    assert {p for p, split in splits.items() if split == "test"} == set(beside)
    assert list(splits.values()).count("train") == 8 and list(splits.values()).count("val") == 1
    assert "9 images that the source puts into no split: train 8, val 1" in caplog.text
    beside = {Path(n): "val" for n in names[9:]}
    splits = assign_splits(reading_of(names, splits=beside))
    assert [splits[Path(n)] for n in names] == ["train"] * 9 + ["val"] * 3


def test_what_check_finds_at_the_source_is_said(drawn_cats: Path, tmp_path: Path):
    """Twenty cats, one of them twice and one with its keypoints moved into the corner."""
    shutil.copytree(drawn_cats, tmp_path / "cats")
    files = sorted((tmp_path / "cats").rglob("*.jpg"))
    for suffix in ("", ".cat"):
        shutil.copy(f"{files[0]}{suffix}", files[0].parent / f"zz_copy.jpg{suffix}")
    report = convert(tmp_path / "cats", tmp_path / "out")
    found = check(tmp_path / "cats")
    assert [f.check for f in found.findings if f.severity != "note"] == ["duplicate"]
    assert [line for severity, line in found.lines if severity == "suspect"][0] in report["warnings"][0]
    assert report["warnings"][0].startswith("suspect: 1 × duplicate, e.g. ")
    assert [note.split(",")[0] for note in report["notes"]] == ["1 × visibility-constant"]
    assert json.loads((tmp_path / "out/report.json").read_text())["warnings"] == report["warnings"]
    unseen = convert(tmp_path / "cats", tmp_path / "out_2", checks=False)
    assert unseen["warnings"] == unseen["notes"] == []


def test_a_converted_folder_leaves_no_doubt_of_its_orientations(tmp_path: Path):
    """Upside down and square images have one size both ways; what convert has decided is not asked again."""
    (tmp_path / "in/images").mkdir(parents=True)
    content: dict = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "a", "keypoints": ["b"]}],
    }
    for i, orientation in enumerate((6, 3, 3, 3), 1):
        pixels = np.zeros((48, 64, 3), np.uint8)
        pixels[12, 40 + i] = 255
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(pixels).save(tmp_path / f"in/images/{i}.png", exif=exif)
        content["images"].append({"id": i, "file_name": f"{i}.png", "width": 64, "height": 48})
        annotation = {
            "id": i,
            "image_id": i,
            "category_id": 1,
            "keypoints": [40 + i, 12, 2],
            "bbox": [30, 5, 20, 20],
        }
        content["annotations"].append(annotation)
    (tmp_path / "in/annotations.json").write_text(json.dumps(content))
    rules = convert(tmp_path / "in", tmp_path / "out")["rules"]
    assert {words: n for words, n in rules.items() if "EXIF" in words} == {
        AppliedRule.EXIF_TURNED.value: 1, AppliedRule.EXIF_FOLLOWED.value: 3,
    }  # fmt: skip
    again = read_coco(tmp_path / "out")
    assert not any("EXIF" in rule.value for rule in again.rules)
    for record in again.records:
        ((row, column),) = np.argwhere(read_image(record.image)[..., 0] > 0)
        assert record.keypoints.tolist() == [[column, row, 2]]
    assert not [
        f for f in check(tmp_path / "out").findings if f.check in ("exif-orientation", "left-out-or-moved")
    ]


def test_findings_in_extracted_images_name_the_annotation_file(kaggle_folder: Path, tmp_path: Path):
    rows = (kaggle_folder / "training.csv").read_text().splitlines(keepends=True)
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "training.csv").write_text("".join([*rows, rows[1]]))
    warnings = convert(tmp_path / "faces", tmp_path / "out")["warnings"]
    (double,) = [warning for warning in warnings if "duplicate" in warning]
    assert f"e.g. {tmp_path / 'faces'}" in double


def test_a_pattern_is_matched_below_the_source():
    names = [f"/data/person7/set/person{i}_{j}.png" for i in range(10) for j in range(3)]
    splits = assign_splits(reading_of(names), None, 0, r"person(\d+)", Path("/data/person7/set"))
    by_person = {i: {splits[Path(n)] for n in names if f"person{i}_" in n} for i in range(10)}
    assert all(len(parts) == 1 for parts in by_person.values())
    assert len(set(splits.values())) == 3


def test_flip_pairs_that_the_source_states_are_kept_and_the_contradiction_is_said(
    drawn_cats: Path, tmp_path: Path
):
    convert(drawn_cats, tmp_path / "cats")
    stated = KeypointSchema.load(tmp_path / "cats/schema.json")
    wrong = (("left_eye", "mouth"), *stated.flip_pairs[1:])
    replace(stated, flip_pairs=wrong).save(tmp_path / "cats/schema.json")
    report = convert(tmp_path / "cats", tmp_path / "out")
    assert any("flip pairs are kept" in warning for warning in report["warnings"])
    assert KeypointSchema.load(tmp_path / "out/schema.json").flip_pairs == wrong


def test_what_else_a_source_says_of_an_image_stays_with_it(tmp_path: Path):
    source, images = tmp_path / "source", []
    (source / "images").mkdir(parents=True)
    (source / "annotations").mkdir()
    for i in range(6):
        cv2.imwrite(
            str(source / f"images/{i}.png"), np.random.default_rng(i).integers(0, 255, (60, 60, 3), np.uint8)
        )
        size = {"width": 60, "height": 60}
        more = {"video_id": i // 2, "license": "CC0", "nested": [1]}
        images.append({"id": i, "file_name": f"{i}.png", **size, **more})
    points = [{"id": i, "image_id": i, "category_id": 1, "iscrowd": 0, "area": 400, "bbox": [20, 20, 20, 20],
               "keypoints": [25, 25, 2, 35, 30, 2]} for i in range(5)]  # fmt: skip
    categories = [{"id": 1, "name": "cup", "keypoints": ["top", "handle"]}]
    content = {"images": images, "annotations": points, "categories": categories}
    (source / "annotations/all.json").write_text(json.dumps(content))

    convert(source, tmp_path / "converted", ratios=(50, 25, 25))
    convert([tmp_path / "converted", source], tmp_path / "merged", merge=True)
    crop(tmp_path / "converted", tmp_path / "crops", quality=None, min_side=8)
    export_annotations(tmp_path / "converted", tmp_path / "exported", to="coco")
    for made, count in (("converted", 6), ("merged", 6), ("crops", 5), ("exported", 6)):
        entries = [
            e
            for f in (tmp_path / made / "annotations").glob("*.json")
            for e in json.loads(f.read_text())["images"]
        ]
        found = {(e["file_name"].split("/")[-1][0], e["video_id"], e["license"]) for e in entries}
        assert found >= {(str(i), i // 2, "CC0") for i in range(count)}, made
        assert not any("nested" in e for e in entries)
