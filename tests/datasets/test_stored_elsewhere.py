"""Samples are the same to the last bit whatever they are stored in, in this process and in data workers."""

import json
import logging
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import fsspec
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader

from kpplugins.config.load import datasets_of, load_config
from kpplugins.curation.check import check
from kpplugins.curation.convert import convert
from kpplugins.curation.pack import pack
from kpplugins.datasets import CocoPersonDataset, CustomKeypointDataset, kept_arrays
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path

STORES = ("zip", "lmdb", "tar", "zip by hand", "tar by hand", "memory", "zip in memory", "file")


@pytest.fixture(scope="module", autouse=True)
def _scope() -> None:
    init_default_scope("mmpose")


@pytest.fixture(scope="module")
def converted(drawn_cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stored") / "my cats"
    convert(drawn_cats, out, ratios=(60, 20, 20), checks=False)
    return out


@pytest.fixture(scope="module")
def stored(converted: Path) -> Iterator[dict[str, str]]:
    """What ``data_root`` may be."""
    pytest.importorskip("lmdb")
    place, system = converted.parent, fsspec.filesystem("memory")
    roots = {kind: pack(converted, kind, shard_size=0.2)["out"] for kind in ("zip", "lmdb", "tar")}
    shutil.make_archive(str(place / "hand"), "zip", place, converted.name)
    with tarfile.open(place / "hand.tar", "w") as tar:
        tar.add(converted, "./")
    system.put(str(converted), "/stored cats/set", recursive=True)
    system.put(roots["zip"], "/stored cats/set.zip")
    yield {
        **roots, "zip by hand": str(place / "hand.zip"), "tar by hand": str(place / "hand.tar"),
        "memory": "memory://stored cats/set", "zip in memory": "memory://stored cats/set.zip",
        "file": converted.as_uri().replace("%20", " "),
    }  # fmt: skip
    system.rm("/stored cats", recursive=True)


def samples_of(root: str, workers: int = 0, **options: Any) -> list[tuple]:
    """What two epochs of training give: keypoints, boxes and pixels, behind a random step."""
    pipeline = [
        dict(type="LoadCachedImage", cache_mb=0.1),
        dict(type="GetBBoxCenterScale"),
        dict(type="RandomFlip"),
    ]
    dataset = CustomKeypointDataset(root, "train", pipeline=pipeline, **options)
    torch.manual_seed(3)
    np.random.seed(3)
    loader = DataLoader(dataset, batch_size=1, num_workers=workers, collate_fn=list, shuffle=True)
    return [
        (s["id"], s["keypoints"].tobytes(), s["bbox"].tobytes(), s["img"].tobytes(), Path(s["img_path"]).name)
        for _ in range(2)
        for (s,) in loader
    ]


@pytest.fixture(scope="module")
def expected(converted: Path) -> dict[int, list[tuple]]:
    return {workers: samples_of(str(converted), workers) for workers in (0, 2)}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("store", STORES)
def test_samples_are_the_same(
    stored: dict[str, str], expected: dict[int, list[tuple]], store: str, workers: int
):
    found = samples_of(stored[store], workers)
    assert len(found) == 24 and found == expected[workers]


@pytest.mark.parametrize("store", STORES)
def test_a_config_takes_it(root: Path, stored: dict[str, str], converted: Path, store: str):
    """Schema, categories, and MMPose's own step that loads the test images."""
    config = root / "configs/custom_hourglass_small.py"
    cfg, plain = (load_config(config, data=data) for data in (stored[store], str(converted)))
    assert {dataset.data_root for _, dataset in datasets_of(cfg)} == {stored[store]}
    assert cfg.model.head.out_channels == plain.model.head.out_channels
    from mmpose.registry import DATASETS

    ours, theirs = (DATASETS.build(one.test_dataloader.dataset) for one in (cfg, plain))
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one["inputs"], other["inputs"])
    path = ours.get_data_info(0)["img_path"]
    assert path.startswith(str(as_path(stored[store])) if "memory" not in store else stored[store])


