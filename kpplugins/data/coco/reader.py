"""COCO keypoint annotations (the format of cocodataset.org), and this project's own inner format.

Beside COCO's own keys a category may carry ``flip_pairs`` (pairs of names), ``sigmas`` (K numbers) and
``sigmas_source``; the writer puts them there, so that an annotation file says everything about its keypoints.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.annotation_set import REPORT_FILE, AnnotationSet
from kpplugins.data.coco.schema import coco_object, schemas_of
from kpplugins.data.corner_votes import are_corners, corner_votes
from kpplugins.data.faults import raise_or_warn
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.image_files import below, measure_image
from kpplugins.data.parsing.values import as_number, as_numbers
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.record_builder import MARGIN, build_record
from kpplugins.data.splits import SPLITS
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import xyxy_to_xywh

BOX_FORMATS = ("xywh", "xyxy")
_ASKED = 5000
"""Maximum number of boxes, spread over a file, that are tested for being corners."""
_SPLIT_NAME = re.compile(rf"(?<![a-z])({'|'.join(SPLITS)})(?![a-z])")
"""``train2017`` and ``my_val`` name a split, ``latest`` does not."""


def is_coco(source: Path) -> bool:
    """Tell whether ``source`` is a COCO JSON file, or a folder with ``annotations/*.json`` of that kind. Never raises.

    Args:
        source: a file or folder.

    Returns:
        True if any of its JSON files looks like COCO.
    """
    try:
        return any(looks_like_coco(file) for file in coco_files(source))
    except OSError:
        return False


def read_coco(
    source: Path,
    *,
    margin: float = MARGIN,
    skip_bad: bool = False,
    check_images: bool = True,
    box_format: str = "xywh",
) -> AnnotationSet:
    """Read one annotation file, or every one in ``source/annotations``.

    Args:
        source: the JSON file or the folder. A file named after train, val or test gives its images that split.
        margin: of derived boxes, see ``record_builder``.
        skip_bad: skip bad entries and log how many and why.
        check_images: read each image's header; otherwise take its size from the annotation and check only that
            the file exists.
        box_format: ``xywh`` as COCO defines it, or ``xyxy`` for a file that violates this.

    Returns:
        One record per annotation that has keypoints or a box; unlabelled boxes and crowds are kept as such.

    Raises:
        BadInputError: nothing of that kind is there, or an entry is bad and ``skip_bad`` is false.
    """
    files = [f for f in coco_files(source) if looks_like_coco(f)] if source.is_dir() else [source]
    if not files:
        raise BadInputError("no COCO keypoint annotations", where=str(source), expected="annotations/*.json")
    root = source if source.is_dir() else source.parent
    if box_format not in BOX_FORMATS:
        raise BadInputError(
            "unknown box format",
            where="--box-format",
            expected=" or ".join(BOX_FORMATS),
            found=repr(box_format),
        )
    readings = []
    for file in files:
        part = CocoFile(file, root, margin, check_images, box_format)
        readings.append(part.read())
        part.refuse_corners(skip_bad)
    return _joined(readings, files).settle(skip_bad)


def _joined(readings: Sequence[AnnotationSet], files: Sequence[Path]) -> AnnotationSet:
    whole = readings[0]
    for file, part in zip(files[1:], readings[1:], strict=True):
        if whole.schema.keypoints != part.schema.keypoints:
            raise BadInputError(
                "files with different keypoints",
                where=f"{files[0]} and {file}",
                found=f"{whole.schema.num_keypoints} and {part.schema.num_keypoints}",
                todo="convert them one by one",
            )
        whole.records += part.records
        whole.faults += part.faults
        whole.backgrounds += part.backgrounds
        whole.splits.update(part.splits)
        whole.category_keypoints.update(part.category_keypoints)
    return whole


class CocoFile:
    """One annotation file being read.

    Args:
        path: the JSON file.
        root: the folder it belongs to; images are looked for below it.
        margin: see ``read_coco``.
        check_images: see ``read_coco``.
        box_format: see ``read_coco``.
    """

    def __init__(
        self, path: Path, root: Path, margin: float, check_images: bool, box_format: str = "xywh"
    ) -> None:
        folder = path.parent.parent if path.parent.name == "annotations" else root
        self.box_format, self.links = box_format, _has_own_links(folder)
        self.path, self.root, self.margin, self.check_images = path, root, margin, check_images
        self.content = coco_object(path)
        schema, own = schemas_of(self.content, path)
        given = any(c.get("flip_pairs") is not None for c in self.content["categories"])
        self.reading = AnnotationSet(schema, flip_pairs_given=given)
        if any(names != schema.keypoints for names in own.values()):
            self.reading.category_keypoints = own
        self.categories = {
            c.get("id"): str(c.get("name", "object"))
            for c in self.content["categories"]
            if _is_key(c.get("id"))
        }
        self.places = {name: schema.indices_of(names) for name, names in own.items()}
        self._drawn: list[tuple[np.ndarray, PoseRecord]] = []

    def read(self) -> AnnotationSet:
        """Read everything in the file; an image with a bad annotation is left out whole."""
        images = self.images()
        seen: set[Any] = set()
        bad: set[Any] = set()
        found: list[tuple[Any, PoseRecord]] = []
        for i, annotation in enumerate(self.content["annotations"]):
            where = f"{self.path}: annotation {_name(annotation, i)}"
            key = annotation.get("image_id") if isinstance(annotation, dict) else None
            try:
                image = self._image_of(annotation, images, seen, where)
                if image is not None:
                    found.append((key, self._record(annotation, image, where)))
            except BadInputError as fault:
                self.reading.faults.append(fault)
                if _is_key(key):
                    bad.add(key)
        self.reading.records += [record for key, record in found if key not in bad]
        bad.update(key for key, _ in found)
        self.reading.backgrounds += [p for key, p in images.items() if p is not None and key not in bad]
        return self.reading

    def images(self) -> dict[Any, ImageInfo | None]:
        """Read the images by id; ``None`` for a bad one, whose fault is recorded."""
        folder = _image_folder(self.root, self.path, self.content["images"])
        there = _files_below(folder) if not self.check_images else set()
        named = _SPLIT_NAME.search(self.path.stem.lower())
        split = named.group(1) if named else None
        images: dict[Any, ImageInfo | None] = {}
        for i, entry in enumerate(self.content["images"]):
            where = f"{self.path}: image {_name(entry, i)}"
            key = entry.get("id") if isinstance(entry, dict) else None
            try:
                if not isinstance(entry, dict) or not isinstance(key, (int, str)) or "file_name" not in entry:
                    raise BadInputError("image needs id and file_name", where=where, found=str(entry)[:80])
                if key in images:
                    raise BadInputError(
                        "image id twice", where=where, todo="give each image an id of its own"
                    )
                images[key] = self._image(folder, entry, there, where)
            except BadInputError as fault:
                if _is_key(key):
                    images.setdefault(key, None)
                self.reading.faults.append(fault)
                continue
            image = images[key]
            if split and image is not None:
                self.reading.splits[image.path] = split
        return images

    def _image(self, folder: Path, entry: dict, there: set[str], where: str) -> ImageInfo:
        path = below(folder, str(entry["file_name"]), where, self.links)
        if self.check_images:
            return measure_image(path, where)
        if str(path) not in there and not path.is_file():
            raise BadInputError(
                "image is missing", where=str(path), todo="restore it or delete its annotation"
            )
        width, height = entry.get("width"), entry.get("height")
        if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
            return ImageInfo(path, width, height)
        return measure_image(path, where)

    def _image_of(self, annotation: Any, images: dict, seen: set, where: str) -> ImageInfo | None:
        if not isinstance(annotation, dict):
            raise BadInputError("annotation is not an object", where=where, found=str(annotation)[:60])
        key = annotation.get("id")
        for name in ("id", "image_id", "category_id"):
            if not _is_key(annotation.get(name)):
                raise BadInputError(
                    f"{name} must be a number or a text", where=where, found=str(annotation[name])[:60]
                )
        if key is not None:
            if key in seen:
                raise BadInputError(
                    "annotation id twice", where=where, todo="give each annotation an id of its own"
                )
            seen.add(key)
        image = annotation.get("image_id")
        if image not in images:
            raise BadInputError("annotation of an unknown image", where=where, found=f"image_id {image!r}")
        return images[image]

    def refuse_corners(self, skip_bad: bool) -> None:
        """Refuse boxes that make sense only as corners that were stored in the field for x, y, width, height.

        Args:
            skip_bad: log it and go on.

        Raises:
            BadInputError: there are such boxes and ``skip_bad`` is false.
        """
        told = self._drawn[:: len(self._drawn) // _ASKED + 1]
        if not told:
            return
        boxes = xyxy_to_xywh(np.array([box for box, _ in told]))  # as they are written
        records = [record for _, record in told]
        sizes = np.array([(r.width, r.height) for r in records], float)
        votes = corner_votes(boxes, np.array([r.keypoints for r in records]), sizes, by_cover=False)
        if not are_corners(votes):
            return
        example, image = boxes[votes.argmax()].round(1).tolist(), records[votes.argmax()].image.name
        fault = BadInputError(
            "boxes that are two corners in the field for x, y, width, height", where=str(self.path),
            found=f"{(votes > 0).sum()} of {np.count_nonzero(votes)} boxes fit their image and their "
            f"keypoints only as corners, e.g. {example} in {image}",
            todo="kpplugins dataset convert SOURCE --out DIR --box-format xyxy, or --skip-bad to go on regardless",
        )  # fmt: skip
        raise_or_warn(fault, skip_bad)

    def _record(self, annotation: dict, image: ImageInfo, where: str) -> PoseRecord:
        box, crowd = self._box(annotation, where), bool(annotation.get("iscrowd", 0))
        stated = annotation.get("area")
        area = as_number(stated, "area", where) if isinstance(stated, (int, float)) else 0.0
        record = build_record(
            image, self._keypoints(annotation, where), source=self.path, where=where, box=box, margin=self.margin,
            area=area if area > 0 else None, category=self._category(annotation, where), crowd=crowd,
        )  # fmt: skip
        if box is not None and not crowd:
            self._drawn.append((box, record))
        return record

    def _category(self, annotation: dict, where: str) -> str:
        """Return the name of an annotation's category; without one, that of the only category if there is just one."""
        key = annotation.get("category_id")
        if key is None and len(self.content["categories"]) == 1:
            return next(iter(self.categories.values()), "object")
        if key not in self.categories:
            raise BadInputError(
                "a category_id that has no name", where=where,
                expected=" or ".join(f"{i!r} ({name})" for i, name in self.categories.items()), found=repr(key),
                todo="name it in the file's categories, with its id",
            )  # fmt: skip
        return self.categories[key]

    def _keypoints(self, annotation: dict, where: str) -> np.ndarray:
        """Return (K, 3) over the keypoints of all categories; those that this category lacks are absent."""
        every = np.zeros((self.reading.schema.num_keypoints, 3))
        if annotation.get("keypoints") is not None:
            category = self.categories.get(annotation.get("category_id"), "")
            places = self.places.get(category, range(len(every)))
            flat = as_numbers(annotation["keypoints"], "keypoints", where)
            if len(flat) != 3 * len(places):
                raise BadInputError(
                    "number of keypoints differs from its category's",
                    where=where,
                    expected=f"{len(places)} keypoints, {3 * len(places)} numbers",
                    found=f"{len(flat)} numbers",
                    todo="export it again",
                )
            every[places] = flat.reshape(-1, 3)
        return every

    def _box(self, annotation: dict, where: str) -> np.ndarray | None:
        """Return the box (4,) xyxy as it is written."""
        if annotation.get("bbox") is None:
            return None
        box = as_numbers(annotation["bbox"], "bbox", where)
        if self.box_format == "xyxy" and len(box) == 4:
            box[2:] -= box[:2]
        if len(box) != 4 or min(box[2:]) <= 0:
            raise BadInputError(
                "bbox must be x, y, width, height with a positive size", where=where, found=str(box.tolist())
            )
        return np.concatenate([box[:2], box[:2] + box[2:]])


def _has_own_links(root: Path) -> bool:
    """Tell whether ``convert --place symlink`` made the folder, so that its images are links on purpose."""
    try:
        report = load_json(root / REPORT_FILE) if (root / REPORT_FILE).is_file() else {}
    except BadInputError:
        return False
    return isinstance(report, dict) and report.get("place") == "symlink"


def _is_key(value: Any) -> bool:
    """Tell whether a value can be an id, or is ``None``."""
    return value is None or isinstance(value, (int, float, str))


def _name(entry: Any, place: int) -> str:
    """Return the id of an entry, or its position in the list."""
    return str(entry["id"]) if isinstance(entry, dict) and "id" in entry else f"at place {place}"


def coco_files(source: Path) -> Iterator[Path]:
    """List the JSON files that may hold a source's annotations.

    Args:
        source: a file, or a folder with JSON files in ``annotations`` or, without that, in itself.

    Yields:
        The files, sorted; none where ``source`` does not exist.
    """
    if source.is_file():
        yield source
    elif (source / "annotations").is_dir():
        yield from sorted((source / "annotations").glob("*.json"))
    elif source.is_dir():
        yield from sorted(source.glob("*.json"))


def looks_like_coco(path: Path) -> bool:
    """Tell whether a file has the three keys that every COCO file has.

    Args:
        path: the file; only ``.json`` counts.

    Returns:
        True for such a file, and for a broken one that is named like one, so that it is reported.
    """
    if path.suffix.lower() != ".json":
        return False
    try:
        content = load_json(path, finite=False)
    except BadInputError:
        return path.stem.lower().startswith(("person_keypoints", "instances", *SPLITS))
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()


def _image_folder(root: Path, file: Path, images: list) -> Path:
    """Return the folder of the file's images: the first candidate that has the first of them."""
    name = next((str(e["file_name"]) for e in images if isinstance(e, dict) and e.get("file_name")), "")
    tail = file.stem.split("_")[-1]
    base = root if (root / "annotations").is_dir() or file.parent == root else file.parent
    bases = [base, file.parent, file.parent.parent]
    for place in [
        p / sub for p in bases for sub in ("images", f"images/{tail}", tail, "", "img", "JPEGImages")
    ]:
        if name and (place / name).is_file():
            return place
    return base / "images"


def _files_below(folder: Path) -> set[str]:
    return {os.path.join(where, name) for where, _, names in os.walk(folder) for name in names}  # noqa: PTH118
