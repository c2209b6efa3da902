from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.curation.schema_report import schema_report
from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import write_coco
from kpplugins.data.repeats import matched_instances, repeated_instances
from kpplugins.formats.open_source import open_source
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

FACE = KeypointSchema(
    "face",
    ("left_eye", "right_eye", "left_ear", "right_ear", "chin"),
    flip_pairs=(("left_eye", "right_eye"), ("left_ear", "right_ear")),
    skeleton=(("left_eye", "right_eye"),),
)
PLACES = np.array([[15, -12], [-15, -12], [30, -8], [-30, -8], [0, 25]])
AREA = 3600.0


def faces(folder: Path, n: int = 40, schema: KeypointSchema = FACE, noise: float = 1.5) -> AnnotationSet:
    """One face of about 60 px in each image of 120×100."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    reading = AnnotationSet(schema)
    for i in range(n):
        path = folder / f"{i:03d}.png"
        cv2.imwrite(str(path), np.full((100, 120, 3), 60 + i, np.uint8))
        points = PLACES + generator.normal(0, noise, PLACES.shape) + [60, 45]
        reading.records.append(
            PoseRecord(
                path, 120, 100, np.hstack([points, np.full((5, 1), 2.0)]),
                np.array([25.0, 25, 95, 78]), AREA, path, category="face",
            )
        )  # fmt: skip
    return reading


def again(reading: AnnotationSet, sigma: float, seed: int = 1) -> list[PoseRecord]:
    """The same things by someone else, with Euclidean differences as two annotators of this sigma have them."""
    generator = np.random.default_rng(seed)
    found = []
    for record in reading.records:
        points = record.keypoints.copy()
        points[:, :2] += generator.normal(
            0, sigma * np.sqrt(AREA), (5, 2)
        )  # both annotators' errors: √2 · σ / √2
        found.append(replace(record, keypoints=points, bbox=record.bbox + generator.uniform(-1, 1, 4)))
    return found


def save(reading: AnnotationSet, out: Path) -> Path:
    write_coco(reading, out, {r.image: "train" for r in reading.records})
    return out


def test_a_right_schema(tmp_path: Path):
    source = save(faces(tmp_path / "images"), tmp_path / "set")
    report = schema_report(source, out=tmp_path / "out")
    assert report.schema == report.stated and report.warnings == ()
    assert "| 0 | left_eye  | right_eye    | agrees (40 instances) | 0.05  | 40       |" in report.text
    assert "| 4 | chin      | itself       |" in report.text
    assert "flips in training and test: on" in report.text and "skeleton: left_eye-right_eye" in report.text
    sheet = cv2.imread(str(report.sheet))
    assert report.sheet == tmp_path / "out/schema.png" and sheet.shape[0] > 1500
    orange, blue = (np.abs(sheet.astype(int) - c).sum(axis=2) < 30 for c in ((60, 150, 255), (255, 190, 60)))
    # left and right stay on their sides, in the plain tile and in the mirrored one
    for start in (0, 404):
        tile = slice(24, 420), slice(start, start + 400)
        assert np.nonzero(orange[tile])[1].mean() > 200 > np.nonzero(blue[tile])[1].mean()


def test_a_wrong_pair_is_put_right_in_the_folder(tmp_path: Path):
    wrong = replace(FACE, flip_pairs=(("left_eye", "left_ear"), ("right_eye", "right_ear")))
    source = save(faces(tmp_path / "images", schema=wrong), tmp_path / "set")
    before = sorted(p.name for p in source.iterdir())
    report = schema_report(source)
    assert report.written is None and open_source(source)[1].schema == wrong
    assert report.schema == FACE  # the names and the keypoints agree
    assert "contradict the names (left_eye/left_ear joins two keypoints of one side" in report.text
    assert schema_report(source, write=True).written == source / "schema.json"
    assert open_source(source)[1].schema == FACE
    assert sorted(p.name for p in source.iterdir()) == before
    assert schema_report(source).warnings == ()


def test_pairs_are_stated_or_accepted_in_the_folder(tmp_path: Path):
    names = ("a", "b", "c", "d", "e")
    unnamed = KeypointSchema("face", names)
    source = save(faces(tmp_path / "images", schema=unnamed), tmp_path / "set")
    report = schema_report(source)
    assert report.schema.flips == "unknown" and "flips in training and test: off" in report.text
    assert "the labels suggest a/b, c/d" in report.warnings[0] and "--accept-flip-pairs" in report.warnings[0]
    assert "| 0 | a        | unknown      |" in report.text
    schema_report(source, accept_flip_pairs=True, write=True)
    assert open_source(source)[1].schema == replace(
        unnamed, flip_pairs=(("a", "b"), ("c", "d")), flips="known"
    )
    schema_report(source, flip_pairs=[], write=True)
    assert open_source(source)[1].schema == replace(unnamed, flips="known")


def test_repeats_in_one_source_give_sigmas(tmp_path: Path):
    reading = faces(tmp_path / "images", n=60)
    reading.records += again(reading, 0.03)
    reading.records += [reading.records[0]]  # a copy is no second opinion
    annotations, area = repeated_instances(reading)
    assert annotations.shape == (60, 2, 5, 3) and area.tolist() == [AREA] * 60
    report = schema_report(save(reading, tmp_path / "set"))
    assert report.schema.sigmas == pytest.approx([0.03] * 5, rel=0.3)
    assert report.schema.sigmas_source == "measured from 120 repeated annotations of 60 instances"
    assert "sigmas: measured from 120" in report.text


def test_repeats_in_a_second_source(tmp_path: Path):
    reading = faces(tmp_path / "images", n=50)
    order = (4, 3, 2, 1, 0)
    other = AnnotationSet(replace(FACE, keypoints=tuple(FACE.keypoints[i] for i in order)))
    other.records = [replace(r, keypoints=r.keypoints[list(order)]) for r in again(reading, 0.08)]
    one, two = save(reading, tmp_path / "one"), save(other, tmp_path / "two")
    report = schema_report(one, repeated=two)
    assert report.schema.sigmas == pytest.approx([0.08] * 5, rel=0.3)
    assert report.schema.sigmas_source == "measured from 100 repeated annotations of 50 instances"
    few = schema_report(one, repeated=save(AnnotationSet(FACE, reading.records[:9]), tmp_path / "few"))
    assert "equal" in few.text or "at most 9 repeats" in few.text
    assert few.schema.sigmas == (0.05,) * 5


def test_the_best_overlap_matches(tmp_path: Path):
    reading = faces(tmp_path / "images", n=1)
    near, far = (replace(reading.records[0], bbox=reading.records[0].bbox + d) for d in (1, 12))
    marked = replace(near, keypoints=near.keypoints + [0.5, 0, 0])
    annotations, _ = matched_instances(reading, AnnotationSet(FACE, [far, marked]))
    assert annotations.shape == (1, 2, 5, 3)
    assert np.allclose(annotations[0, 1, :, 0] - annotations[0, 0, :, 0], 0.5)
    with pytest.raises(BadInputError, match="another size.*120×100.*60×50"):
        matched_instances(reading, AnnotationSet(FACE, [replace(near, width=60, height=50)]))
    with pytest.raises(BadInputError, match="other keypoints"):
        matched_instances(reading, AnnotationSet(KeypointSchema("x", ("a",))))


def test_names_that_repeat_are_told_apart_by_their_folders(tmp_path: Path):
    one = AnnotationSet(FACE, [r for v in "ab" for r in faces(tmp_path / "one" / v, n=2).records])
    two = AnnotationSet(FACE, [r for v in "ab" for r in faces(tmp_path / "two" / v, n=2).records])
    two.records[3] = replace(two.records[3], keypoints=two.records[3].keypoints + [2, 0, 0])
    annotations, _ = matched_instances(one, two)
    shifts = annotations[:, 1, 0, 0] - annotations[:, 0, 0, 0]
    assert shifts.tolist() == pytest.approx([0, 0, 0, 2])


def test_neighbours_are_no_repeats(tmp_path: Path):
    reading = faces(tmp_path / "images", n=1)
    record = reading.records[0]
    moved = record.keypoints + [7, 0, 0]  # 7 px of 60 are 0.117
    others = [
        replace(record, keypoints=moved),
        replace(record, keypoints=record.keypoints + [1, 0, 0], bbox=record.bbox + [12, 0, 12, 0]),
        replace(record, keypoints=record.keypoints + [1, 0, 0], category="mask"),
        replace(record, keypoints=record.keypoints + [1, 0, 0], crowd=True),
        replace(record, keypoints=record.keypoints * [[1, 1, 1], *[[0, 0, 0]] * 4] + [1, 0, 0]),
    ]
    others[-1].keypoints[1:] = 0  # one point of five in common
    for other in others:
        assert len(repeated_instances(AnnotationSet(FACE, [record, other]))[0]) == 0
    assert len(repeated_instances(AnnotationSet(FACE))[0]) == 0


def test_what_cannot_be(tmp_path: Path):
    source = save(faces(tmp_path / "images", n=2), tmp_path / "set")
    with pytest.raises(BadInputError, match="into a folder only"):
        schema_report(source / "annotations/train.json", write=True)
    with pytest.raises(BadInputError, match="no such file or folder"):
        schema_report(tmp_path / "gone")


@pytest.mark.parametrize("folder", ["coco_mini", "glue_tubes"])
def test_real_neighbours_are_no_repeats(real_data: Path, folder: str):
    options = {"names": ["head", "tail"]} if folder == "glue_tubes" else {}
    reading = open_source(real_data / folder, **options)[1]
    assert len(repeated_instances(reading)[0]) == 0
