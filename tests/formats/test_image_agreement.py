"""An image is what its annotation was made on, in every format that states a size, and said where none is stated.

A white pixel is labelled; whatever the file's EXIF orientation and size, the record's keypoint must be on it.
"""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.images import read_image
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.open_source import open_source
from kpplugins.formats.tfrecord.examples import masked_crc
from kpplugins.structures import BadInputError

TURNED, KEPT = AppliedRule.EXIF_TURNED, AppliedRule.EXIF_KEPT
UNKNOWN, FOLLOWED = AppliedRule.EXIF_UNKNOWN, AppliedRule.EXIF_FOLLOWED
WIDTH, HEIGHT = 64, 48
SPOT = (40, 12)
"""The white pixel in the stored image."""
SHOWN = {3: (23, 35), 6: (35, 40), 8: (12, 23)}
"""The same in the image as it is shown, by orientation: 64 - 1 - 40, 48 - 1 - 12, …"""
Mark = tuple[str, tuple[int, int], tuple[int, int]]
"""Name of an image, its stated size, and the labelled keypoint (x, y) in it."""


def picture(path: Path, orientation: int = 1, side: int = 0) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((side or HEIGHT, side or WIDTH, 3), np.uint8)
    pixels[SPOT[1], SPOT[0]] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif)
    return path.read_bytes()


def around(x: float, y: float) -> tuple[float, float, float, float]:
    return x - 4, y - 3, x + 5, y + 6


def coco(folder: Path, marks: list[Mark]) -> None:
    (folder / "annotations").mkdir(parents=True)
    images, annotations = [], []
    for i, (name, (width, height), (x, y)) in enumerate(marks, 1):
        images.append({"id": i, "file_name": name, "width": width, "height": height})
        bbox = [x - 4, y - 3, 9, 9]
        annotations.append(
            {"id": i, "image_id": i, "category_id": 1, "keypoints": [x, y, 2], "bbox": bbox, "area": 40}
        )
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "a", "keypoints": ["nose"]}],
    }
    (folder / "annotations" / "train.json").write_text(json.dumps(content))


def labelme(folder: Path, marks: list[Mark]) -> None:
    for name, (width, height), (x, y) in marks:
        x1, y1, x2, y2 = around(x, y)
        shapes = [
            {"label": "nose", "points": [[x, y]], "shape_type": "point", "group_id": 1},
            {"label": "a", "points": [[x1, y1], [x2, y2]], "shape_type": "rectangle", "group_id": 1},
        ]
        content = {
            "imagePath": f"images/{name}",
            "imageWidth": width,
            "imageHeight": height,
            "shapes": shapes,
        }
        (folder / f"{Path(name).stem}.json").write_text(json.dumps(content))


def cvat(folder: Path, marks: list[Mark]) -> None:
    images = ""
    for name, (width, height), (x, y) in marks:
        x1, y1, x2, y2 = around(x, y)
        images += (
            f'<image name="{name}" width="{width}" height="{height}"><points label="nose" points="{x},{y}"/>'
            f'<box label="a" xtl="{x1}" ytl="{y1}" xbr="{x2}" ybr="{y2}"/></image>'
        )
    (folder / "annotations.xml").write_text(f"<annotations><meta/>{images}</annotations>")


def cvat_video(folder: Path, marks: list[Mark]) -> None:
    tracks, size = "", ""
    for i, (name, (width, height), (x, y)) in enumerate(marks):
        (folder / "images" / name).rename(folder / "images" / f"frame_{i:06d}.png")
        x1, y1, x2, y2 = around(x, y)
        tracks += f'<track label="nose"><points frame="{i}" points="{x},{y}"/></track>'
        tracks += f'<track label="a"><box frame="{i}" xtl="{x1}" ytl="{y1}" xbr="{x2}" ybr="{y2}"/></track>'
        size = f"<task><original_size><width>{width}</width><height>{height}</height></original_size></task>"
    (folder / "annotations.xml").write_text(f"<annotations><meta>{size}</meta>{tracks}</annotations>")


