"""TFRecords of the TF Object Detection API with keypoints, and their label map.

One ``tf.train.Example`` per image: ``image/encoded``, ``image/filename``, ``image/object/bbox/*`` and
``image/object/keypoint/*`` as ``create_coco_tf_record.py`` writes them, with coordinates as fractions of the image.
``image/object/keypoint/num`` is the number of labelled keypoints in COCO's case, of stored ones elsewhere; both work.
"""

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.images import SUFFIXES
from kpplugins.data.parsing.image_files import below, measure_image
from kpplugins.data.parsing.text import one_line
from kpplugins.data.parsing.values import as_size
from kpplugins.data.record_builder import MARGIN, build_record
from kpplugins.data.splits import true_division
from kpplugins.formats.tfrecord.examples import Values, read_examples, starts_with_record
from kpplugins.formats.tfrecord.label_map import read_label_map
from kpplugins.schema.from_names import infer_schema
from kpplugins.structures import BadInputError

_OBJECT = "image/object/"
_POINT = "image/object/keypoint/"
_KINDS = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"BM": ".bmp", b"RI": ".webp", b"II": ".tif", b"MM": ".tif"}
_SPLIT_WORDS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "eval": "val",
    "test": "test", "testdev": "test", "testing": "test",
}  # fmt: skip
"""Words of a file's name that say which split it holds."""


@dataclass(frozen=True)
class _Scene:
    """One record, its image already written. N objects with T keypoints in total; empty means not given."""

    source: Path
    where: str
    image: ImageInfo
    boxes: np.ndarray  # (N, 4) xyxy as fractions
    categories: list[str]  # N
    areas: np.ndarray
    crowds: np.ndarray
    x: np.ndarray  # (T,)
    y: np.ndarray
    visibility: np.ndarray
    texts: list[str]
    counts: list[int]


