import logging
from pathlib import Path

import numpy as np
import pytest

import kpplugins.register  # noqa: F401
from kpplugins.datasets import CatDataset
from kpplugins.formats.cat import CAT_SCHEMA, read_cat
from kpplugins.structures import BadInputError


def test_the_splits_are_60_20_20_in_sorted_order(drawn_cats: Path):
    names = [r.image.name for r in read_cat(drawn_cats).records]
    parts = {
        s: [Path(d["img_path"]).name for d in CatDataset(str(drawn_cats), s)]
        for s in ("train", "val", "test")
    }
    assert (parts["train"], parts["val"], parts["test"]) == (names[:12], names[12:16], names[16:])


def test_a_sample_has_what_mmpose_needs(drawn_cats: Path):
    dataset = CatDataset(str(drawn_cats), "train")
    sample = dataset[0]
    record = read_cat(drawn_cats).records[0]
    assert sample["keypoints"].shape == (1, 9, 2)
    assert np.array_equal(sample["keypoints"][0], record.keypoints[:, :2])
    assert sample["keypoints_visible"].tolist() == [[1.0] * 9]
    assert sample["bbox"][0].tolist() == pytest.approx(record.bbox.tolist())
    assert sample["flip_indices"] == CAT_SCHEMA.flip_indices == [1, 0, 2, 8, 7, 6, 5, 4, 3]
    assert dataset.metainfo["sigmas"].tolist() == pytest.approx([0.05] * 9)


def test_the_seed_recipe_uses_three_points(drawn_cats: Path):
    names = ["left_eye", "right_eye", "mouth"]
    dataset = CatDataset(str(drawn_cats), keypoints=names)
    assert dataset[0]["keypoints"].shape == (1, 3, 2)
    assert dataset[0]["flip_indices"] == [1, 0, 2]
    # the box stays that of all nine points
    assert dataset[0]["bbox"].tolist() == CatDataset(str(drawn_cats))[0]["bbox"].tolist()
    assert CatDataset.schema_of({"keypoints": names}).keypoints == tuple(names)


def test_other_ratios_and_a_seeded_shuffle(drawn_cats: Path):
    paths = [d["img_path"] for d in CatDataset(str(drawn_cats), "train", ratios=(1, 1, 2), shuffle_seed=5)]
    assert len(paths) == 5
    assert paths != sorted(paths)


def test_drawn_cats_are_never_taken_for_photographs_silently(
    drawn_cats: Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING):
        CatDataset(str(drawn_cats))
    assert "drawn cats, not photographs" in caplog.text


def test_an_instance_without_any_chosen_point_is_left_out_aloud(
    one_cat: Path, caplog: pytest.LogCaptureFixture
):
    folder = one_cat / "CAT_00"
    (folder / "b.jpg").write_bytes((folder / "a.jpg").read_bytes())
    (folder / "b.jpg.cat").write_text("9 -5 -5 " + "30 40 50 60 " * 4)
    with caplog.at_level(logging.WARNING):
        assert len(CatDataset(str(one_cat), keypoints=["left_eye"])) == 1
    assert (
        "left out of 2 instances: 1 that have none of the chosen keypoints, 0 crowds, 0 with" in caplog.text
    )
    (folder / "a.jpg").unlink()
    (folder / "a.jpg.cat").unlink()
    with pytest.raises(BadInputError, match="no instance has any"):
        CatDataset(str(one_cat), keypoints=["left_eye"])


def test_too_few_images_for_a_split(real_data: Path):
    assert len(CatDataset(str(real_data / "cat"), "train")) == 1
    with pytest.raises(BadInputError, match="the test split has no images.*1 train, 1 val, 0 test"):
        CatDataset(str(real_data / "cat"), "test")