def labelstudio(folder: Path, marks: list[Mark]) -> None:
    tasks = []
    for name, (width, height), (x, y) in marks:
        sizes = {"original_width": width, "original_height": height}
        x1, y1, x2, y2 = around(x, y)
        box = {"x": 100 * x1 / width, "y": 100 * y1 / height, "width": 100 * (x2 - x1) / width,
               "height": 100 * (y2 - y1) / height, "rectanglelabels": ["a"]}  # fmt: skip
        nose = {"x": 100 * x / width, "y": 100 * y / height, "keypointlabels": ["nose"]}
        results = [
            {"id": "b", "type": "rectanglelabels", "value": box, **sizes},
            {"id": "n", "type": "keypointlabels", "value": nose, "parentID": "b", **sizes},
        ]
        tasks.append({"data": {"image": name}, "annotations": [{"result": results}]})
    (folder / "export.json").write_text(json.dumps(tasks))


def varint(number: int) -> bytes:
    more = bytes([number & 127 | (128 if number > 127 else 0)])
    return more + varint(number >> 7) if number > 127 else more


def message(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def feature(key: str, value: bytes | int | list[float]) -> bytes:
    if isinstance(value, bytes):
        inner = message(1, message(1, value))
    elif isinstance(value, int):
        inner = message(3, message(1, varint(value)))
    else:
        inner = message(2, message(1, struct.pack(f"<{len(value)}f", *value)))
    return message(1, message(1, key.encode()) + message(2, inner))


def tfrecord(folder: Path, marks: list[Mark]) -> None:
    records = b""
    for name, (width, height), (x, y) in marks:
        x1, y1, x2, y2 = around(x, y)
        sides = {"xmin": x1 / width, "ymin": y1 / height, "xmax": x2 / width, "ymax": y2 / height}
        features = {
            "image/encoded": (folder / "images" / name).read_bytes(), "image/filename": name.encode(),
            "image/width": width, "image/height": height, "image/object/keypoint/x": [x / width],
            "image/object/keypoint/y": [y / height], "image/object/keypoint/text": b"nose",
            **{f"image/object/bbox/{side}": [value] for side, value in sides.items()},
        }  # fmt: skip
        data = message(1, b"".join(feature(key, value) for key, value in features.items()))
        length = struct.pack("<Q", len(data))
        records += length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))
    (folder / "train.record").write_bytes(records)


def datumaro(folder: Path, marks: list[Mark]) -> None:
    items = []
    for name, (width, height), (x, y) in marks:
        nose = {"type": "points", "label_id": 0, "group": 1, "points": [x, y], "visibility": [2]}
        box = {"type": "bbox", "label_id": 0, "group": 1, "bbox": [x - 4, y - 3, 9, 9]}
        media = {"path": name, "size": [height, width]}
        items.append({"id": Path(name).stem, "annotations": [nose, box], "image": media})
    categories = {
        "label": {"labels": [{"name": "a"}]},
        "points": {"items": [{"label_id": 0, "labels": ["nose"]}]},
    }
    (folder / "annotations").mkdir()
    content = {"categories": categories, "items": items}
    (folder / "annotations/default.json").write_text(json.dumps(content))


WRITERS: dict[str, Callable[[Path, list[Mark]], None]] = {
    "coco": coco, "labelme": labelme, "cvat": cvat, "cvat_video": cvat_video, "labelstudio": labelstudio,
    "tfrecord": tfrecord, "datumaro": datumaro,
}  # fmt: skip


def read(folder: Path, name: str, **options: object) -> AnnotationSet:
    kind = "cvat" if name == "cvat_video" else name
    return open_source(folder, from_format=kind, extract_to=folder / "extracted", **options)[1]


