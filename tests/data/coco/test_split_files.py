"""Which of several files are used, and what is said of the others."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.reader import read_coco
from kpplugins.structures import BadInputError

TRAIN, VAL, TEST = range(1, 5), range(5, 7), range(7, 9)


def write(root: Path, **files: object) -> Path:
    """A JSON per file with the images of these numbers; ``__`` in a name becomes ``/``, ``_`` stays."""
    (root / "images").mkdir(exist_ok=True)
    (root / "annotations").mkdir(exist_ok=True)
    for name, numbers in files.items():
        content: dict[str, list] = {"images": [], "annotations": [], "categories": [
            {"id": 1, "name": "cat", "keypoints": ["nose"]}
        ]}  # fmt: skip
        for i in numbers:  # type: ignore[attr-defined]
            cv2.imwrite(str(root / "images" / f"{i}.png"), np.full((40, 60, 3), i, np.uint8))
            content["images"].append({"id": i, "file_name": f"{i}.png", "width": 60, "height": 40})
            content["annotations"].append({
                "id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 20, 20], "keypoints": [5 + i, 5, 2]
            })  # fmt: skip
        (root / "annotations" / f"{name}.json").write_text(json.dumps(content))
    return root


def division(reading: AnnotationSet) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for record in reading.records:
        found.setdefault(reading.splits.get(record.image, ""), []).append(int(record.image.stem))
    return {split: sorted(numbers) for split, numbers in found.items()}


def test_trainval_beside_its_parts_is_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write(tmp_path, train=TRAIN, val=VAL, trainval=range(1, 7), test=TEST, all=range(1, 9))
    reading = read_coco(tmp_path)
    assert division(reading) == {"train": [1, 2, 3, 4], "val": [5, 6], "test": [7, 8]}
    assert "trainval.json repeats train.json and val.json, left out" in caplog.text
    assert "all.json repeats test.json and train.json and val.json, left out" in caplog.text
    assert [file.path.stem for file in reading.files] == ["test", "train", "val"]


def test_trainval_with_test_alone_is_used(tmp_path: Path):
    assert division(read_coco(write(tmp_path, trainval=range(1, 7), test=TEST))) == {
        "": [1, 2, 3, 4, 5, 6], "test": [7, 8],
    }  # fmt: skip


def test_a_copy_is_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write(tmp_path, train=TRAIN, annotations=TRAIN, val=VAL)
    assert division(read_coco(tmp_path)) == {"train": [1, 2, 3, 4], "val": [5, 6]}
    assert "annotations.json has the same content as train.json, left out" in caplog.text


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"train": TRAIN, "val": TRAIN}, "two splits have the same content.*4 images in both.*--split-files"),
        ({"train": TRAIN, "val": range(1, 3)}, "files share images.*2 of 4 and 2 images.*--split-files"),
        ({"trainval": range(1, 7), "val": VAL}, "files share images.*--split-files"),
        (
            {
                "fold_0_train": [1, 2, 3, 4],
                "fold_0_val": [5, 6],
                "fold_1_train": [3, 4, 5, 6],
                "fold_1_val": [1, 2],
            },
            "files share images.*--split-files train=FILE",
        ),
    ],
)
def test_files_that_share_images_must_be_chosen(tmp_path: Path, files: dict, words: str):
    write(tmp_path, **files)
    for skip_bad in (False, True):
        with pytest.raises(BadInputError, match=words) as caught:
            read_coco(tmp_path, skip_bad=skip_bad)
        assert "\n" not in str(caught.value)


def test_the_chosen_files_are_used(tmp_path: Path):
    write(tmp_path, fold_0=[1, 2], fold_1=[3, 4], fold_2=[5, 6], fold_0_rest=[3, 4, 5, 6])
    chosen = read_coco(
        tmp_path, split_files=["train=fold_1.json", "train=annotations/fold_2.json", "val=fold_0.json"]
    )
    assert division(chosen) == {"train": [3, 4, 5, 6], "val": [1, 2]}
    with pytest.raises(BadInputError, match="files share images"):
        read_coco(tmp_path, split_files=["train=fold_0_rest.json", "val=fold_1.json"])
    with pytest.raises(BadInputError, match="two splits have the same content"):
        copy = tmp_path / "annotations" / "copy.json"
        copy.write_bytes((tmp_path / "annotations" / "fold_0.json").read_bytes())
        read_coco(tmp_path, split_files=["train=fold_0.json", "val=copy.json"])


@pytest.mark.parametrize("text", ["fold_0.json", "train=", "train=gone.json", "dev=fold_0.json"])
def test_a_wrong_choice_is_one_line(tmp_path: Path, text: str):
    write(tmp_path, fold_0=[1, 2])
    with pytest.raises(BadInputError, match="--split-files: .*train=FILE"):
        read_coco(tmp_path, split_files=[text])
    with pytest.raises(BadInputError, match="chosen twice"):
        read_coco(tmp_path, split_files=["train=fold_0.json", "val=fold_0.json"])


def test_one_image_in_two_splits_is_a_fault_and_in_neither(tmp_path: Path):
    write(tmp_path, train=TRAIN, val=[4, 5, 6, 7])
    with pytest.raises(
        BadInputError, match=r"val\.json: 4\.png: image is in two splits.*train\.json has it too"
    ):
        read_coco(tmp_path)
    assert division(read_coco(tmp_path, skip_bad=True)) == {"train": [1, 2, 3], "val": [5, 6, 7]}


ANIMALS = {1: "antelope", 2: "bison"}
AP10K = {"train": (1, 2, 3), "val": (4, 5), "test": (6, 7)}


def write_ap10k(root: Path) -> Path:
    """``annotations/ap10k-SPLIT-splitN.json`` of all images in ``data``, divided anew by each N; so are ids."""
    (root / "data").mkdir()
    (root / "annotations").mkdir()
    names = ["left_eye", "right_eye", "nose"]
    for i in range(1, 8):
        cv2.imwrite(str(root / f"data/{i:012d}.jpg"), np.full((40, 60, 3), 30 * i, np.uint8))
    for shift in range(3):
        for split, numbers in AP10K.items():
            own = [1 + (i - 1 + shift) % 7 for i in numbers]
            images = [
                {"id": n, "file_name": f"{i:012d}.jpg", "width": 60, "height": 40}
                for n, i in enumerate(own, 1)
            ]
            animals = [
                {"id": n, "image_id": n, "category_id": 1 + i % 2, "bbox": [i, 1, 30, 30], "area": 900, "iscrowd": 0,
                 "num_keypoints": 2, "keypoints": [5 + i, 5, 2, 0, 0, 0, 9 + i, 9, 1]}
                for n, i in enumerate(own, 1)
            ]  # fmt: skip
            categories = [{"id": c, "name": n, "supercategory": "Bovidae", "keypoints": names, "skeleton": [[1, 2]]}
                          for c, n in ANIMALS.items()]  # fmt: skip
            content = {
                "info": {},
                "licenses": [],
                "images": images,
                "annotations": animals,
                "categories": categories,
            }
            (root / f"annotations/ap10k-{split}-split{shift + 1}.json").write_text(json.dumps(content))
    return root


def test_a_division_of_ap10k_is_chosen(tmp_path: Path):
    write_ap10k(tmp_path)
    with pytest.raises(BadInputError, match="choose: --split-files train=FILE"):
        read_coco(tmp_path)
    for number in (1, 2):
        chosen = [f"{split}=ap10k-{split}-split{number}.json" for split in AP10K]
        reading = read_coco(tmp_path, split_files=chosen)
        expected = {split: sorted(1 + (i + number - 2) % 7 for i in own) for split, own in AP10K.items()}
        assert division(reading) == expected and not reading.faults and not reading.notes
        for record in reading.records:  # each file's id 1 is another image; its own animal is on it
            i = int(record.image.stem)
            assert record.image.parent.name == "data" and record.keypoints[0].tolist() == [5 + i, 5, 2]
            assert record.category == ANIMALS[1 + i % 2]
        assert reading.schema.flip_pairs == (("left_eye", "right_eye"),)