def is_tfrecord(source: Path) -> bool:
    """Tell whether a source looks like TFRecords; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        return any(starts_with_record(path) for path in _files(source)[:1])
    except OSError:
        return False


def read_tfrecord(
    source: Path,
    *,
    extract_to: Path,
    label_map: Path | str | None = None,
    margin: float = MARGIN,
    rescale: bool = False,
    skip_bad: bool = False,
) -> AnnotationSet:
    """Read every record of every file, by name of file and number, and write its image.

    Keypoint names come from the label map, else from ``keypoint/text``, else they are ``kpt_0`` …. Without
    ``keypoint/visibility``, a keypoint at NaN or (0, 0) is absent and every other one is visible. Files named
    ``train``, ``val`` and ``test`` give ``splits`` if there are at least two.

    Args:
        source: a file, or a folder with ``*.record`` or ``*.tfrecord`` files (shards too).
        extract_to: the folder to write the images to, by their own names; the caller removes it on failure.
        label_map: the ``.pbtxt``; ``None`` takes the only one beside the records, if there is one.
        margin: of the box around keypoints if a file has no boxes.
        rescale: see ``measure_image``.
        skip_bad: skip bad records.

    Returns:
        The records, with every fault and every rule that was applied.

    Raises:
        BadInputError: no such files, a broken label map, or a bad record and ``skip_bad`` is false.
    """
    files = _files(source)
    if not files:
        raise BadInputError("no TFRecord here", where=str(source), expected="*.record, *.tfrecord or shards")
    classes, names = _label_map(files[0].parent, label_map)
    scenes, faults, splits = _scenes(files, classes, _Writer(extract_to, {}, rescale))
    if not scenes and not faults:
        raise BadInputError("holds no record", where=str(files[0]), todo="write it again")
    names = (
        names or list(dict.fromkeys(text for scene in scenes for text in scene.texts)) or _numbered(scenes)
    )
    if not names:
        if faults:
            raise faults[0]
        raise BadInputError("no record has keypoints", where=str(source), expected=f"{_POINT}x, y, text")
    reading = AnnotationSet(infer_schema("tfrecord", names), faults=faults)
    for scene in _each_once(scenes, reading.faults):
        try:
            records = _records(scene, names, margin)
        except BadInputError as fault:
            reading.faults.append(fault)
            continue
        reading.records.extend(records)
        reading.backgrounds.extend([] if records else [scene.image])
    used = {record.image for record in reading.records} | {image.path for image in reading.backgrounds}
    reading.splits = true_division({path: split for path, split in splits.items() if path in used})
    return reading.settle(skip_bad)


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        return sorted(
            p for p in source.iterdir() if re.search(r"\.(tf)?records?(\b|-)", p.name) and p.is_file()
        )
    return [source] if source.is_file() else []


def _label_map(folder: Path, given: Path | str | None) -> tuple[dict[int, str], list[str]]:
    if given is not None:
        return read_label_map(Path(given))
    maps = sorted(folder.glob("*.pbtxt"))
    return read_label_map(maps[0]) if len(maps) == 1 else ({}, [])


def _scenes(
    files: list[Path], classes: dict[int, str], writer: "_Writer"
) -> tuple[list[_Scene], list[BadInputError], dict[Path, str]]:
    scenes: list[_Scene] = []
    faults: list[BadInputError] = []
    splits: dict[Path, str] = {}
    for file in files:
        words = {_SPLIT_WORDS[w] for w in re.split(r"[^a-z]+", file.name.lower()) if w in _SPLIT_WORDS}
        for where, features in read_examples(file):
            if isinstance(features, BadInputError):
                faults.append(features)
                continue
            try:
                scene = _scene(features, file, where, classes, writer)
            except BadInputError as fault:
                faults.append(fault)
                continue
            scenes.append(scene)
            if len(words) == 1:
                splits[scene.image.path] = next(iter(words))
    return scenes, faults, splits


def _each_once(scenes: list[_Scene], faults: list[BadInputError]) -> list[_Scene]:
    """Return the scenes whose image is in one record; add a fault for each further record of the others."""
    by_image: dict[Path, list[_Scene]] = {}
    for scene in scenes:
        by_image.setdefault(scene.image.path, []).append(scene)
    faults += [
        BadInputError(
            "image is listed twice", where=scene.where, expected="one record for each image",
            found=f"{scene.image.path.name} in {first.where} too", todo="join its records, or delete one of them",
        )
        for first, *others in by_image.values()
        for scene in others
    ]  # fmt: skip
    return [found[0] for found in by_image.values() if len(found) == 1]


def _numbered(scenes: list[_Scene]) -> list[str]:
    """Name the keypoints ``kpt_0`` … by the first record that has some."""
    for scene in scenes:
        if len(scene.x):
            return [f"kpt_{i}" for i in range(len(scene.x) // max(1, len(scene.categories)))]
    return []


@dataclass(frozen=True)
class _Writer:
    """Writes encoded images into a folder, each name once."""

    folder: Path
    written: dict[Path, bytes]
    rescale: bool

    def write(self, data: bytes, name: str, where: str, declared: tuple[int, int] | None) -> ImageInfo:
        """Write the image, of the declared size, under its own name, which may recur only with the same content."""
        if Path(name).suffix.lower() not in SUFFIXES:
            name += _KINDS.get(data[:2], ".jpg")
        if not name.isprintable():
            raise BadInputError("image has no usable name", where=where, found=repr(name)[:80])
        digest = hashlib.sha256(data).digest()
        new = False
        try:
            path = below(self.folder, name, where)
            new = not path.exists()
            if path in self.written and self.written[path] != digest or not new and path.read_bytes() != data:
                raise BadInputError(
                    "two images have one name",
                    where=where,
                    found=name[:80],
                    todo="give each image its name",
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            image = measure_image(path, where, declared, self.rescale)
        except (OSError, RuntimeError, ValueError) as error:
            if new:
                with suppress(OSError):  # a name that cannot be written cannot be deleted either
                    path.unlink(missing_ok=True)
            if isinstance(error, BadInputError):  # the file that it names will be deleted
                raise BadInputError(
                    error.what, where=where, expected=error.expected, found=error.found or name[:80],
                    todo=error.todo,
                ) from error  # fmt: skip
            raise BadInputError(f"image cannot be written: {one_line(error)}", where=where) from error
        self.written[path] = digest
        return image


def _scene(
    features: dict[str, Values], source: Path, where: str, classes: dict[int, str], writer: _Writer
) -> _Scene:
    sides = [_numbers(features, f"{_OBJECT}bbox/{side}", where) for side in ("xmin", "ymin", "xmax", "ymax")]
    if len({len(side) for side in sides}) > 1:
        raise BadInputError(
            "box has missing sides", where=where, found=", ".join(str(len(s)) for s in sides),
            expected="as many xmin, ymin, xmax and ymax",
        )  # fmt: skip
    encoded = features.get("image/encoded", [])
    if not isinstance(encoded, list) or len(encoded) != 1 or not encoded[0]:
        raise BadInputError(
            "has no image", where=where, expected="image/encoded", todo="write the images too"
        )
    names = _texts(features, "image/filename", where) + _texts(features, "image/source_id", where)
    name = next((n for n in names if n), f"{source.name}-{where.rsplit(' ', 1)[1]}")
    said = [_numbers(features, f"image/{side}", where) for side in ("width", "height")]
    declared = as_size(said[0][0], said[1][0], where) if all(len(s) for s in said) else None
    image = writer.write(encoded[0], name, where, declared)
    return _Scene(
        source,
        where,
        image,
        boxes=np.stack(sides, axis=1),
        categories=_categories(features, where, classes, len(sides[0])),
        areas=_numbers(features, f"{_OBJECT}area", where),
        crowds=_numbers(features, f"{_OBJECT}is_crowd", where),
        x=_numbers(features, f"{_POINT}x", where),
        y=_numbers(features, f"{_POINT}y", where),
        visibility=_numbers(features, f"{_POINT}visibility", where),
        texts=_texts(features, f"{_POINT}text", where),
        counts=[int(n) for n in _numbers(features, f"{_POINT}num", where) if np.isfinite(n)],
    )


def _numbers(features: dict[str, Values], key: str, where: str) -> np.ndarray:
    value = features.get(key, [])
    if isinstance(value, list):
        if value:
            raise BadInputError(
                "holds text instead of numbers", where=f"{where}: {key}", found=repr(value)[:60]
            )
        return np.zeros(0)
    return value.astype(np.float64)


def _texts(features: dict[str, Values], key: str, where: str) -> list[str]:
    value = features.get(key, [])
    try:
        return (
            [bytes(v).decode("utf-8") for v in value] if isinstance(value, list) else [str(v) for v in value]
        )
    except UnicodeDecodeError as error:
        raise BadInputError("is not text in UTF-8", where=f"{where}: {key}") from error


def _categories(features: dict[str, Values], where: str, classes: dict[int, str], boxes: int) -> list[str]:
    """Return the category of each object: its text, else its label by the label map."""
    texts = _texts(features, f"{_OBJECT}class/text", where)
    labels = _numbers(features, f"{_OBJECT}class/label", where)
    names = texts or [classes.get(int(n), f"class_{n:g}") for n in labels if np.isfinite(n)]
    names = names or ["object"] * boxes
    if boxes and len(names) != boxes:
        raise BadInputError(
            "numbers of boxes and classes differ", where=where, expected=str(boxes), found=str(len(names))
        )
    return names


def _records(scene: _Scene, names: Sequence[str], margin: float) -> list[PoseRecord]:
    """Build the records of all objects, or raise."""
    n, size = len(scene.categories), np.array(scene.image.annotated_size)
    for what, given in (("areas", scene.areas), ("crowds", scene.crowds)):
        if len(given) not in (0, n):
            raise BadInputError(
                f"numbers of objects and {what} differ",
                where=scene.where,
                expected=str(n),
                found=str(len(given)),
            )
    records = []
    for i, points in enumerate(_split_points(scene, n, names)):
        labelled = points[points[:, 2] > 0, :2]
        box = scene.boxes[i] if len(scene.boxes) else None
        if (np.abs(labelled) > 2).any() or (box is not None and (np.abs(box) > 2).any()):
            raise BadInputError(
                "coordinates are not fractions of the image", where=scene.where, expected="numbers from 0 to 1",
                todo="divide x by the image's width and y by its height",
            )  # fmt: skip
        area = float(scene.areas[i]) if len(scene.areas) else None
        if area is not None and area <= 1:  # as a fraction, not in pixels
            area = area * float(size.prod()) if area > 0 else None
        points[:, :2] *= size
        records.append(
            build_record(
                scene.image, points, source=scene.source, where=scene.where, margin=margin, area=area,
                box=None if box is None else box * np.tile(size, 2), category=scene.categories[i],
                crowd=bool(len(scene.crowds) and scene.crowds[i]),
            )
        )  # fmt: skip
    return records


def _split_points(scene: _Scene, n: int, names: Sequence[str]) -> list[np.ndarray]:
    """Return the keypoints of each object as ``(K, 3)``, in fractions."""
    t, k = len(scene.x), len(names)
    texts = scene.texts * n if n and len(scene.texts) * n == t else scene.texts
    counts = scene.counts if len(scene.counts) == n and sum(scene.counts) == t else [t // max(n, 1)] * n
    whole = (
        len(scene.y) == t and len(scene.visibility) in (0, t) and len(texts) in (0, t) and sum(counts) == t
    )
    if not whole or min(counts, default=0) < 0 or (not texts and any(c not in (0, k) for c in counts)):
        raise BadInputError(
            "keypoints cannot be divided among objects",
            where=scene.where,
            expected=f"{k} values of {_POINT}x, y (visibility, text) for each of {n} objects",
            found=f"{t} x, {len(scene.y)} y, {len(scene.visibility)} visibilities, {len(scene.texts)} texts",
        )
    visibility = scene.visibility
    if not len(visibility):
        absent = np.isnan(scene.x) | np.isnan(scene.y) | ((scene.x == 0) & (scene.y == 0))
        visibility = np.where(absent, 0.0, 2.0)
    values = np.stack([scene.x, scene.y, visibility], axis=1)
    objects, start = [], 0
    for count in counts:
        own = texts[start : start + count] if texts else list(names[:count])
        unknown = [name for name in own if name not in names]
        if unknown or len(set(own)) < len(own):
            raise BadInputError(
                "object has an unknown keypoint" if unknown else "object has a keypoint twice",
                where=scene.where,
                expected=", ".join(names)[:200],
                found=repr((unknown or own)[0])[:60],
            )
        points = np.zeros((k, 3))
        points[[names.index(name) for name in own]] = values[start : start + count]
        objects.append(points)
        start += count
    return objects