def is_on_its_spot(reading: AnnotationSet) -> bool:
    for record in reading.records:
        ((row, column),) = np.argwhere(read_image(record.image)[..., 0] > 128)
        x, y, shown = record.keypoints[0]
        low, high = record.bbox[:2], record.bbox[2:]
        inside = (low < [column, row]).all() and (high > [column, row]).all()
        if not (shown == 2 and abs(x - column) < 0.01 and abs(y - row) < 0.01 and inside):
            return False
    return bool(reading.records)


@pytest.mark.parametrize("name", WRITERS)
def test_an_image_annotated_as_it_is_stored_is_turned_with_its_annotation(tmp_path: Path, name: str):
    picture(tmp_path / "images" / "a.png", 6)
    WRITERS[name](tmp_path, [("a.png", (WIDTH, HEIGHT), SPOT)])
    reading = read(tmp_path, name)
    (record,) = reading.records
    assert (record.width, record.height) == (HEIGHT, WIDTH)
    assert record.keypoints[0] == pytest.approx([*SHOWN[6], 2], abs=0.01)
    # 4 left and 3 above, 5 right and 6 below of it in the stored image; turned clockwise, below becomes left
    assert record.bbox == pytest.approx([35 - 6, 40 - 4, 35 + 3, 40 + 5], abs=0.01)
    assert is_on_its_spot(reading) and reading.rules[TURNED] == 1


@pytest.mark.parametrize("name", WRITERS)
def test_one_annotated_as_it_is_shown_is_kept(tmp_path: Path, name: str):
    picture(tmp_path / "images" / "a.png", 6)
    WRITERS[name](tmp_path, [("a.png", (HEIGHT, WIDTH), SHOWN[6])])
    reading = read(tmp_path, name)
    assert is_on_its_spot(reading) and reading.rules[KEPT] == 1 and reading.rules[TURNED] == 0


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (WIDTH, HEIGHT + 9), (2 * WIDTH, 2 * HEIGHT)], ids=str)
def test_any_other_size_is_a_fault(tmp_path: Path, name: str, size: tuple[int, int]):
    picture(tmp_path / "images" / "a.png")
    WRITERS[name](tmp_path, [("a.png", size, SPOT)])
    with pytest.raises(
        BadInputError, match=rf"another size.*{size[0]}×{size[1]}.*found {WIDTH}×{HEIGHT}"
    ) as caught:
        read(tmp_path, name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", WRITERS)
def test_one_factor_is_accepted_with_rescale(tmp_path: Path, name: str):
    picture(tmp_path / "images" / "a.png")
    x, y = 3 * (SPOT[0] + 0.5) - 0.5, 3 * (SPOT[1] + 0.5) - 0.5  # the middle of a pixel three times as wide
    WRITERS[name](tmp_path, [("a.png", (3 * WIDTH, 3 * HEIGHT), (x, y))])
    reading = read(tmp_path, name, rescale=True)
    assert is_on_its_spot(reading) and reading.rules[AppliedRule.RESCALED] == 1


def test_formats_that_state_no_size_say_so(tmp_path: Path):
    via(tmp_path, *SHOWN[6])
    with pytest.raises(BadInputError, match="via has no option 'rescale'; expected coco .* or datumaro"):
        read(tmp_path, "via", rescale=True)


def test_area_is_scaled_too(tmp_path: Path):
    picture(tmp_path / "images" / "a.png")
    coco(tmp_path, [("a.png", (2 * WIDTH, 2 * HEIGHT), SPOT)])
    assert read(tmp_path, "coco", rescale=True).records[0].area == 10  # 40 in the image of twice the size


@pytest.mark.parametrize("name", [n for n in WRITERS if n != "cvat_video"])  # a video has one size
def test_what_keeps_its_size_follows_the_others(tmp_path: Path, name: str):
    """An image upside down has the same size both ways: the tool turned it if it turned others."""
    stored = [("a.png", (WIDTH, HEIGHT), SPOT), ("b.png", (WIDTH, HEIGHT), SPOT), ("c.png", (60, 60), SPOT)]
    for (image, (width, height), _), orientation in zip(stored, (6, 3, 8), strict=True):
        picture(tmp_path / "images" / image, orientation, width if width == height else 0)
    WRITERS[name](tmp_path, stored)
    reading = read(tmp_path, name)
    assert is_on_its_spot(reading)
    assert (reading.rules[TURNED], reading.rules[FOLLOWED], reading.rules[UNKNOWN]) == (1, 2, 0)


@pytest.mark.parametrize("name", [n for n in WRITERS if n != "cvat_video"])
def test_without_others_it_is_taken_as_shown_and_said(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
):
    shown = [("a.png", (HEIGHT, WIDTH), SHOWN[6]), ("b.png", (WIDTH, HEIGHT), SHOWN[3])]
    picture(tmp_path / "images" / "a.png", 6)
    picture(tmp_path / "images" / "b.png", 3)
    WRITERS[name](tmp_path, shown)
    reading = read(tmp_path, name)
    assert is_on_its_spot(reading)
    assert (reading.rules[KEPT], reading.rules[UNKNOWN]) == (1, 1)
    assert f"1 × {UNKNOWN.value}" in caplog.text


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("size", "spot", "words"),
    [((WIDTH, HEIGHT), (10, 55), "only after"), ((HEIGHT, WIDTH), (60, 12), "only before")],
    ids=["states the stored size", "states the shown size"],
)
def test_a_size_that_the_keypoints_contradict_is_a_fault(
    tmp_path: Path, name: str, size: tuple[int, int], spot: tuple[int, int], words: str
):
    """A tool may annotate the image as it is shown and state the size as it is stored."""
    picture(tmp_path / "images" / "a.png", 6)
    WRITERS[name](tmp_path, [("a.png", size, spot)])
    with pytest.raises(
        BadInputError, match=f"{words} its EXIF orientation.*within {size[0]}×{size[1]}.*state the size"
    ):
        read(tmp_path, name)


