"""Files that are wrong in every way give findings or one refusal, never a traceback."""

import copy
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.curation.check import check
from kpplugins.structures import BadInputError

CONTENT = {
    "images": [{"id": i, "file_name": f"{i}.png", "width": 60, "height": 40} for i in (1, 2, 3)],
    "categories": [
        {"id": 7, "name": "bird", "keypoints": ["beak", "left_wing", "right_wing"], "skeleton": [[1, 2], [1, 3]]}
    ],
    "annotations": [
        {
            "id": i, "image_id": i, "category_id": 7, "bbox": [10, 5, 30, 20], "area": 300, "num_keypoints": 2,
            "keypoints": [12, 8, 2, 20, 10, 1, 0, 0, 0],
        }
        for i in (1, 2, 3)
    ],
}  # fmt: skip
JUNK = [None, [], {}, "x", -1, 1e300, [None], [[]], True, {"id": []}]
IDS = [("images", 0, "id"), *(("annotations", 0, key) for key in ("id", "image_id", "category_id")),
       ("categories", 0, "id")]  # fmt: skip
PLACES = [
    *((part,) for part in ("images", "annotations", "categories")),
    *((part, 0) for part in ("images", "annotations", "categories")),
    *(("images", 0, key) for key in ("file_name", "width")),
    *(("annotations", 0, key) for key in ("bbox", "area", "keypoints", "num_keypoints")),
    *(("categories", 0, key) for key in ("name", "keypoints", "skeleton", "flip_pairs", "sigmas")),
]


def write(root: Path) -> Path:
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    for i in (1, 2, 3):
        noise = np.random.default_rng(i).integers(0, 256, (40, 60, 3)).astype(np.uint8)
        cv2.imwrite(str(root / "images" / f"{i}.png"), noise)
    (root / "annotations" / "train.json").write_text(json.dumps(CONTENT))
    return root


@pytest.mark.parametrize("place", [*PLACES, *IDS])
def test_junk_anywhere_gives_findings_or_one_refusal(tmp_path: Path, place: tuple):
    root = write(tmp_path / "set")
    for junk in JUNK:
        if isinstance(junk, (list, dict)) and (place in IDS or isinstance(junk, dict) and "id" in junk):
            continue  # see the next test
        put(root, place, junk)
        check_or_refuse(root)


@pytest.mark.parametrize("place", [*IDS, ("images", 0), ("annotations", 0), ("categories", 0)])
def test_ids_that_are_lists_or_objects(tmp_path: Path, place: tuple):
    root = write(tmp_path / "set")
    for junk in ([], {}, [[]], {"id": []}):
        put(root, place, junk)
        check_or_refuse(root)


def put(root: Path, place: tuple, value: object) -> None:
    changed = copy.deepcopy(CONTENT)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (root / "annotations" / "train.json").write_text(json.dumps(changed))


def check_or_refuse(root: Path) -> None:
    try:
        assert check(root, out=root / "out").findings
    except BadInputError as error:
        assert "\n" not in str(error)


def test_what_cannot_be_opened_is_one_finding_or_one_refusal(tmp_path: Path):
    root = write(tmp_path / "set")
    (root / "annotations" / "val.json").write_text('{"images": [')
    report = check(root, out=tmp_path / "out")
    assert (report.exit_status, report.schema, len(report.findings)) == (1, None, 1)
    assert report.findings[0].file == root / "annotations" / "val.json"
    for source, form in ((tmp_path / "none", None), (tmp_path / "none", "coco"), (root, "other")):
        with pytest.raises(BadInputError):
            check(source, from_format=form)
