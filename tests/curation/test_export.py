"""To an annotation tool and back: the same images, points, boxes and categories."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpplugins.curation.convert import convert
from kpplugins.curation.export import TARGETS, export_annotations
from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import write_coco
from kpplugins.formats.open_source import open_source
from kpplugins.formats.writing import limits
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import box_area, clip_box

FORMATS = tuple(TARGETS)
NAMES = ("left eye", "right_eye", "nose & <mouth>", "ünï \"quoted\" 'x'", "tail_1", "7")
FILES = (
    "a.png", "a.jpg", "sub/b c.png", "sub/ünï 'x' & y.png", "x/y/z+1%.png", "images/d.png", "train/a.png", "schema.png",
    "labels/classes.png",
)  # fmt: skip
CATEGORIES = ("cat", "cat box", 'big "dog" & co')
SIZE = st.tuples(st.integers(2, 60), st.integers(2, 60))


@dataclass(frozen=True)
class Drawn:
    """A drawn instance as JSON-like values, of an image of ``width`` by ``height``."""

    points: list[tuple[float, float, int]]
    box: tuple[float, float, float, float]
    category: str
    area: float | None
    crowd: bool


def paint(path: Path, width: int, height: int, colour: int) -> bytes:
    """An image that is known again by its colour, in its lossless form."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((height, width, 3), colour, np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path.read_bytes()


@st.composite
def instances(draw: st.DrawFn, width: int, height: int, k: int) -> Drawn:
    def side(end: int) -> float:
        inner = st.floats(0, end, allow_subnormal=False)
        return draw(st.one_of(st.sampled_from([0.0, float(end), end / 3]), inner))

    points = []
    for _ in range(k):
        visibility = draw(st.integers(0, 2))
        points.append((side(width - 1), side(height - 1), visibility) if visibility else (0.0, 0.0, 0))
    beyond = draw(st.sampled_from([0.0, 0.0, 1.5]))
    left, top = (draw(st.floats(0, end - 1.5, allow_subnormal=False)) for end in (width, height))
    right, bottom = (
        draw(st.floats(low + 0.5, end - 1 + beyond, allow_subnormal=False))
        for low, end in ((left, width), (top, height))
    )
    area = draw(st.one_of(st.none(), st.floats(0.5, 50)))
    return Drawn(
        points, (left, top, right, bottom), draw(st.sampled_from(CATEGORIES)), area, draw(st.booleans())
    )


@st.composite
def sets(draw: st.DrawFn) -> tuple[KeypointSchema, dict[str, tuple[int, int, list[Drawn]]], dict[str, str]]:
    """Schema, images by name with size and instances, and splits by name (or none)."""
    k = draw(st.integers(1, 6))
    names = draw(st.permutations(NAMES))[:k]
    flips = (("left eye", "right_eye"),) if {"left eye", "right_eye"} <= set(names) else ()
    schema = KeypointSchema(
        "pets", tuple(names), flips, ((names[0], names[1]),) if k > 1 else (), tuple(0.01 * (i + 1) for i in range(k)),
        "measured here",
    )  # fmt: skip
    images = {}
    for name in draw(st.lists(st.sampled_from(FILES), min_size=1, max_size=4, unique=True)):
        width, height = draw(SIZE)
        images[name] = (width, height, draw(st.lists(instances(width, height, k), max_size=3)))
    split = st.sampled_from(("train", "val", "test"))
    divided = draw(st.booleans())
    return schema, images, {name: draw(split) for name in images} if divided else {}


def reading_of(folder: Path, schema: KeypointSchema, images: dict, splits: dict[str, str]) -> AnnotationSet:
    reading = AnnotationSet(schema)
    for i, (name, (width, height, drawn)) in enumerate(images.items()):
        path = folder / name
        paint(path, width, height, 10 + 40 * i)
        if name in splits:
            reading.splits[path] = splits[name]
        if not drawn:
            reading.backgrounds.append(ImageInfo(path, width, height))
        for one in drawn:
            box = np.array(one.box)
            area = one.area or box_area(box)
            points = np.array(one.points, dtype=np.float64)
            source = folder / "labels"
            record = PoseRecord(path, width, height, points, box, area, source, (), one.category, one.crowd)
            reading.records.append(record)
    return reading


def by_content(reading: AnnotationSet) -> dict[bytes, list[PoseRecord]]:
    images = {r.image.read_bytes(): [] for r in reading.records}
    images |= {p.path.read_bytes(): [] for p in reading.backgrounds}
    for record in reading.records:
        images[record.image.read_bytes()].append(record)
    return images


def split_by_content(reading: AnnotationSet) -> dict[bytes, str]:
    return {path.read_bytes(): split for path, split in reading.splits.items()}


