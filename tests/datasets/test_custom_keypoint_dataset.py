import logging
from pathlib import Path

import pytest

from kpplugins.converters.cat import CAT_SCHEMA
from kpplugins.converters.convert import convert
from kpplugins.datasets import CatDataset, CustomKeypointDataset
from kpplugins.structures import BadInputError


@pytest.fixture(scope="module")
def converted(drawn_cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("custom") / "cats"
    convert(drawn_cats, out, ratios=(50, 50, 0))
    return out


def test_a_converted_set_is_the_same_as_its_source(converted: Path, drawn_cats: Path):
    ours = {Path(s["img_path"]).name: s for s in CustomKeypointDataset(str(converted), "all")}
    theirs = {Path(s["img_path"]).name: s for s in CatDataset(str(drawn_cats))}
    assert ours.keys() == theirs.keys()
    for name, sample in ours.items():
        assert sample["keypoints"].tolist() == theirs[name]["keypoints"].tolist()
        assert sample["bbox"].ravel().tolist() == pytest.approx(
            theirs[name]["bbox"].ravel().tolist(), abs=1e-3
        )
        assert sample["flip_indices"] == theirs[name]["flip_indices"]


def test_the_schema_comes_from_the_data_with_or_without_schema_json(converted: Path, tmp_path: Path):
    assert CustomKeypointDataset.schema_of({"data_root": str(converted)}) == CAT_SCHEMA
    (tmp_path / "annotations").symlink_to(converted / "annotations")
    assert CustomKeypointDataset.schema_of({"data_root": str(tmp_path)}) == CAT_SCHEMA
    part = CustomKeypointDataset.schema_of({"data_root": str(converted), "keypoints": ["mouth"]})
    assert part.keypoints == ("mouth",)


def test_without_test_pictures_val_is_taken_and_it_is_said(converted: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        assert len(CustomKeypointDataset(str(converted), "test")) == 10
    assert "no test pictures: testing on val" in caplog.text


def test_a_missing_picture_is_named(converted: Path, tmp_path: Path):
    (tmp_path / "annotations").symlink_to(converted / "annotations")
    (tmp_path / "images").mkdir()
    with pytest.raises(BadInputError, match="picture is missing"):
        CustomKeypointDataset(str(tmp_path), "train")


@pytest.mark.parametrize(
    ("split", "words"), [("tset", "unknown split"), ("train", "no annotations here.*convert")]
)
def test_faults(tmp_path: Path, split: str, words: str):
    with pytest.raises(BadInputError, match=words):
        CustomKeypointDataset(str(tmp_path), split)
