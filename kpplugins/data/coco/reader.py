"""COCO keypoint annotations (the format of cocodataset.org), and this project's own inner format.

Beside COCO's own keys a category may carry ``flip_pairs`` (pairs of names), ``sigmas`` (K numbers) and
``sigmas_source``; the writer puts them there, so that an annotation file says everything about its keypoints.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.annotation_set import REPORT_FILE, UNLABELLED, AnnotationSet, SourceFile
from kpplugins.data.coco.corner_votes import are_corners, corner_votes
from kpplugins.data.coco.files import coco_files, image_place, split_of_file
from kpplugins.data.coco.image_account import says_nothing, settle_backgrounds, settle_repeats
from kpplugins.data.coco.schema import coco_object, has_keypoints, schemas_of
from kpplugins.data.coco.single_points import is_point, point_of, single_point_names
from kpplugins.data.coco.split_files import chosen_files, without_repeats
from kpplugins.data.coco.writer import APPLIED, EXIF
from kpplugins.data.faults import apart, raise_or_warn
from kpplugins.data.grouping import DrawnBox, DrawnKeypoint, Page, gather, group_shapes
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.image_files import measure_image
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.values import as_number, as_numbers, coco_id
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.record_builder import MARGIN, build_records
from kpplugins.schema.keypoint_schema import KNOWN, ONE_SIDED
from kpplugins.storage.files import files_in, is_file, is_folder
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import is_address
from kpplugins.structures.garbage import without_collections
from kpplugins.structures.geometry import xyxy_to_xywh

BOX_FORMATS = ("xywh", "xyxy")
_AT_ONCE = 10_000
"""Number of annotations whose records are built together."""
_ASKED = 5000
"""Maximum number of boxes, spread over a file, that are tested for being corners."""
_MEASURED = 5000
"""Maximum number of images, spread over a file, that are measured where not all must be."""
_MEASURED_ELSEWHERE = 100
"""The same of a set at an address, where each takes a few requests."""

_Entry = tuple[dict, ImageInfo, int]
"""An annotation, its image, and its place in the list."""


def is_coco(source: Path) -> bool:
    """Tell whether ``source`` is a COCO JSON file, or a folder with ``annotations/*.json`` of that kind. Never raises.

    Args:
        source: a file or folder.

    Returns:
        True if any of its JSON files looks like COCO.
    """
    try:
        return bool(coco_files(source))
    except (OSError, BadInputError):  # of a damaged archive
        return False


@without_collections()
def read_coco(
    source: Path,
    *,
    images: Path | None = None,
    margin: float = MARGIN,
    skip_bad: bool = False,
    check_images: bool = True,
    box_format: str = "xywh",
    rescale: bool = False,
    split_files: Sequence[str] | None = None,
) -> AnnotationSet:
    """Read one annotation file, or every one with keypoints that ``coco_files`` lists.

    Args:
        source: the JSON file or the folder. A file that is named after train, val or test, or lies in a folder that
            is, gives its images that split.
        images: where the images are; ``None`` looks in the usual places beside the file.
        margin: of derived boxes, see ``record_builder``.
        skip_bad: skip bad entries and log how many and why.
        check_images: read each image's header and compare its size with the stated one; otherwise do so for up to
            5,000 images, spread over a file (100 at an address), and check of the others that they exist.
        box_format: ``xywh`` as COCO defines it, or ``xyxy`` for a file that violates this.
        rescale: see ``measure_image``.
        split_files: ``SPLIT=FILE`` for each file to read; see ``chosen_files``. ``None`` reads all.

    Returns:
        One record per annotation that has keypoints or a box; unlabelled boxes and crowds are kept as such. Annotations
        without both are left out, and images with no other ones; both are counted.

    Raises:
        BadInputError: nothing of that kind is there, or an entry is bad and ``skip_bad`` is false.
    """
    named = chosen_files(source, split_files) if split_files is not None else {}
    files = list(named) or (coco_files(source) if is_folder(source) else [source])
    if not files:
        raise BadInputError("no COCO keypoint annotations", where=str(source), expected="annotations/*.json")
    root = source if is_folder(source) else source.parent
    if box_format not in BOX_FORMATS:
        raise BadInputError(
            "unknown box format",
            where="--box-format",
            expected=" or ".join(BOX_FORMATS),
            found=repr(box_format),
        )
    readings: dict[Path, AnnotationSet] = {}
    folders: dict[Path, ImageFolder] = {}
    for file in files:
        content = coco_object(file)
        if has_keypoints(content) or file == files[-1] and not readings:  # which says that it has none
            part = CocoFile(
                file,
                content,
                root,
                margin,
                check_images,
                box_format,
                images,
                folders,
                rescale,
                named.get(file),
            )
            readings[file] = part.read()
            part.refuse_corners(skip_bad)
    repeats = Notes()
    used = without_repeats(readings, repeats)
    whole = _joined(list(used.values()), list(used))
    whole.notes.join(repeats)
    left = sorted({*files, *_beside(files, source)} - {*readings}) if is_folder(source) and not named else []
    if left:
        names = ", ".join(file.name for file in left)
        whole.notes.say(f"left out, because they have no keypoints: {names}")
    for folder in folders.values():
        whole.notes.say(*folder.notes)
    return whole.settle(skip_bad)


def _beside(files: Sequence[Path], source: Path) -> list[Path]:
    """List the JSON files in the folders of ``files``, which hold nothing else than annotations."""
    beside = [path for folder in {f.parent for f in files} - {source} for path in files_in(folder)]
    return [path for path in beside if path.suffix == ".json"]


def _joined(readings: Sequence[AnnotationSet], files: Sequence[Path]) -> AnnotationSet:
    whole = replace(readings[0], files=tuple(file for part in readings for file in part.files))
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
        whole.notes.join(part.notes)
        whole.splits.update(part.splits)
        whole.image_keys.update(part.image_keys)
        whole.category_keypoints.update(part.category_keypoints)
    return whole


class CocoFile:
    """One annotation file being read.

    Args:
        path: the JSON file.
        content: what it holds, see ``coco_object``.
        root: the folder it belongs to; images are looked for below it.
        margin: see ``read_coco``.
        check_images: see ``read_coco``.
        box_format: see ``read_coco``.
        images: see ``read_coco``.
        folders: the image folders of the source by path, shared by its files; this file's is added.
        rescale: see ``read_coco``.
        split: of all images of the file; ``None`` takes the one that the file is named after.
    """

    def __init__(
        self,
        path: Path,
        content: dict[str, Any],
        root: Path,
        margin: float,
        check_images: bool,
        box_format: str = "xywh",
        images: Path | None = None,
        folders: dict[Path, ImageFolder] | None = None,
        rescale: bool = False,
        split: str | None = None,
    ) -> None:
        self.box_format, self.folders = box_format, {} if folders is None else folders
        self.path, self.root, self.margin, self.check_images = path, root, margin, check_images
        self.rescale, self.split = rescale, split or split_of_file(path, root)
        self.report = _report_of(path.parent.parent if path.parent.name == "annotations" else root)
        self.content, self.image_root = content, images
        self.single = single_point_names(self.content)
        notes = Notes()
        schema, own = schemas_of(self.content, path, self.single, notes)
        stated = any(c.get("flips") in (KNOWN, ONE_SIDED) for c in self.content["categories"])
        self.reading = AnnotationSet(schema, flips_stated=stated, notes=notes)
        if any(names != schema.keypoints for names in own.values()) and not self.single:
            self.reading.category_keypoints = own
        self.categories = {
            key: str(c.get("name", "object"))
            for c in self.content["categories"]
            if (key := coco_id(c.get("id"))) is not None
        }
        self.places = {name: schema.indices_of(names) for name, names in own.items()}
        self._drawn: list[PoseRecord] = []
        self._drawn_boxes: list[np.ndarray] = []

    def read(self) -> AnnotationSet:
        """Read everything in the file; an image with a bad annotation is left out whole."""
        images = self.images()
        seen: set[str] = set()
        bad: set[str | None] = set()
        by_image: dict[str | None, list[_Entry]] = {}
        silent: Counter[str | None] = Counter()
        for i, annotation in enumerate(self.content["annotations"]):
            key = coco_id(annotation.get("image_id")) if isinstance(annotation, dict) else None
            try:
                image = self._image_of(annotation, key, images, seen, i)
                if image is not None and says_nothing(annotation):
                    silent[key] += 1
                elif image is not None:
                    by_image.setdefault(key, []).append((annotation, image, i))
            except BadInputError as fault:
                self.reading.faults.append(fault)
                bad.add(key)
        if self.single:
            self._add_single_points(by_image, bad)
        else:
            self._add_records(by_image, bad)
        backgrounds, counts = settle_backgrounds(images, set(by_image), bad, silent)
        self.reading.backgrounds += backgrounds
        self.reading.notes.join(counts)
        return self.reading

    def _where(self, annotation: Any, place: int) -> str:
        return f"{self.path}: annotation {_name(annotation, place)}"

    def _add_records(self, by_image: Mapping[str | None, list[_Entry]], bad: set[str | None]) -> None:
        """Add one record per annotation, image by image; all of an image or none."""
        entries = [entry for entries in by_image.values() for entry in entries]
        found: list[PoseRecord | BadInputError] = []
        for start in range(0, len(entries), _AT_ONCE):
            found += apart(entries[start : start + _AT_ONCE], self._records)
        keys = [key for key, entries in by_image.items() for _ in entries]
        for key, record in zip(keys, found, strict=True):
            if isinstance(record, BadInputError):
                self.reading.faults.append(record)
                bad.add(key)
        self.reading.records += [
            record
            for key, record in zip(keys, found, strict=True)
            if key not in bad and not isinstance(record, BadInputError)
        ]

    def _add_single_points(self, by_image: Mapping[str | None, list[_Entry]], bad: set[str | None]) -> None:
        """Join the keypoints of each image into instances, by the rules of ``grouping``."""
        pages: list[Page] = []
        for key, annotations in by_image.items():
            try:
                pages.append(self._page(annotations))
            except BadInputError as fault:
                self.reading.faults.append(fault)
                bad.add(key)
        points = sum(len(instance.keypoints) for page in pages for instance in page.instances)
        joined = gather(self.path, pages, [], margin=self.margin, names=self.reading.schema.keypoints)
        self.reading.records = joined.records
        self.reading.notes.count(UNLABELLED, len(joined.backgrounds))  # all of their keypoints are absent
        self.reading.faults += joined.faults
        self.reading.notes.say(
            f"each keypoint is an annotation of its own: {points} joined into {len(joined.records)} instances"
        )

    def _page(self, annotations: Sequence[_Entry]) -> Page:
        keypoints, boxes = [], []
        first, image, number = annotations[0]
        where = self._where(first, number)
        for annotation, _, number in annotations:
            place = self._where(annotation, number)
            key = coco_id(annotation.get("category_id"))
            group = str(annotation.get("group_id") or annotation.get("instance_id") or "")
            if is_point(annotation) and key in self.single:
                x, y, shown = point_of(annotation, place)
                if shown > 0:
                    keypoints.append(DrawnKeypoint(self.single[key], x, y, shown == 1, group))
            elif annotation.get("bbox") not in (None, []):
                left, top, right, bottom = self._boxes([annotation["bbox"]], place)[0].tolist()
                boxes.append(DrawnBox((left, top, right, bottom), self._category(annotation, place), group))
        return Page(image, self.path, where, group_shapes(keypoints, boxes, where))

    def images(self) -> dict[str, ImageInfo | None]:
        """Read the images by id; ``None`` for a bad one, whose fault is recorded."""
        most = _MEASURED_ELSEWHERE if is_address(self.root) else _MEASURED
        step = 1 if self.check_images else len(self.content["images"]) // most + 1
        images, keys, faults = self._measured_images(step)
        if step > 1 and any(image is not None and image.made_on for image in images.values()):
            images, keys, faults = self._measured_images(1)
        self.reading.faults += [*faults, *settle_repeats(images, self.path)]
        entries = [None if key is None else images[key] for key in keys]
        paths = tuple(None if image is None else image.path for image in entries)
        self.reading.files = (SourceFile(self.path, paths, self.box_format == "xyxy"),)
        if self.split:
            found = [image.path for image in images.values() if image is not None]
            self.reading.splits.update(dict.fromkeys(found, self.split))
        return images

    def _measured_images(
        self, step: int
    ) -> tuple[dict[str, ImageInfo | None], list[str | None], list[BadInputError]]:
        """Find all images, and measure each ``step``-th and those of which no size is stated.

        Returns the images by id, the id of each entry (``None`` for a bad one), and the faults.
        """
        folder, place, search = self._folder()
        images: dict[str, ImageInfo | None] = {}
        keys: list[str | None] = []
        faults: list[BadInputError] = []
        for i, entry in enumerate(self.content["images"]):
            where = f"{self.path}: image {_name(entry, i)}"
            key = coco_id(entry.get("id")) if isinstance(entry, dict) else None
            good = None
            try:
                if not isinstance(entry, dict) or key is None or "file_name" not in entry:
                    raise BadInputError("image needs id and file_name", where=where, found=str(entry)[:80])
                if key in images:
                    raise BadInputError(
                        "image id twice", where=where, todo="give each image an id of its own"
                    )
                path = folder.path(str(entry["file_name"]), where, bases=[place], search=search)
                images[key] = self._measured(path, entry, i % step == 0, where)
                if further := _further(entry):
                    self.reading.image_keys[path] = further
                good = key
            except BadInputError as fault:
                if key is not None:
                    images.setdefault(key, None)
                faults.append(fault)
            keys.append(good)
        return images, keys, faults

    def _folder(self) -> tuple[ImageFolder, str, bool]:
        """Return the folder of the images, shared by the files of a source; where in it they are; whether to search."""
        root, place, there = image_place(self.path, self.image_root or self.root, self.content["images"])
        if root not in self.folders:
            self.folders[root] = ImageFolder(root, links=self.report.get("place") == "symlink")
        return self.folders[root], place, not there or self.image_root is not None

    def _measured(self, path: Path, entry: dict, measured: bool, where: str) -> ImageInfo:
        sides = [_side(entry.get(key)) for key in ("width", "height")]
        declared = (sides[0], sides[1]) if all(sides) else None
        if declared is not None and not measured:
            return ImageInfo(path, *declared)
        image = measure_image(path, where, declared, self.rescale)
        certain = self.report.get(EXIF) == APPLIED and image.annotated_size == (image.width, image.height)
        return replace(image, made_on=None) if certain else image

    def _image_of(
        self, annotation: Any, image: str | None, images: dict, seen: set, place: int
    ) -> ImageInfo | None:
        where = partial(self._where, annotation, place)
        if not isinstance(annotation, dict):
            raise BadInputError("annotation is not an object", where=where(), found=str(annotation)[:60])
        key = coco_id(annotation.get("id"))
        category = coco_id(annotation.get("category_id"))
        for name, read in (("id", key), ("image_id", image), ("category_id", category)):
            if read is None and annotation.get(name) is not None:
                raise BadInputError(
                    f"{name} must be a number or a text", where=where(), found=str(annotation[name])[:60]
                )
        if key is not None:
            if key in seen:
                raise BadInputError(
                    "annotation id twice", where=where(), todo="give each annotation an id of its own"
                )
            seen.add(key)
        if image not in images:
            raise BadInputError(
                "annotation of an unknown image",
                where=where(),
                found=f"image_id {annotation.get('image_id')!r}",
            )
        return images[image]

    def refuse_corners(self, skip_bad: bool) -> None:
        """Refuse boxes that make sense only as corners that were stored in the field for x, y, width, height.

        Args:
            skip_bad: log it and go on.

        Raises:
            BadInputError: there are such boxes and ``skip_bad`` is false.
        """
        records = self._drawn[:: len(self._drawn) // _ASKED + 1]
        if not records:
            return
        boxes = xyxy_to_xywh(
            np.concatenate(self._drawn_boxes)[:: len(self._drawn) // _ASKED + 1]
        )  # as written
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

    def _records(self, entries: Sequence[_Entry]) -> list[PoseRecord]:
        """Build the records of annotations; what a BadInputError says is right where there is a single one."""
        annotations, where = [entry[0] for entry in entries], self._where(entries[0][0], entries[0][2])
        stated = [annotation.get("bbox") for annotation in annotations]
        boxed = np.array([box not in (None, []) for box in stated])
        boxes = np.zeros((len(entries), 4))
        boxes[boxed] = self._boxes([box for box, given in zip(stated, boxed, strict=True) if given], where)
        crowds = np.array([bool(annotation.get("iscrowd", 0)) for annotation in annotations])
        areas = [annotation.get("area") for annotation in annotations]
        measured = np.array(
            [as_number(a, "area", where) if isinstance(a, (int, float)) else 0 for a in areas]
        )
        keypoints = self._keypoints(annotations, where)
        records = build_records(
            [entry[1] for entry in entries], keypoints, source=self.path, where=where, boxes=boxes, boxed=boxed,
            areas=np.where(measured > 0, measured, np.nan), margin=self.margin, crowds=crowds,
            categories=[self._category(annotation, where) for annotation in annotations],
        )  # fmt: skip
        drawn = boxed & ~crowds
        self._drawn_boxes.append(boxes[drawn])
        self._drawn += [record for record, told in zip(records, drawn.tolist(), strict=True) if told]
        return records

    def _category(self, annotation: dict, where: str) -> str:
        """Return the name of an annotation's category; without one, that of the only category if there is just one."""
        key = coco_id(annotation.get("category_id"))
        if not self.content["categories"]:
            return "object"
        if key is None and len(self.content["categories"]) == 1:
            return next(iter(self.categories.values()), "object")
        if key not in self.categories:
            raise BadInputError(
                "a category_id that has no name", where=where,
                expected=" or ".join(f"{i} ({name})" for i, name in self.categories.items()),
                found=repr(annotation.get("category_id")),
                todo="name it in the file's categories, with its id",
            )  # fmt: skip
        return self.categories[key]

    def _keypoints(self, annotations: Sequence[dict], where: str) -> np.ndarray:
        """Return (N, K, 3) over the keypoints of all categories; those that an instance's category lacks are absent."""
        every = np.zeros((len(annotations), self.reading.schema.num_keypoints, 3))
        rows: dict[str | None, list[int]] = {}
        for i, annotation in enumerate(annotations):
            if annotation.get("keypoints") not in (None, []):
                category = self.categories.get(coco_id(annotation.get("category_id")) or "", "")
                rows.setdefault(category if category in self.places else None, []).append(i)
        for own, chosen in rows.items():
            places = range(every.shape[1]) if own is None else self.places[own]
            lists = [annotations[i]["keypoints"] for i in chosen]
            flat = _flat(lists, "keypoints", where)
            if any(len(numbers) != 3 * len(places) for numbers in lists):
                raise BadInputError(
                    "number of keypoints differs from its category's",
                    where=where,
                    expected=f"{len(places)} keypoints, {3 * len(places)} numbers",
                    found=f"{len(lists[0])} numbers",
                    todo="export it again",
                )
            every[np.ix_(chosen, places)] = flat.reshape(len(lists), -1, 3)
        return every

    def _boxes(self, stated: Sequence[Any], where: str) -> np.ndarray:
        """Return the boxes (N, 4) xyxy as they are written."""
        flat = _flat(stated, "bbox", where)
        fours = all(len(box) == 4 for box in stated)
        boxes = flat.reshape(-1, 4) if fours else np.zeros((0, 4))
        if self.box_format == "xyxy":
            boxes[:, 2:] -= boxes[:, :2]
        if not fours or (boxes[:, 2:] < 0).any():
            raise BadInputError(
                "bbox must be x, y, width, height with a positive size", where=where, found=str(flat.tolist())
            )
        return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _flat(lists: Sequence[Any], what: str, where: str) -> np.ndarray:
    """Return the numbers of several lists one after the other."""
    other = next((value for value in lists if not isinstance(value, list)), None)
    return as_numbers(list(chain.from_iterable(lists)) if other is None else other, what, where)


def _report_of(root: Path) -> dict[str, Any]:
    """Return the report that ``convert`` wrote into a folder that it made; empty if there is none."""
    try:
        report = load_json(root / REPORT_FILE) if is_file(root / REPORT_FILE) else {}
    except BadInputError:
        return {}
    return report if isinstance(report, dict) else {}


def _further(entry: dict) -> dict[str, Any]:
    """Return the single values of an image's entry that say nothing of its file, such as ``video_id``."""
    return {
        key: value
        for key, value in entry.items()
        if key not in ("id", "file_name", "width", "height") and isinstance(value, str | int | float)
    }


def _side(value: Any) -> int:
    """Return a stated width or height; 0 if none is stated."""
    return int(value) if isinstance(value, (int, float)) and value > 0 and value % 1 == 0 else 0


def _name(entry: Any, place: int) -> str:
    """Return the id of an entry, or its position in the list."""
    return str(entry["id"]) if isinstance(entry, dict) and "id" in entry else f"at place {place}"