def same(before: AnnotationSet, after: AnnotationSet, to: str) -> None:
    """Everything that the format holds has come back."""
    assert after.schema == before.schema
    old, new = by_content(before), by_content(after)
    assert old.keys() == new.keys()
    for content, records in old.items():
        assert len(new[content]) == len(records)
        for was, now in zip(records, new[content], strict=True):
            cut = clip_box(was.bbox, was.width, was.height)
            assert (now.width, now.height) == (was.width, was.height)
            assert now.category == was.category
            assert now.keypoints[:, 2].tolist() == was.keypoints[:, 2].tolist()
            assert np.abs(now.keypoints - was.keypoints).max() < 1e-3
            assert np.abs(now.bbox - cut).max() < 1e-3
            if to == "coco":
                assert now.area == pytest.approx(was.area, abs=1e-3) and now.crowd == was.crowd
            else:
                assert now.area == pytest.approx(0.53 * box_area(cut), abs=0.1) and not now.crowd
    assert split_by_content(after) == split_by_content(before)


def expected_losses(reading: AnnotationSet, to: str) -> dict[str, int]:
    if to == "coco":
        return {}
    usual = [0.53 * box_area(clip_box(r.bbox, r.width, r.height)) for r in reading.records]
    pairs = list(zip(reading.records, usual, strict=True))
    found = {
        limits.CROWD: sum(r.crowd for r in reading.records),
        limits.AREA: sum(abs(r.area - u) > 1e-3 + 1e-6 * r.area for r, u in pairs),
    }
    return {what: number for what, number in found.items() if number}


RUNS = count()


def at_once(monkeypatch: pytest.MonkeyPatch, reading: AnnotationSet) -> None:
    """Let ``export`` take ``reading`` as it is."""
    import kpplugins.curation.export as module

    monkeypatch.setattr(module, "_read", lambda *_: module.Content(reading))


