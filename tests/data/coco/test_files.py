"""Where the COCO files of a source are, and the images of each."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kpplugins.curation.convert import convert
from kpplugins.data.coco.files import coco_files, split_of_file
from kpplugins.data.coco.reader import is_coco, read_coco
from kpplugins.structures import BadInputError

IMAGE = cv2.imencode(".png", np.zeros((40, 60, 3), np.uint8))[1].tobytes()


def content(*names: str, keypoints: bool = True) -> dict[str, Any]:
    own: dict[str, Any] = (
        {"keypoints": [12, 8, 2, 20, 10, 1]} if keypoints else {"segmentation": [[1, 1, 9, 9, 9, 1]]}
    )
    return {
        "images": [{"id": i, "file_name": n, "width": 60, "height": 40} for i, n in enumerate(names)],
        "categories": [{"id": 1, "name": "bird"} | ({"keypoints": ["beak", "tail"]} if keypoints else {})],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "bbox": [10, 5, 30, 20], **own} for i in range(len(names))
        ],
    }  # fmt: skip


def put(
    root: Path, annotation: str, *names: str, images: str = "", raw: bytes | None = None, **more: Any
) -> Path:
    (root / annotation).parent.mkdir(parents=True, exist_ok=True)
    (root / annotation).write_bytes(raw or json.dumps(content(*names, **more)).encode())
    for name in names if images is not None else ():
        path = root / images / name.replace("\\", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(IMAGE)
    return root


ROBOFLOW = [(f"{s}/_annotations.coco.json", f"{s}/") for s in ("train", "valid", "test")]
FIFTYONE = [(f"{s}/labels.json", f"{s}/data") for s in ("train", "validation", "test")]
LAYOUTS = {
    "Roboflow": ROBOFLOW,
    "FiftyOne": FIFTYONE,
    "AP-10K": [(f"annotations/ap10k-{s}-split1.json", "data") for s in ("train", "val", "test")],
    "COCO": [(f"annotations/person_keypoints_{s}2017.json", f"{s}2017") for s in ("train", "val", "test")],
    "COCO in images": [(f"annotations/instances_{s}2017.json", f"images/{s}2017") for s in ("train", "val")],
    "valid.json": [(f"annotations/{s}.json", "images") for s in ("train", "valid")],
    "other word for the split": [("annotations/train.json", "training"), ("annotations/validation.json", "val")],
    "annotations in split": [(f"{s}/annotations/all.json", f"{s}/images") for s in ("train", "val")],
    "folders in annotations": [(f"annotations/{s}/instances.json", f"images/{s}") for s in ("train", "val")],
    "labels": [(f"labels/{s}.json", s) for s in ("train", "test")],
    "beside": [(f"{s}.json", "imgs") for s in ("train", "val")],
    "deep": [(f"annotations/{s}.json", f"pictures/from/{s}er") for s in ("train", "val")],
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("same", [True, False], ids=["same names", "other names"])
def test_layouts_that_people_have(tmp_path: Path, layout: str, same: bool):
    shared = len({images for _, images in LAYOUTS[layout]}) == 1 or layout == "deep"
    for number, (annotation, images) in enumerate(LAYOUTS[layout]):
        names = [f"{i}.png" if same and not shared else f"{number}_{i}.png" for i in range(3)]
        put(tmp_path, annotation, *names, images=images)
    assert is_coco(tmp_path)
    reading = read_coco(tmp_path)
    assert len(reading.records) == len({r.image for r in reading.records}) == 3 * len(LAYOUTS[layout])
    for record in reading.records:  # each image is that of its own split
        part = split_of_file(record.source, tmp_path)
        assert part and reading.splits[record.image] == part
        if not shared:
            assert any(record.image.is_relative_to(tmp_path / i) and (tmp_path / a) == record.source
                       for a, i in LAYOUTS[layout])  # fmt: skip


def test_the_division_of_the_source_is_kept(tmp_path: Path):
    for annotation, images in ROBOFLOW:
        put(tmp_path / "in", annotation, "a.png", "b.png", images=images)
    assert convert(tmp_path / "in", tmp_path / "out")["split"] == {"train": 2, "val": 2, "test": 2}


def test_files_without_keypoints_are_left_out_and_named(tmp_path: Path):
    put(tmp_path, "annotations/instances_val2017.json", "a.png", keypoints=False)
    put(tmp_path, "annotations/person_keypoints_val2017.json", "a.png", images="val2017")
    put(tmp_path, "annotations/captions_val2017.json", raw=b'{"images": [], "annotations": []}')
    reading = read_coco(tmp_path)
    assert len(reading.records) == 1
    assert reading.notes.lines == [
        "left out, because they have no keypoints: captions_val2017.json, instances_val2017.json"
    ]
    (tmp_path / "annotations/person_keypoints_val2017.json").unlink()
    with pytest.raises(BadInputError, match=r"instances_val2017\.json: no category has keypoints"):
        read_coco(tmp_path)


def test_the_first_missing_image_does_not_decide_for_all(tmp_path: Path):
    put(tmp_path, "annotations/all.json", "0.png", "1.png", "2.png")
    (tmp_path / "0.png").unlink()
    with pytest.raises(
        BadInputError, match=r"image 0: image is missing; expected '0\.png' in the same folder"
    ):
        read_coco(tmp_path)
    reading = read_coco(tmp_path, skip_bad=True)
    assert len(reading.records) == 2 and len(reading.faults) == 1


def test_a_missing_image_is_not_taken_from_another_split(tmp_path: Path):
    for annotation, images in ROBOFLOW:
        put(tmp_path, annotation, "a.png", "b.png", images=images)
    (tmp_path / "train/b.png").unlink()
    with pytest.raises(BadInputError, match="image is missing"):
        read_coco(tmp_path)
    for split in ("train", "val"):
        put(tmp_path / "other", f"annotations/{split}.json", "a.png", images=f"images/{split}")
    (tmp_path / "other/images/train/a.png").unlink()
    with pytest.raises(BadInputError, match="image is missing|two names lead to one image"):
        read_coco(tmp_path / "other")


@pytest.mark.parametrize(
    "name", ["sub\\a.png", ".\\sub\\a.png", "./sub/a.png", "D:\\set\\sub\\a.png", "/mnt/sub/a.png"]
)
def test_names_of_other_machines(tmp_path: Path, name: str):
    put(tmp_path, "annotations/all.json", "sub/a.png", images="images")
    (tmp_path / "annotations/all.json").write_text(json.dumps(content(name)))
    assert read_coco(tmp_path).records[0].image == tmp_path / "images/sub/a.png"


def test_images_in_a_folder_of_their_own(tmp_path: Path):
    put(tmp_path / "set", "annotations/train.json", "a.png")
    put(tmp_path / "set", "annotations/val.json", "b.png")
    (tmp_path / "far/deep").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / f"set/{name}.png").rename(tmp_path / f"far/deep/{name}.png")
    with pytest.raises(BadInputError, match="image is missing.*--images DIR"):
        read_coco(tmp_path / "set")
    for images in ("far", "far/deep"):
        reading = read_coco(tmp_path / "set", images=tmp_path / images)
        assert {r.image.name for r in reading.records} == {"a.png", "b.png"}


def test_annotations_in_utf_16_are_found(tmp_path: Path):
    text = json.dumps(content("é.png"), ensure_ascii=False)
    put(tmp_path, "annotations/all.json", "é.png", raw=text.encode("utf-16"))
    assert is_coco(tmp_path) and len(read_coco(tmp_path).records) == 1


@pytest.mark.parametrize("spoil", [lambda t: t.encode("gb18030"), lambda t: t.encode()[:-1]])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, spoil):
    put(
        tmp_path,
        "annotations/all.json",
        "左.png",
        raw=spoil(json.dumps(content("左.png"), ensure_ascii=False)),
    )
    assert is_coco(tmp_path)
    with pytest.raises(BadInputError, match=r"all\.json:?.*not (UTF-8 text|valid JSON)"):
        read_coco(tmp_path)


def test_what_is_no_coco_is_not_taken_for_it(tmp_path: Path):
    assert coco_files(tmp_path) == coco_files(tmp_path / "none") == []
    (tmp_path / "train").mkdir()
    (tmp_path / "train/a.json").write_text('{"shapes": []}')
    assert coco_files(tmp_path) == []
