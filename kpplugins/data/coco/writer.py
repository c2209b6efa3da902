"""Writing records as COCO keypoint annotations with their images: this project's inner format."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kpplugins.data.annotation_set import REPORT_FILE, SCHEMA_FILE, AnnotationSet
from kpplugins.data.aside import made_aside, require_new
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.splits import SPLITS
from kpplugins.schema import KeypointSchema
from kpplugins.storage.files import copy_file, is_file
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import xyxy_to_xywh

Progress = Callable[[int, int], None]
EXIF, APPLIED = "exif", "applied"
"""Key and value in the report of a folder whose annotations are all of the images as they are shown."""
PLACERS = ("copy", "hardlink", "symlink")


def write_coco(
    reading: AnnotationSet,
    out: Path,
    splits: Mapping[Path, str],
    *,
    names: Mapping[Path, str] | None = None,
    place: str = "copy",
    report: dict | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write ``out/images``, ``out/annotations/{train,val,test}.json``, ``out/schema.json`` and ``out/report.json``.

    Everything is written beside ``out`` first and renamed at the end, so that no half-written folder remains.
    Below ``images``, images keep the subfolders that tell them apart.

    Args:
        reading: what to write.
        out: the folder to make; it must not exist, or be empty.
        splits: ``train``, ``val`` or ``test`` of each image.
        names: name of each image below ``images``, with /; ``None`` takes those of ``names_below``.
        place: ``copy`` the images, or make a ``hardlink`` or a ``symlink`` to each.
        report: kept as ``report.json``.
        progress: called with (images done, of all).

    Returns:
        Number of images by split.

    Raises:
        BadInputError: ``out`` is not empty, an unknown ``place``, or there is nothing to write.
    """
    require_new(out)
    if place not in PLACERS:
        raise BadInputError("unknown way to place images", expected=", ".join(PLACERS), found=repr(place))
    images = images_of(reading)
    if not images:
        raise BadInputError("nothing to write: the source has no images", where=str(out))
    names = names_below([p.path for p in images]) if names is None else names
    with made_aside(out) as made:
        (made / "annotations").mkdir(parents=True)
        for i, image in enumerate(images, 1):
            place_image(image.path, made / "images" / names[image.path], place)
            if progress is not None:
                progress(i, len(images))
        counts = _annotations(reading, images, names, splits, made / "annotations")
        reading.schema.save(made / SCHEMA_FILE)
        content = {**(report or {}), "place": place, EXIF: APPLIED}
        (made / REPORT_FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return counts


def images_of(reading: AnnotationSet) -> list[ImageInfo]:
    """List every image of a reading once.

    Args:
        reading: records and backgrounds.

    Returns:
        The images in the order of the records and then the backgrounds.
    """
    found = {r.image: ImageInfo(r.image, r.width, r.height) for r in reading.records}
    found.update({p.path: p for p in reading.backgrounds if p.path not in found})
    return list(found.values())


def coco_category(schema: KeypointSchema, number: int, name: str) -> dict:
    """Build a COCO category that says everything about its keypoints.

    Args:
        schema: the category's keypoints.
        number: the category's id.
        name: the category's name.

    Returns:
        The entry of ``categories``, with our ``flip_pairs``, ``unpaired``, ``flips``, ``sigmas`` and ``sigmas_source``.
    """
    return {
        "id": number,
        "name": name,
        "keypoints": list(schema.keypoints),
        "skeleton": [[a + 1, b + 1] for a, b in schema.skeleton_indices],
        "flip_pairs": [list(pair) for pair in schema.flip_pairs],
        "unpaired": list(schema.unpaired),
        "flips": schema.flips,
        "sigmas": list(schema.sigmas),
        "sigmas_source": schema.sigmas_source,
    }


def coco_image(image: ImageInfo, number: int, name: str, reading: AnnotationSet) -> dict:
    """Build one entry of ``images``.

    Args:
        image: the image.
        number: its id.
        name: its file name.
        reading: has what else the source said of it.

    Returns:
        The entry.
    """
    own = {"id": number, "file_name": name, "width": image.width, "height": image.height}
    return {**own, **reading.image_keys.get(image.path, {})}


def coco_annotation(
    record: PoseRecord, number: int, image_id: int, category_id: int, points: Sequence[int] | None = None
) -> dict:
    """Build one COCO annotation.

    Args:
        record: the instance, K keypoints.
        number: the annotation's id.
        image_id: the id of its image.
        category_id: the id of its category.
        points: indices of the keypoints that the category has; ``None`` takes all K.

    Returns:
        The entry of ``annotations``; absent keypoints are 0, 0, 0, and the box is x, y, width, height in pixels.
    """
    keypoints = record.keypoints if points is None else record.keypoints[list(points)]
    return {
        "id": number,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": [round(v, 3) for v in xyxy_to_xywh(record.bbox).tolist()],
        "area": round(record.area, 3),
        "iscrowd": int(record.crowd),
        "num_keypoints": record.num_labelled,
        "keypoints": [
            round(v, 3) if i % 3 < 2 else int(v) for i, v in enumerate(keypoints.reshape(-1).tolist())
        ],
    }


def _annotations(
    reading: AnnotationSet,
    images: list[ImageInfo],
    names: Mapping[Path, str],
    splits: Mapping[Path, str],
    folder: Path,
) -> dict[str, int]:
    """Write one file per split; ids are unique across all of them."""
    # the keypoints of a category without records are in the schema too
    used = {r.category for r in reading.records} | set(reading.category_keypoints)
    categories = {name: i for i, name in enumerate(sorted(used) or ["object"], 1)}
    schema = reading.schema
    own = {name: reading.category_keypoints.get(name, schema.keypoints) for name in categories}
    numbers = {image.path: i for i, image in enumerate(images, 1)}
    entries: dict[str, list] = {s: [] for s in SPLITS}
    annotations: dict[str, list] = {s: [] for s in SPLITS}
    for image in images:
        entries[splits[image.path]].append(coco_image(image, numbers[image.path], names[image.path], reading))
    for i, record in enumerate(reading.records, 1):
        points = schema.indices_of(own[record.category])
        annotation = coco_annotation(record, i, numbers[record.image], categories[record.category], points)
        annotations[splits[record.image]].append(annotation)
    shared = [coco_category(schema.subset(own[name]), number, name) for name, number in categories.items()]
    for split in SPLITS:
        content = {"images": entries[split], "annotations": annotations[split], "categories": shared}
        (folder / f"{split}.json").write_text(json.dumps(content), encoding="utf-8")
    return {split: len(entries[split]) for split in SPLITS}


def names_below(paths: Sequence[Path]) -> dict[Path, str]:
    """Name images below ``images``: relative to their common folder, with / on every system.

    Args:
        paths: the images, at least one.

    Returns:
        The name of each image, by its path.
    """
    root = Path(os.path.commonpath([p.parent for p in paths]))
    return {p: p.relative_to(root).as_posix().replace("\\", "/") for p in paths}


def place_image(source: Path, target: Path, place: str) -> None:
    """Bring an image into a new folder.

    Args:
        source: the image.
        target: where it goes; its folder is made if needed.
        place: ``copy``, ``hardlink`` or ``symlink``.

    Raises:
        BadInputError: it does not exist, the disk is full, or it cannot be linked there, as from an archive.
    """
    if place != "copy" and not source.is_file() and is_file(source):
        raise BadInputError(
            f"image cannot be placed by a {place}",
            where=str(source),
            expected="a file on the disk",
            todo="--place copy",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if place == "symlink":
            target.symlink_to(source.resolve())
        elif place == "hardlink":
            target.hardlink_to(source.resolve())
        else:
            copy_file(source, target)
    except OSError as error:
        raise BadInputError(
            f"image cannot be placed ({error.strerror})", where=str(source),
            todo="is the disk full? or use --place copy" if source.is_file() else "restore it",
        ) from error  # fmt: skip