@pytest.mark.parametrize("to", FORMATS)
def test_what_the_format_holds_comes_back(to: str, tmp_path: Path):
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(sets())
    def check(drawn: tuple) -> None:
        folder = tmp_path / str(next(RUNS))
        before = reading_of(folder / "in", *drawn)
        with pytest.MonkeyPatch.context() as patch:
            at_once(patch, before)
            report = export_annotations(folder / "in", folder / "out", to=to)
        known, after = open_source(folder / "out")
        assert known.name == report["format"] == to
        same(before, after, to)
        lost = {what: n for what, n in report["lost"].items() if what != limits.RENAMED}
        assert lost == expected_losses(before, to)
        assert report["images"] == len(drawn[1]) and report["instances"] == len(before.records)
        assert sorted(p.name for p in folder.iterdir()) == ["in", "out"]
        shutil.rmtree(folder)

    check()


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A converted folder: three images in three splits, one of them without instances."""
    schema = KeypointSchema(
        "pets", ("left_eye", "right_eye", "nose"), (("left_eye", "right_eye"),), (("nose", "left_eye"),)
    )
    instance = Drawn(
        [(10.0, 12.0, 2), (20.25, 12.0, 1), (0.0, 0.0, 0)], (5.0, 5.0, 30.0, 25.0), "cat", 123.0, False
    )
    crowd = Drawn([(0.0, 0.0, 0)] * 3, (1.0, 2.0, 39.0, 30.0), "dog", None, True)
    images = {"a.png": (60, 40, [instance, crowd]), "b.png": (50, 50, [instance]), "c d.png": (20, 10, [])}
    reading = reading_of(
        tmp_path / "raw", schema, images, {"a.png": "train", "b.png": "val", "c d.png": "test"}
    )
    write_coco(reading, tmp_path / "pets", reading.splits)
    return tmp_path / "pets"


@pytest.mark.parametrize("to", FORMATS)
def test_a_converted_folder_goes_out_and_comes_back(to: str, pets: Path, tmp_path: Path):
    seen: list[tuple[int, int]] = []
    report = export_annotations(pets, tmp_path / "out", to=to, progress=lambda *done: seen.append(done))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert (report["format"], report["images"], report["instances"]) == (to, 3, 3)
    assert report["points"] == {"absent": 5, "occluded": 2, "visible": 2}
    assert report["split"] == {"train": 1, "val": 1, "test": 1}
    assert report["skipped"] == {} and str(tmp_path / "out") in report["import"]
    if to == "coco":
        assert report["lost"] == {}
    else:  # 123 instead of 25 × 20, twice; the crowd's area is its whole box's
        assert report["lost"] == {limits.CROWD: 1, limits.AREA: 3}
    back = convert(tmp_path / "out", tmp_path / "back")
    assert (back["images"], back["instances"], back["points"]) == (3, 3, report["points"])
    assert back["categories"] == {"cat": 2, "dog": 1}
    _, before = open_source(pets)
    _, after = open_source(tmp_path / "out")
    same(before, after, to)


@pytest.mark.parametrize("to", FORMATS)
def test_real_people_come_back(to: str, real_data: Path, tmp_path: Path):
    source = real_data / "coco_mini"
    _, before = open_source(source)
    report = export_annotations(
        source,
        tmp_path / "out",
        to=to,
        place="hardlink" if source.stat().st_dev == tmp_path.stat().st_dev else "copy",
    )
    _, after = open_source(tmp_path / "out")
    same(before, after, to)
    assert report["instances"] == len(before.records) > 100
    assert report["lost"].get(limits.CROWD, 0) == (
        0 if to == "coco" else sum(r.crowd for r in before.records)
    )


@pytest.mark.parametrize(
    ("place", "check"),
    [
        ("copy", lambda path, _: not path.is_symlink() and path.stat().st_nlink == 1),
        ("hardlink", lambda path, source: path.samefile(source) and not path.is_symlink()),
    ],
)
def test_ways_to_place_images(place: str, check: Callable, pets: Path, tmp_path: Path):
    export_annotations(pets, tmp_path / "out", to="labelme", place=place)
    assert check(tmp_path / "out/a.png", pets / "images/a.png")


def test_a_box_outside_its_image_stops_or_is_skipped(pets: Path, tmp_path: Path):
    path = pets / "annotations/val.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["bbox"] = [70, 70, 5, 5]
    path.write_text(json.dumps(content))
    with pytest.raises(BadInputError, match=r"val\.json: .*box has no area in its image.*50×50.*--skip-bad"):
        export_annotations(pets, tmp_path / "out", to="yolo")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pets", "raw"]
    report = export_annotations(pets, tmp_path / "out", to="yolo", skip_bad=True)
    assert report["images"] == 2 and report["skipped"] == {"box has no area in its image": 1}


def rename_category(pets: Path) -> None:
    for path in (pets / "annotations").iterdir():
        path.write_text(path.read_text().replace('"name": "cat"', '"name": "cat\\nfish"'))


def rename_image(pets: Path) -> None:
    (pets / "images/c d.png").rename(pets / "images/.hidden.png")
    path = pets / "annotations/test.json"
    path.write_text(path.read_text().replace("c d.png", ".hidden.png"))


def odd_image(pets: Path) -> None:
    from PIL import Image

    Image.open(pets / "images/c d.png").save(pets / "images/c.gif")
    path = pets / "annotations/test.json"
    path.write_text(path.read_text().replace("c d.png", "c.gif"))


@pytest.mark.parametrize(
    ("spoil", "options", "words"),
    [
        (None, {"to": "via"}, "unknown format to write; expected coco, labelme, cvat.*'via'"),
        (None, {"to": "cvat", "place": "move"}, "unknown way to place"),
        (None, {"to": "cvat", "score_thr": float("nan")}, "wrong threshold"),
        (None, {"to": "cvat", "images": Path("x")}, "--images: no such folder; found x"),
        (lambda p: (p / "images/a.png").unlink(), {"to": "yolo"}, "image is missing"),
        (rename_category, {"to": "cvat"}, r"category has a name.*cat\\nfish"),
        (rename_image, {"to": "labelme"}, "image has a name.*rename it"),
        (odd_image, {"to": "yolo"}, "of a type that YOLO does not look for"),
    ],
)
def test_what_cannot_be_exported(
    spoil: Callable | None, options: dict, words: str, pets: Path, tmp_path: Path
):
    if spoil is not None:
        spoil(pets)
    with pytest.raises(BadInputError, match=words) as error:
        export_annotations(pets, tmp_path / "out", **options)
    assert "\n" not in str(error.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pets", "raw"]


def test_nothing_is_overwritten_and_nothing_half_written(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/a").touch()
    with pytest.raises(BadInputError, match="exists and is not empty"):
        export_annotations(pets, tmp_path / "full", to="coco")
    monkeypatch.setattr(KeypointSchema, "save", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_annotations(pets, tmp_path / "out", to="cvat")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full", "pets", "raw"]


def test_images_inside_an_archive_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where a reader takes the images out of its files, links to them would lead nowhere."""
    import kpplugins.curation.export as module

    def read(_source: Path, _predictions: None, _images: None, passing: Path, *_: object) -> module.Content:
        paint(passing / "a.png", 9, 9, 1)
        schema = KeypointSchema("one", ("nose",))
        return module.Content(AnnotationSet(schema, backgrounds=[ImageInfo(passing / "a.png", 9, 9)]))

    monkeypatch.setattr(module, "_read", read)
    export_annotations(tmp_path / "archive", tmp_path / "out", to="labelme", place="hardlink")
    assert (tmp_path / "out/a.png").stat().st_nlink == 1  # the other name would vanish
