"""Instances cut out of their images: same pixels, same points, and an account of what is left out."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from kpplugins.curation.crop import ORIGINS_FILE, SHEET_FILE, crop
from kpplugins.data.coco.reader import read_coco
from kpplugins.data.images import read_pixels
from kpplugins.data.rule import AppliedRule
from kpplugins.structures import BadInputError

WIDTH, HEIGHT = 120, 100
GOOD = {"bbox": [20, 30, 40, 20], "area": 700, "keypoints": [25, 33, 2, 58, 48, 1, 0, 0, 0]}


def colours(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """An image in which each pixel tells its own x and y."""
    y, x = np.mgrid[:height, :width]
    return np.dstack([x, y, (x + y) // 2]).astype(np.uint8)


def folder(root: Path, annotations: list[dict], split: str = "train", name: str = "a.png") -> Path:
    """A COCO set of one coloured image in a split; called again, it adds a further split."""
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / f"{split}2017").mkdir(exist_ok=True)
    cv2.imwrite(str(root / f"{split}2017" / name), colours())
    content = {
        "images": [{"id": 1, "file_name": name, "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 1, "name": "bird", "keypoints": ["beak", "left_wing", "right_wing"]}],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": 1, "iscrowd": 0, **a}
            for i, a in enumerate(annotations, 1)
        ],
    }
    (root / f"annotations/person_keypoints_{split}2017.json").write_text(json.dumps(content))
    return root


def test_points_stay_on_their_pixels(tmp_path: Path):
    edge = {"bbox": [90, 0, 30, 60], "area": 900, "keypoints": [119, 0, 2, 91, 59, 2, 100, 30, 1]}
    source = folder(tmp_path / "in", [GOOD, edge])
    crop(source, tmp_path / "out", quality=None)
    before, after = read_coco(source).records, read_coco(tmp_path / "out").records
    image = colours()
    for old, new in zip(before, after, strict=True):
        pixels = cv2.imread(str(new.image))
        assert pixels.shape[:2] == (new.height, new.width)
        for (x, y, v), (cx, cy, cv) in zip(old.keypoints, new.keypoints, strict=True):
            assert v == cv
            if v:
                assert pixels[int(cy), int(cx)].tolist() == image[int(y), int(x)].tolist()
        shift = old.bbox - new.bbox
        assert shift[:2].tolist() == shift[2:].tolist() == [int(v) for v in shift[:2]]
        assert new.area == old.area
    # box 40×20 at (20, 30): 0.125 · 40 = 5 on each side, 15 to 65 and 25 to 55, both pixels included
    assert (after[0].width, after[0].height) == (51, 31)
    assert after[0].bbox.tolist() == [5, 5, 45, 25]
    # box 30×60 at the top right: 7.5 on each side, from column 82 on, to row 67.5, cut to the image
    assert (after[1].width, after[1].height) == (120 - 82, 69)


def test_names_and_a_table_tell_the_origin(tmp_path: Path):
    source = folder(tmp_path / "in", [{**GOOD, "iscrowd": 1}, GOOD])
    crop(source, tmp_path / "out")
    with (tmp_path / "out" / ORIGINS_FILE).open() as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"crop": "a_2.jpg", "image": "a.png", "instance": "2", "left": "15", "top": "25"},
    ]  # fmt: skip
    assert (tmp_path / "out/images/a_2.jpg").is_file()


def test_images_of_one_stem_get_names_of_their_own(tmp_path: Path):
    source = folder(tmp_path / "in", [GOOD])
    cv2.imwrite(str(source / "train2017/a.jpg"), colours())
    path = source / "annotations/person_keypoints_train2017.json"
    content = json.loads(path.read_text())
    content["images"].append({**content["images"][0], "id": 2, "file_name": "a.jpg"})
    content["annotations"].append({**content["annotations"][0], "id": 2, "image_id": 2})
    path.write_text(json.dumps(content))
    assert crop(source, tmp_path / "out")["instances"] == 2
    assert sorted(p.name for p in (tmp_path / "out/images").iterdir()) == ["a_1.jpg", "a_2.jpg"]


def test_what_is_left_out_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    annotations = [
        GOOD,
        {**GOOD, "iscrowd": 1},
        {"bbox": [5, 5, 50, 50]},
        {"bbox": [5, 5, 50, 50], "keypoints": [9, 9, 2] + [0] * 6},
        {"bbox": [20, 30, 31, 20], "keypoints": GOOD["keypoints"]},
    ]
    source = folder(tmp_path / "in", annotations)
    folder(source, [], "val", "b.png")
    report = crop(source, tmp_path / "out", min_keypoints=2)
    assert report["left out"] == {
        "crowd": 1,
        "no keypoint labelled": 1,
        "fewer than 2 keypoints labelled": 1,
        "box smaller than 32 pixels": 1,
        "images without a crop": 1,
    }
    assert (report["source images"], report["source instances"], report["instances"]) == (2, 5, 1)
    assert "left out: 1 × crowd" in caplog.text
    assert json.loads((tmp_path / "out/report.json").read_text()) == {
        **report, "place": "hardlink", "exif": "applied",
    }  # fmt: skip


def test_a_point_beyond_the_margin_widens_the_crop_or_is_dropped_and_counted(tmp_path: Path):
    far = {**GOOD, "keypoints": [25, 33, 2, 58, 48, 1, 100, 90, 1]}
    source = folder(tmp_path / "in", [far])
    report = crop(source, tmp_path / "wide", quality=None)
    (wide,) = read_coco(tmp_path / "wide").records
    assert report["rules"] == {AppliedRule.CROP_WIDENED.value: 1}
    assert wide.keypoints[2].tolist() == [100 - 15, 90 - 25, 1]
    assert (wide.width, wide.height) == (101 - 15, 91 - 25)
    assert wide.bbox.tolist() == [5, 5, 45, 25]  # the box is not widened

    report = crop(source, tmp_path / "strict", keep_points=False)
    (strict,) = read_coco(tmp_path / "strict").records
    assert report["rules"] == {AppliedRule.KEYPOINT_OUTSIDE_CROP.value: 1}
    assert strict.keypoints[:, 2].tolist() == [2, 1, 0]
    assert (strict.width, strict.height) == (51, 31)

    only = folder(tmp_path / "only", [GOOD, {**GOOD, "keypoints": [0] * 6 + [100, 90, 1]}])
    report = crop(only, tmp_path / "none", keep_points=False)
    assert report["left out"] == {"keypoints outside the crop": 1}


def test_a_square_crop_is_square_inside_its_image(tmp_path: Path):
    source = folder(tmp_path / "in", [GOOD])
    crop(source, tmp_path / "out", square=True)
    (record,) = read_coco(tmp_path / "out").records
    assert (record.width, record.height) == (51, 51)  # 40 + 2 · 5, both ends included
    assert record.bbox.tolist() == [5, 15, 45, 35]


def test_splits_of_the_source_are_kept(tmp_path: Path):
    source = folder(folder(tmp_path / "in", [GOOD, GOOD]), [GOOD], "val", "b.png")
    assert crop(source, tmp_path / "out")["split"] == {"train": 2, "val": 1}
    names = {
        s: [
            i["file_name"] for i in json.loads((tmp_path / f"out/annotations/{s}.json").read_text())["images"]
        ]
        for s in ("train", "val", "test")
    }
    assert names == {
        "train": ["train2017/a_1.jpg", "train2017/a_2.jpg"], "val": ["val2017/b_1.jpg"], "test": [],
    }  # fmt: skip


def test_crops_of_one_image_are_in_one_split(tmp_path: Path, drawn_cats: Path):
    report = crop(drawn_cats, tmp_path / "cats", ratios=(50, 25, 25), seed=3)
    assert report["split"] == {"train": 10, "val": 5, "test": 5}
    source = folder(tmp_path / "in", [GOOD] * 6)
    path = source / "annotations/person_keypoints_train2017.json"
    path.rename(path.with_name("all.json"))
    (source / "train2017").rename(source / "images")
    assert list(crop(source, tmp_path / "out", ratios=(1, 1, 1))["split"].values()) == [6]


def test_turned_photographs_are_cut_upright(tmp_path: Path):
    source = folder(tmp_path / "in", [GOOD], name="a.jpg")
    upright = Image.fromarray(cv2.cvtColor(colours(), cv2.COLOR_BGR2RGB))
    exif = Image.Exif()
    exif[0x0112] = 6  # the file lies on its left side; viewers turn it clockwise
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    stored.save(source / "train2017/a.jpg", exif=exif, quality=100, subsampling=0)
    crop(source, tmp_path / "out", quality=None)
    (record,) = read_coco(tmp_path / "out").records
    pixels = cv2.imread(str(record.image)).astype(int)
    assert abs(pixels - colours()[25:56, 15:66]).max() <= 4
    with Image.open(record.image) as image:
        assert not image.getexif()


def test_a_jpeg_is_close_to_the_image(tmp_path: Path):
    crop(folder(tmp_path / "in", [GOOD]), tmp_path / "out")
    pixels = cv2.imread(str(tmp_path / "out/images/a_1.jpg")).astype(int)
    assert abs(pixels - colours()[25:56, 15:66]).max() <= 6


def test_the_sheet_shows_the_crops(tmp_path: Path):
    crop(folder(tmp_path / "in", [GOOD] * 8), tmp_path / "out")
    sheet = cv2.imread(str(tmp_path / "out" / SHEET_FILE))
    assert sheet.shape == (2 * 260, 6 * 240, 3)
    assert sheet[270:, 500:].max() < 8  # the last four of twelve places are empty
    assert sheet[270:, :470].max() > 100


def test_progress_counts_images(tmp_path: Path):
    seen: list[tuple[int, int]] = []
    source = folder(folder(tmp_path / "in", [GOOD]), [{"bbox": [1, 1, 9, 9]}], "val", "b.png")
    crop(source, tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("annotation", "options", "words"),
    [
        (
            {"bbox": [20, 30, 40, 20]},
            {},
            "no instance to cut out; expected one with 1.*1 × no keypoint labelled",
        ),
        ({**GOOD, "bbox": [20, 30, -9, 20]}, {}, "annotation 1: bbox must be.*positive size"),
        (
            {**GOOD, "bbox": [200, 30, 40, 20]},
            {},
            "annotation 1: box has no area in its image.*within 120×100.*200",
        ),
        (GOOD, {"margin": -0.1}, "margin: out of range; expected a number from 0.*found -0.1"),
        (GOOD, {"margin": float("nan")}, "margin: out of range"),
        (GOOD, {"min_keypoints": 0}, "min_keypoints: out of range"),
        (GOOD, {"min_side": -1}, "min_side: out of range"),
        (GOOD, {"quality": 0}, "quality: out of range"),
        (GOOD, {"from_format": "cocoa"}, "unknown format"),
        (GOOD, {"colour": "blue"}, "no option 'colour'"),
    ],
)
def test_faults_are_one_line_and_leave_nothing(tmp_path: Path, annotation: dict, options: dict, words: str):
    source = folder(tmp_path / "in", [annotation])
    with pytest.raises(BadInputError, match=words) as caught:
        crop(source, tmp_path / "out", **options)
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_bad_entries_are_skipped_only_when_asked_and_then_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    source = folder(tmp_path / "in", [GOOD])
    folder(source, [GOOD, GOOD], "val", "b.png")

    def read(path: Path) -> np.ndarray:
        if path.name == "b.png":
            raise BadInputError("image cannot be decoded", where=str(path))
        return read_pixels(path)

    monkeypatch.setattr("kpplugins.curation.crop.read_pixels", read)
    with pytest.raises(BadInputError, match="image cannot be decoded as its header says.*1 more bad files"):
        crop(source, tmp_path / "out")
    report = crop(source, tmp_path / "out", skip_bad=True)
    assert report["skipped"] == {"image cannot be decoded as its header says": 2}
    assert report["instances"] == 1
    assert "skipped: " in caplog.text


def test_nothing_is_written_over(tmp_path: Path):
    source = folder(tmp_path / "in", [GOOD])
    with pytest.raises(BadInputError, match="exists and is not empty"):
        crop(source, source)
    (tmp_path / "out").mkdir()
    crop(source, tmp_path / "out")
    with pytest.raises(BadInputError, match="exists and is not empty"):
        crop(source, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out"]


def test_it_works_where_files_cannot_have_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError("not on this disk")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    crop(folder(tmp_path / "in", [GOOD]), tmp_path / "out")
    assert (tmp_path / "out/images/a_1.jpg").is_file()


def test_it_needs_no_torch():
    code = (
        "import sys, kpplugins.curation.crop; sys.exit('torch' in sys.modules or 'mmengine' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_labelled_person_of_real_coco_is_cut_out(real_data: Path, tmp_path: Path):
    report = crop(real_data / "coco_mini", tmp_path / "out")
    assert report["source instances"] == 290
    assert report["left out"] == {"no keypoint labelled": 130, "crowd": 6, "images without a crop": 15}
    assert report["split"] == {"train": 86, "val": 68}
    assert report["skipped"] == {}
    with (tmp_path / "out" / ORIGINS_FILE).open() as file:
        rows = {row["crop"]: row for row in csv.DictReader(file)}
    before = [r for r in read_coco(real_data / "coco_mini").records if r.num_labelled and not r.crowd]
    after = read_coco(tmp_path / "out").records
    for old, new in zip(before, after, strict=True):
        row = rows[new.image.relative_to(tmp_path / "out/images").as_posix()]
        assert row["image"].endswith(old.image.name)
        offset = np.array([float(row["left"]), float(row["top"])])
        labelled = old.keypoints[:, 2] > 0
        assert new.keypoints[:, 2].tolist() == old.keypoints[:, 2].tolist()
        assert np.allclose(new.keypoints[labelled, :2] + offset, old.keypoints[labelled, :2], atol=1e-3)
        assert np.allclose(new.bbox + np.tile(offset, 2), old.bbox, atol=2e-3)
        assert new.area == pytest.approx(old.area, abs=1e-3)


def test_deep_images_keep_their_depth(tmp_path: Path):
    source = folder(tmp_path / "in", [GOOD])
    deep = colours().astype(np.uint16) * 200
    cv2.imwrite(str(source / "train2017/a.png"), deep)
    with pytest.raises(BadInputError, match=r"\.jpg cannot hold the pixels.*found uint16; to do: give --png"):
        crop(source, tmp_path / "jpeg")
    crop(source, tmp_path / "out", quality=None)
    (record,) = read_coco(tmp_path / "out").records
    pixels = cv2.imread(str(record.image), cv2.IMREAD_UNCHANGED)
    assert pixels.dtype == np.uint16 and pixels.max() > 255 and set(pixels.ravel()) <= set(deep.ravel())
