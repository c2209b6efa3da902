"""Real files, real processes; the folders are those of the dataset that keeps its index."""

import json
import logging
import multiprocessing
import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from torch.utils.data import DataLoader

from kpplugins.datasets import CustomKeypointDataset, kept_arrays
from kpplugins.datasets.kept_arrays import KeptArrays
from kpplugins.structures import BadInputError


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three images, two keypoints; one keypoint outside its image, of which a warning tells."""
    monkeypatch.setattr(kept_arrays, "WORTH_KEEPING", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    for name in "abc":
        cv2.imwrite(str(root / f"images/{name}.png"), np.zeros((40, 60, 3), np.uint8))
    write(root, [10, 5, 2, 70, 10, 2])
    return root


def write(root: Path, keypoints: list[float]) -> None:
    content = {
        "images": [
            {"id": i, "file_name": f"{n}.png", "width": 60, "height": 40} for i, n in enumerate("abc", 1)
        ],
        "annotations": [
            {
                "id": i,
                "image_id": i,
                "category_id": 1,
                "bbox": [5, 5, 20, 20],
                "area": 9,
                "keypoints": keypoints,
            }
            for i in (1, 2, 3)
        ],
        "categories": [{"id": 1, "name": "cup", "keypoints": ["rim", "foot"]}],
    }
    (root / "annotations/train.json").write_text(json.dumps(content))


def kept(root: Path) -> list[Path]:
    return sorted((root.parent / "cache/kpplugins").glob("*.arrays"))


def first(root: Path, **options) -> list:
    return CustomKeypointDataset(str(root), "train", **options)[0]["keypoints"].tolist()


def test_the_second_time_nothing_is_read_and_everything_said_again(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    before = CustomKeypointDataset(str(data), "train")
    said = [record.getMessage() for record in caplog.records]
    assert any("outside its image" in text for text in said)
    caplog.clear()
    monkeypatch.setattr(CustomKeypointDataset, "load_split", lambda self: pytest.fail("is read again"))
    again = CustomKeypointDataset(str(data), "train")
    assert [record.getMessage() for record in caplog.records] == said
    assert len(again) == 3
    for one, other in zip(before, again, strict=True):
        assert one.keys() == other.keys()
        assert one["raw_ann_info"] == other["raw_ann_info"]


def test_other_choices_have_an_index_of_their_own(data: Path):
    both, foot = first(data), first(data, keypoints=["foot", "rim"])
    assert foot == [[*reversed(both[0])]]
    CustomKeypointDataset(str(data), "train", data_mode="bottomup")
    CustomKeypointDataset(str(data), "train", data_mode="bottomup", test_mode=True)
    assert len(kept(data)) == 4
    CustomKeypointDataset(str(data), "train", data_mode="bottomup", pipeline=[dict])
    assert len(kept(data)) == 4


@pytest.mark.parametrize("same_time", [False, True])
def test_another_annotation_file_is_read(data: Path, same_time: bool):
    assert first(data)[0][0] == [10, 5]
    file = data / "annotations/train.json"
    times = file.stat()
    write(data, [11, 5, 2, 70, 10, 2])
    if same_time:
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert first(data)[0][0] == [11, 5]
    assert len(kept(data)) == 1


def test_a_schema_an_image_and_new_code_matter(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    first(data)
    (data / "images/b.png").unlink()
    with pytest.raises(BadInputError, match="image is missing"):
        first(data)
    cv2.imwrite(str(data / "images/b.png"), np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(BadInputError, match="size"):
        first(data)
    cv2.imwrite(str(data / "images/b.png"), np.zeros((40, 60, 3), np.uint8))
    first(data)
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(kept_arrays, "_code", lambda: 7)
    first(data)
    assert "made again: other annotations, images or code" in caplog.text


def test_a_damaged_index_is_made_again(data: Path, caplog: pytest.LogCaptureFixture):
    right = first(data)
    (file,) = kept(data)
    whole = file.read_bytes()
    caplog.set_level(logging.INFO)
    rng = np.random.default_rng(0)
    for place in [0, 20, 30, 70, len(whole) - 1, *rng.integers(len(whole), size=10).tolist()]:
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        caplog.clear()
        assert first(data) == right
        assert "made again: damaged" in caplog.text
        assert file.read_bytes() == whole
    for length in (0, 10, 64, 100, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert first(data) == right


def test_what_cannot_be_kept_is_built(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert first(data)[0][0] == [10, 5]


def test_what_a_killed_process_left_and_what_is_unused_goes(data: Path):
    first(data)
    (file,) = kept(data)
    left, unused = Path(f"{file}.part"), file.with_name("old.arrays")
    left.write_bytes(b"half")
    unused.touch()
    os.utime(unused, (0, 0))
    write(data, [11, 5, 2, 70, 10, 2])
    assert first(data)[0][0] == [11, 5]
    assert kept(data) == [file] and not left.exists()


def test_what_is_skipped_may_be_there_the_next_time(data: Path):
    (data / "images/b.png").unlink()
    assert len(CustomKeypointDataset(str(data), "train", skip_bad=True)) == 2
    cv2.imwrite(str(data / "images/b.png"), np.zeros((40, 60, 3), np.uint8))
    assert len(CustomKeypointDataset(str(data), "train", skip_bad=True)) == 3
    assert kept(data) == []


def _length(data: str, folder: str) -> int:
    kept_arrays.WORTH_KEEPING = 0
    os.environ["XDG_CACHE_HOME"] = folder
    return len(CustomKeypointDataset(data, "train"))


def test_processes_that_ask_at_once_and_workers_share_one_file(data: Path, tmp_path: Path):
    with multiprocessing.get_context("fork").Pool(3) as pool:
        jobs = [(str(data), str(tmp_path / "cache"))] * 3
        assert pool.starmap(_length, jobs) == [3, 3, 3]
    (file,) = kept(data)
    made = file.stat().st_ino
    dataset = CustomKeypointDataset(str(data), "train")
    assert isinstance(dataset.data_list.arrays, KeptArrays)
    assert file.stat().st_ino == made
    sent = pickle.dumps(dataset.data_list)
    assert len(sent) < 1000  # the path, not the content
    assert [s["img_path"] for s in pickle.loads(sent)] == [s["img_path"] for s in dataset]
    loader = DataLoader(dataset, batch_size=None, num_workers=2, multiprocessing_context="fork")
    assert [s["id"] for s in loader] == [1, 2, 3]
    file.unlink()
    with pytest.raises(BadInputError, match="start again"):
        pickle.loads(sent)