def test_images_as_samples_and_downloaded_coco(stored: dict[str, str], converted: Path, tmp_path: Path):
    """Bottom-up samples have the categories of the annotation file; COCO's persons are found by the year."""
    one, other = (
        CustomKeypointDataset(root, "train", data_mode="bottomup") for root in (stored["zip"], str(converted))
    )
    assert one.metainfo["classes"] == other.metainfo["classes"] == ["cat"] and len(one) == len(other)
    names = CocoPersonDataset.METAINFO["keypoint_info"]
    (tmp_path / "coco/annotations").mkdir(parents=True)
    (tmp_path / "coco/val2017").mkdir()
    cv2.imwrite(str(tmp_path / "coco/val2017/1.png"), np.full((40, 40, 3), 9, np.uint8))
    (tmp_path / "coco/annotations/person_keypoints_val2017.json").write_text(json.dumps({
        "images": [{"id": 1, "file_name": "1.png", "width": 40, "height": 40}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 30, 30], "area": 9, "iscrowd": 0,
                         "keypoints": [5, 5, 2] * 17}],
        "categories": [{"id": 1, "name": "person", "keypoints": [names[i]["name"] for i in range(17)]}],
    }))  # fmt: skip
    for kind in ("zip", "tar"):
        out = pack(tmp_path / "coco", kind)["out"]
        assert len(CocoPersonDataset(out, "val")) == 1
        assert CocoPersonDataset(out, "val")[0]["img_path"] == f"{out}/val2017/1.png"


def without(source: str, target: Path, name: str) -> Path:
    """Copy a zip without one of its files."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info, old.read(info))
    return target


@pytest.fixture
def first_image(converted: Path) -> str:
    content = json.loads((converted / "annotations/train.json").read_text())
    return f"images/{content['images'][0]['file_name']}"


def test_a_missing_image_is_said_as_on_the_disk(
    stored: dict[str, str], converted: Path, first_image: str, tmp_path: Path
):
    shutil.copytree(converted, tmp_path / "folder")
    (tmp_path / "folder" / first_image).unlink()
    packed = without(stored["zip"], tmp_path / "set.zip", first_image)
    said = {}
    for root in (tmp_path / "folder", packed):
        with pytest.raises(BadInputError) as error:
            CustomKeypointDataset(str(root), "train")
        said[root] = str(error.value).replace(str(root), "ROOT")
        assert len(CustomKeypointDataset(str(root), "train", skip_bad=True)) == 11
    assert said[packed] == said[tmp_path / "folder"] and "image is missing" in said[packed]


def test_a_damaged_image_is_named_found_and_skipped(
    stored: dict[str, str],
    converted: Path,
    first_image: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
):
    """In a fresh set it is known by its header or by decoding it; one that is damaged later is another sample."""
    whole, image = Path(stored["zip"]).read_bytes(), (converted / first_image).read_bytes()
    place = whole.index(image) + len(image) // 2
    packed = tmp_path / "set.zip"
    packed.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
    pipeline = [dict(type="LoadCachedImage")]
    dataset = CustomKeypointDataset(str(packed), "train", pipeline=pipeline)
    with pytest.raises(
        BadInputError, match=rf"^{packed}/{first_image}: image in its archive is damaged \(another check"
    ):
        for i in range(len(dataset)):
            dataset.prepare_data(i)
    report = check(packed)
    assert [f.what for f in report.findings if f.check == "image-unreadable"] == [
        "The image cannot be decoded."
    ]
    skipping = CustomKeypointDataset(str(packed), "train", pipeline=pipeline, skip_bad=True)
    assert len([skipping[i] for i in range(len(skipping))]) == 12 and len(skipping.lost.indices()) == 1


def test_a_kept_index_is_of_the_archive_as_it_is(
    stored: dict[str, str], first_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kept_arrays, "WORTH_KEEPING", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    packed = tmp_path / "set.zip"
    shutil.copyfile(stored["zip"], packed)
    assert len(CustomKeypointDataset(str(packed), "train")) == 12
    assert len(list((tmp_path / "cache/kpplugins").glob("*.arrays"))) == 1
    with monkeypatch.context() as patch:
        patch.setattr(CustomKeypointDataset, "load_split", lambda self: pytest.fail("is read again"))
        assert len(CustomKeypointDataset(str(packed), "train")) == 12
    without(stored["zip"], packed, first_image)
    with pytest.raises(BadInputError, match="image is missing"):
        CustomKeypointDataset(str(packed), "train")


def test_an_index_of_what_is_elsewhere_is_not_kept(
    stored: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(kept_arrays, "WORTH_KEEPING", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with caplog.at_level(logging.WARNING):
        CustomKeypointDataset(stored["memory"], "train")
    assert not (tmp_path / "cache").exists() and caplog.text == ""
