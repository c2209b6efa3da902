from pathlib import Path

import numpy as np
import pytest

from kpplugins.datasets import KaggleFacialDataset
from kpplugins.formats.kaggle_faces.reader import FOUR, NAMES, read_faces
from kpplugins.structures import BadInputError


def test_a_row_is_in_the_same_split_whatever_the_subset(kaggle_folder: Path):
    sizes, rows = {}, {}
    for subset in ("all", "15", "4"):
        for split in ("train", "val", "test"):
            dataset = KaggleFacialDataset(str(kaggle_folder), split, subset)
            sizes[subset, split] = len(dataset)
            rows[subset, split] = {sample["img_path"] for sample in dataset}
    assert [sizes["all", s] for s in ("train", "val", "test")] == [24, 3, 3]
    for split in ("train", "val", "test"):
        assert rows["15", split] | rows["4", split] == rows["all", split]
    assert len(rows["all", "train"] | rows["all", "val"] | rows["all", "test"]) == 30
    again = KaggleFacialDataset(str(kaggle_folder), "val", "all")
    assert {s["img_path"] for s in again} == rows["all", "val"]
    other = KaggleFacialDataset(str(kaggle_folder), "val", "all", shuffle_seed=1)
    assert {s["img_path"] for s in other} != rows["all", "val"]


def test_points_and_images_are_those_of_the_row(kaggle_folder: Path):
    images, reading = read_faces(kaggle_folder, subset="15")
    by_row = {r.image.name: (p, r) for p, r in zip(images, reading.records, strict=True)}
    for sample in KaggleFacialDataset(str(kaggle_folder), "val"):
        image, record = by_row[Path(sample["img_path"]).name]
        assert (sample["img"] == image[..., None]).all() and sample["img"].shape == (96, 96, 3)
        assert sample["keypoints"][0] == pytest.approx(record.keypoints[:, :2], abs=1e-4)
        assert sample["bbox"].tolist() == [[0, 0, 95, 95]]


def test_rows_with_four_points_have_the_others_masked(kaggle_folder: Path):
    four = KaggleFacialDataset(str(kaggle_folder), subset="4")
    assert len(four) == 10
    for sample in four:
        labelled = {NAMES[k] for k in np.flatnonzero(sample["keypoints_visible"][0])}
        assert labelled == set(FOUR)
    assert len(KaggleFacialDataset(str(kaggle_folder), subset="all")) == 30
    assert len(KaggleFacialDataset(str(kaggle_folder), subset=15)) == 20  # as --cfg-options reads it


def test_some_of_the_points(kaggle_folder: Path):
    nose = KaggleFacialDataset(str(kaggle_folder), subset="all", keypoints=["nose_tip"])
    assert nose[0]["keypoints"].shape == (1, 1, 2)
    assert KaggleFacialDataset.schema_of({"keypoints": ["nose_tip"]}).num_keypoints == 1


def test_what_it_refuses(tmp_path: Path, kaggle_folder: Path):
    with pytest.raises(BadInputError, match=r"training\.csv or training\.zip.*kaggle\.com"):
        KaggleFacialDataset(str(tmp_path))
    with pytest.raises(BadInputError, match="unknown subset"):
        KaggleFacialDataset(str(kaggle_folder), subset="5")
    with pytest.raises(BadInputError, match="unknown split"):
        KaggleFacialDataset(str(kaggle_folder), "tests")
