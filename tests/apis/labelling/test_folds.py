"""Folds keep together what belongs together, and a fold that is there already is kept."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.apis.labelling.folds import fold_of_images, groups_of, write_fold
from kpplugins.curation.check import material_of
from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import images_of
from kpplugins.formats.open_source import open_source
from kpplugins.schema.from_names import infer_schema
from kpplugins.structures import BadInputError


def reading_of(folder: Path, names: list[str], images: list[np.ndarray]) -> AnnotationSet:
    schema, records = infer_schema("dot", ["left", "right"]), []
    for name, image in zip(names, images, strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
        keypoints = np.array([[10, 20, 2], [40, 20, 2]], float)
        records.append(
            PoseRecord(path, 64, 64, keypoints, np.array([5.0, 10, 50, 30]), 900.0, folder / "a.json")
        )
    return AnnotationSet(schema, records)


@pytest.fixture(scope="module")
def noise() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    small = generator.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    return [cv2.resize(image, (64, 64), interpolation=cv2.INTER_CUBIC) for image in small]


def test_groups_are_those_of_the_pattern_joined_by_what_looks_the_same(tmp_path: Path, noise):
    names = [f"{animal}_{i}.png" for animal in "abcd" for i in "xy"]
    images = noise[:8]
    images[2] = np.clip(noise[0].astype(int) + 6, 0, 255).astype(np.uint8)  # a brighter copy of a_x is b_x
    reading = reading_of(tmp_path, names, images)
    material = material_of(tmp_path, "coco", reading, group_by=r"([a-d])_")
    groups = {path.name: group for path, group in groups_of(material).items()}
    assert len({groups[name] for name in names[:4]}) == 1
    assert len(set(groups.values())) == 3 and groups["c_x.png"] == groups["c_y.png"] != groups["d_x.png"]
    plain = groups_of(material_of(tmp_path, "coco", reading))
    assert len(set(plain.values())) == 7


def test_frames_of_one_scene_are_in_blocks(tmp_path: Path, noise):
    generator = np.random.default_rng(1)
    frames = [
        np.clip(noise[0] + generator.normal(0, 2, (64, 64, 3)), 0, 255).astype(np.uint8) for _ in range(60)
    ]
    names = [f"film_{i:04d}.png" for i in range(60)]
    groups = groups_of(material_of(tmp_path, "coco", reading_of(tmp_path, names, frames)))
    members = [
        [i for i, path in enumerate(sorted(groups)) if groups[path] == g] for g in set(groups.values())
    ]
    assert len(members) >= 4
    assert all(rows == list(range(rows[0], rows[-1] + 1)) for rows in map(sorted, members))


def test_folds_are_even_and_whole(tmp_path: Path):
    groups = {tmp_path / f"{g}_{i}.png": str(g) for g in range(20) for i in range(1 + g % 3)}
    held = fold_of_images(groups, 4, seed=1)
    assert all(len({held[p] for p in groups if groups[p] == g}) == 1 for g in set(groups.values()))
    sizes = np.bincount(list(held.values()), minlength=4)
    assert sizes.sum() == len(groups) and np.ptp(sizes) <= 2
    assert held == fold_of_images(groups, 4, seed=1) != fold_of_images(groups, 4, seed=2)
    for wrong, words in ((1, "≥ 2"), (11, "20 .images that look the same are one.")):
        with pytest.raises(BadInputError, match=words):
            fold_of_images(groups, wrong)


def test_a_fold_is_a_data_set_and_is_written_once(tmp_path: Path, noise):
    reading = reading_of(tmp_path / "images", [f"{i}.png" for i in range(20)], noise[:20])
    groups = {image.path: image.path.name for image in images_of(reading)}
    held = fold_of_images(groups, 5)
    out = tmp_path / "out/fold_1/data"
    write_fold(reading, groups, held, 2, out)
    _, again = open_source(out)
    tested = {path.name for path, split in again.splits.items() if split == "test"}
    assert tested == {path.name for path, fold in held.items() if fold == 2}
    assert sorted(set(again.splits.values())) == ["test", "train", "val"] and len(again.splits) == 20
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.json")}
    write_fold(reading, groups, held, 2, out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.json")} == before
    reading.records[0].keypoints[0, 0] += 1
    write_fold(reading, groups, held, 2, out)
    assert before != {path: path.stat().st_mtime_ns for path in out.rglob("*.json")}
    assert json.loads((out / "annotations/train.json").read_text())["images"]
    (out / "fold.json").unlink()
    with pytest.raises(BadInputError, match="not made by audit"):
        write_fold(reading, groups, held, 2, out)
