"""What is found in published sets: two known faults, and no nonsense."""

from pathlib import Path

import numpy as np
import pytest

from kpplugins.curation.check import check
from kpplugins.curation.check_report import CheckReport
from kpplugins.curation.checks import outliers, sides
from kpplugins.curation.convert import convert
from kpplugins.formats.open_source import open_source
from kpplugins.structures import BadInputError


def serious(report: CheckReport) -> dict[tuple[str, str], int]:
    return {key: n for key, n in report.by_check.items() if key[0] != "note"}


def test_scissors_called_person_with_boxes_as_corners(real_data: Path, tmp_path: Path):
    source = real_data / "broken_coco"
    with pytest.raises(BadInputError, match="two corners.*--box-format xyxy"):
        convert(source, tmp_path / "set")
    assert serious(check(source)) == {
        ("harmful", "boxes-as-corners"): 2,
        ("harmful", "area-copied"): 2,
        ("harmful", "category-not-a-person"): 2,
    }


def test_boxes_read_as_corners_on_request_are_good(real_data: Path, tmp_path: Path):
    convert(real_data / "broken_coco", tmp_path / "set", box_format="xyxy")
    assert ("harmful", "boxes-as-corners") not in serious(check(tmp_path / "set"))


def test_coco_has_only_notes(real_data: Path):
    assert serious(check(real_data / "coco_mini")) == {}


def test_faces_have_two_suspects_in_1800(real_data: Path):
    report = check(real_data / "kaggle_faces")
    assert serious(report) == {("suspect", "near-duplicate"): 1, ("suspect", "points-at-one-place"): 1}
    assert all(f.image.parent == real_data / "kaggle_faces" for f in report.findings)


def test_frames_of_one_mouse_leak_and_one_has_its_ears_exchanged(real_data: Path, tmp_path: Path):
    convert(real_data / "openfield_dlc", tmp_path / "set")
    report = check(tmp_path / "set", out=tmp_path / "out")
    assert serious(report) == {
        ("harmful", "video-across-splits"): 1,
        ("suspect", "left-right-exchanged"): 1,
    }
    assert [f.image.name for f in report.findings if f.check == "left-right-exchanged"] == ["img0102.png"]
    pattern = report.findings[0].todo.split("--group-by '")[1].split("'")[0]
    convert(real_data / "openfield_dlc", tmp_path / "blocks", group_by=pattern)
    assert not check(tmp_path / "blocks").harmful


@pytest.mark.parametrize("name", ["cat", "glue_tubes"])
def test_other_formats_have_nothing_serious(real_data: Path, name: str):
    assert serious(check(real_data / name)) == {}


def test_exchanged_faces_are_found(real_data: Path, tmp_path: Path):
    reading = open_source(real_data / "kaggle_faces", extract_to=tmp_path / "p")[1]
    keypoints = np.stack([r.keypoints for r in reading.records])
    points, labelled = keypoints[..., :2], keypoints[..., 2] > 0
    flips = np.array(reading.schema.flip_indices)
    chosen = np.random.default_rng(1).permutation(len(points))[:90]  # 5 %
    points[chosen], labelled[chosen] = points[chosen][:, flips], labelled[chosen][:, flips]
    found = {place for place, _, _ in sides.side_suspects(points, labelled, flips)}
    assert found == set(chosen.tolist())


def test_moved_points_of_faces_are_found(real_data: Path, tmp_path: Path):
    reading = open_source(real_data / "kaggle_faces", extract_to=tmp_path / "p")[1]
    keypoints = np.stack([r.keypoints for r in reading.records if r.num_labelled == 15])
    points, labelled, generator = keypoints[..., :2], keypoints[..., 2] > 0, np.random.default_rng(1)
    chosen = {int(i): int(generator.integers(15)) for i in generator.permutation(len(points))[:60]}
    size = np.sqrt(((points - points.mean(axis=1, keepdims=True)) ** 2).sum(axis=2).mean(axis=1))
    for i, k in chosen.items():
        angle = generator.uniform(0, 2 * np.pi)
        points[i, k] += size[i] * np.array([np.cos(angle), np.sin(angle)])
    found = {place: k for place, k, _ in outliers.outlier_suspects(points, labelled)}
    assert found.items() <= chosen.items()
    assert len(found) >= 0.9 * len(chosen)