@pytest.mark.parametrize("name", ["coco", "labelme"])
def test_a_keypoint_a_little_outside_contradicts_nothing(tmp_path: Path, name: str):
    picture(tmp_path / "images" / "a.png", 6)
    WRITERS[name](tmp_path, [("a.png", (WIDTH, HEIGHT), (30, 48.6))])
    assert read(tmp_path, name).rules[AppliedRule.KEYPOINT_OUTSIDE] == 1


def cat(folder: Path, x: int, y: int) -> None:
    picture(folder / "a.png", 6)
    (folder / "a.png.cat").write_text(" ".join(map(str, [9, *[x, y] * 9])))


def via(folder: Path, x: int, y: int) -> None:
    picture(folder / "a.png", 6)
    shape = {"name": "point", "cx": x, "cy": y}
    regions = [{"shape_attributes": shape, "region_attributes": {"name": "nose"}}]
    (folder / "via.json").write_text(json.dumps({"a": {"filename": "a.png", "size": 1, "regions": regions}}))


def lightningpose(folder: Path, x: int, y: int) -> None:
    picture(folder / "a.png", 6)
    (folder / "CollectedData.csv").write_text(f"scorer,s,s\nbodyparts,nose,nose\ncoords,x,y\na.png,{x},{y}\n")


@pytest.mark.parametrize("write", [cat, via, lightningpose], ids=lambda f: f.__name__)
def test_where_no_size_is_stated_it_is_said_and_what_fits_the_stored_image_alone_is_a_fault(
    tmp_path: Path, write: Callable[[Path, int, int], None]
):
    write(tmp_path, *SHOWN[6])
    reading = read(tmp_path, write.__name__)
    assert is_on_its_spot(reading) and reading.rules[UNKNOWN] == 1
    write(tmp_path, 60, 12)  # 60 is within 64, not within 48
    with pytest.raises(
        BadInputError, match="only before its EXIF orientation.*within 48×64.*exiftool -Orientation= a.png"
    ):
        read(tmp_path, write.__name__)
