import json
import logging
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmpose.registry import DATASETS

from kpplugins.config.load import datasets_of, load_config
from kpplugins.curation.convert import convert
from kpplugins.data.coco.schema import category_names_of_file
from kpplugins.data.parsing.documents import load_json
from kpplugins.datasets import CatDataset, CustomKeypointDataset
from kpplugins.formats.cat import CAT_SCHEMA
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


def test_without_test_images_val_is_taken_and_it_is_said(converted: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        assert len(CustomKeypointDataset(str(converted), "test")) == 10
    assert "no test images: testing on val" in caplog.text


def test_a_missing_image_is_named(converted: Path, tmp_path: Path):
    (tmp_path / "annotations").symlink_to(converted / "annotations")
    (tmp_path / "images").mkdir()
    with pytest.raises(BadInputError, match="image is missing"):
        CustomKeypointDataset(str(tmp_path), "train")


@pytest.mark.parametrize(
    ("split", "words"), [("tset", "unknown split"), ("train", "no annotations here.*convert")]
)
def test_faults(tmp_path: Path, split: str, words: str):
    with pytest.raises(BadInputError, match=words):
        CustomKeypointDataset(str(tmp_path), split)


@pytest.fixture
def two_kinds(tmp_path: Path) -> Path:
    """Two categories with one point in common, and a schema.json that has all points in another order."""
    root = tmp_path / "kinds"
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    cv2.imwrite(str(root / "images/a.png"), np.zeros((40, 60, 3), np.uint8))
    box = {"image_id": 1, "bbox": [0, 0, 30, 30], "area": 900, "iscrowd": 0}
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],
        "categories": [{"id": 1, "name": "cup", "keypoints": ["rim", "foot"]},
                       {"id": 2, "name": "jug", "keypoints": ["spout", "foot"]}],
        "annotations": [{**box, "id": 1, "category_id": 1, "keypoints": [1, 2, 2, 3, 4, 2]},
                        {**box, "id": 2, "category_id": 2, "keypoints": [5, 6, 2, 7, 8, 2]}],
    }  # fmt: skip
    for split in ("train", "val", "test"):
        (root / f"annotations/{split}.json").write_text(json.dumps(content))
    schema = CustomKeypointDataset.schema_of({"data_root": str(root)})
    schema.subset(["spout", "foot", "rim"]).save(root / "schema.json")
    return root


def test_several_categories_share_their_points(two_kinds: Path):
    dataset = CustomKeypointDataset(str(two_kinds))
    assert dataset.schema.keypoints == ("spout", "foot", "rim")
    cup, jug = dataset[0], dataset[1]
    assert (cup["raw_ann_info"]["category"], jug["raw_ann_info"]["category"]) == ("cup", "jug")
    assert cup["keypoints_visible"].tolist() == [[0, 1, 1]]
    assert cup["keypoints"].tolist() == [[[0, 0], [3, 4], [1, 2]]]
    assert jug["keypoints"].tolist() == [[[5, 6], [7, 8], [0, 0]]]


def test_some_of_the_categories(two_kinds: Path):
    dataset = CustomKeypointDataset(str(two_kinds), categories=["cup"])
    assert (len(dataset), dataset.schema.keypoints) == (1, ("rim", "foot"))
    assert dataset[0]["keypoints"].tolist() == [[[1, 2], [3, 4]]]
    cfg = {"data_root": str(two_kinds), "categories": ["cup"]}
    assert CustomKeypointDataset.schema_of(cfg).keypoints == ("rim", "foot")
    with pytest.raises(BadInputError, match="no such category.*cup, jug.*'mug'"):
        CustomKeypointDataset(str(two_kinds), categories=["mug"])


@pytest.mark.parametrize("place", ["copy", "hardlink", "symlink"])
def test_images_of_any_placement_can_be_trained_on(drawn_cats: Path, tmp_path: Path, place: str):
    convert(drawn_cats, tmp_path / "out", place=place)
    assert len(CustomKeypointDataset(str(tmp_path / "out"), "train")) == 16


def test_files_that_list_the_points_in_different_orders(two_kinds: Path):
    (two_kinds / "schema.json").unlink()
    path = two_kinds / "annotations/val.json"
    content = json.loads(path.read_text())
    content["categories"][0]["keypoints"] = ["foot", "rim"]
    content["annotations"][0]["keypoints"] = [3, 4, 2, 1, 2, 2]
    path.write_text(json.dumps(content))
    train, val = (CustomKeypointDataset(str(two_kinds), s) for s in ("train", "val"))
    assert train.schema == val.schema
    assert train[0]["keypoints"].tolist() == val[0]["keypoints"].tolist()


def test_the_bottom_up_mode_has_all_instances_of_a_image(two_kinds: Path):
    (sample,) = CustomKeypointDataset(str(two_kinds), data_mode="bottomup")
    assert sample["keypoints"].tolist() == [[[0, 0], [3, 4], [1, 2]], [[5, 6], [7, 8], [0, 0]]]
    assert sample["bbox"].shape == (2, 4)


def test_an_annotation_file_is_parsed_once_for_the_config_and_once_for_its_dataset(
    root: Path, tmp_path: Path, drawn_cats: Path, monkeypatch: pytest.MonkeyPatch
):
    data, parsed = tmp_path / "data", Counter[str]()
    convert(drawn_cats, data)

    def counted(path: Path, finite: bool = True) -> Any:
        parsed[path.name] += 1
        return load_json(path, finite)

    monkeypatch.setattr("kpplugins.data.coco.schema.load_json", counted)
    cfg = load_config(root / "configs/custom_centernet.py", data=data)
    for _, dataset in datasets_of(cfg):
        DATASETS.build({**dataset, "pipeline": []})
    assert parsed == {"train.json": 2, "val.json": 1, "test.json": 1}


def test_an_annotation_file_written_again_is_parsed_again(tmp_path: Path):
    path = tmp_path / "a.json"
    content = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "fish", "keypoints": ["eye"]}],
    }
    path.write_text(json.dumps(content))
    assert category_names_of_file(path) == ["fish"]
    content["categories"][0]["name"] = "salmon"
    path.write_text(json.dumps(content))
    assert category_names_of_file(path) == ["salmon"]


def test_a_copy_of_train_is_said(converted: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    CustomKeypointDataset(str(converted), "val")
    assert "same content as train.json" not in caplog.text
    shutil.copytree(converted / "images", tmp_path / "images")
    (tmp_path / "annotations").mkdir()
    content = (converted / "annotations" / "train.json").read_bytes()
    for split in ("train", "val"):
        (tmp_path / "annotations" / f"{split}.json").write_bytes(content)
    assert len(CustomKeypointDataset(str(tmp_path), "val")) == 10
    assert "val.json has the same content as train.json" in caplog.text
