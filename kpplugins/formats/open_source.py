"""Open a source in any known format as an ``AnnotationSet``."""

import inspect
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.annotation_set import PRELABELS_FILE, SCHEMA_FILE, SPLITS_FILE, AnnotationSet
from kpplugins.data.coco.writer import images_of
from kpplugins.data.parsing.image_files import following_links, require_inside
from kpplugins.data.parsing.values import as_name
from kpplugins.data.split_file import read_splits
from kpplugins.formats.prelabels import read_prelabels
from kpplugins.formats.registry import FORMATS, Format, by_name, detect
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import numbered_names
from kpplugins.storage.files import is_file, is_folder
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path

logger = logging.getLogger(__name__)


def open_source(
    source: Path,
    *,
    from_format: str | None = None,
    extract_to: Path | None = None,
    skip_bad: bool = False,
    names: Sequence[str] | str | None = None,
    only_unnamed: bool = False,
    links: bool | None = None,
    **options: Any,
) -> tuple[Format, AnnotationSet]:
    """Read a source with the reader of its format.

    A ``schema.json`` in the source folder overrides what the annotation says about its keypoints, a ``splits.json`` how
    it divides its images, and a ``prelabels.json`` says what had been predicted for them.

    Args:
        source: file or folder.
        from_format: the format's name; ``None`` detects it.
        extract_to: folder for images stored inside annotation files (Kaggle's CSV, TFRecord); it may not exist yet.
        skip_bad: skip bad entries; they are in ``AnnotationSet.faults``.
        names: names of the K keypoints in the order of the source, in any format; or one comma-separated text.
        only_unnamed: a source that names its keypoints keeps its names.
        links: images, and their folders, may be links that lead out of the source.
        **options: further arguments of the format's reader, e.g. ``subset`` or ``images``; ``None`` is left out.

    Returns:
        The format and what was read.

    Raises:
        BadInputError: see the reader; images behind a link out of the source, without ``links``; an option that it does
            not know; a format that holds its images inside, without ``extract_to``; keypoints that are fractions of the
            image; not K ``names``; or a ``schema.json`` of other keypoints.
    """
    source = as_path(source)
    known = by_name(from_format) if from_format else detect(source)
    chosen = {key: value for key, value in options.items() if value is not None}
    parameters = inspect.signature(known.reader).parameters
    unknown = [key for key in chosen if key not in parameters]
    if unknown:
        having = [one.name for one in FORMATS if unknown[0] in inspect.signature(one.reader).parameters]
        raise BadInputError(
            f"format {known.name} has no option {unknown[0]!r}", where=f"--{unknown[0].replace('_', '-')}",
            expected=" or ".join(having),
        )  # fmt: skip
    if "images" in chosen:
        chosen["images"] = as_path(chosen["images"])
        if not is_folder(chosen["images"]):
            raise BadInputError("no such folder", where="--images", found=str(chosen["images"]))
    if "extract_to" in parameters:
        if extract_to is None:
            raise BadInputError(
                "the images are inside the annotation file", where=str(source),
                todo="convert it first: kpplugins dataset convert SOURCE --out DIR, or give extract_to",
            )  # fmt: skip
        chosen["extract_to"] = extract_to
    with following_links(bool(links)):
        reading = known.read(source, skip_bad=skip_bad, **chosen)
        given = [folder for folder in (chosen.get("images"), extract_to) if folder is not None]
        inside = [image.path for image in images_of(reading)]
        require_inside(source, [p for p in inside if not any(map(p.is_relative_to, given))])
    _require_pixels(reading, source)
    _name(reading, names, only_unnamed)
    if is_file(source / SCHEMA_FILE):
        reading.under(KeypointSchema.load(source / SCHEMA_FILE), str(source / SCHEMA_FILE))
    if is_file(source / SPLITS_FILE):
        reading.splits = read_splits(source, [image.path for image in images_of(reading)])
    if is_file(source / PRELABELS_FILE):  # what the tool itself kept is newer
        reading.predicted = read_prelabels(source, reading) | reading.predicted
    return known, reading


def _require_pixels(reading: AnnotationSet, source: Path) -> None:
    """Refuse keypoints from 0 to 1 where a format counts in pixels: all would lie in one corner of the image."""
    labelled = [r.keypoints[r.keypoints[:, 2] > 0, :2] for r in reading.records if not r.crowd]
    places = np.concatenate(labelled) if labelled else np.empty((0, 2))
    large = any(min(r.width, r.height) > 2 for r in reading.records)
    if large and len(places) > 1 and np.abs(places).max() <= 1 and (places % 1).any():
        raise BadInputError(
            "keypoints are fractions of the image", where=str(source), expected="pixels",
            found=f"all {len(places)} labelled keypoints between 0 and 1",
            todo="multiply x by the image's width and y by its height, boxes likewise",
        )  # fmt: skip


def _name(reading: AnnotationSet, names: Sequence[str] | str | None, only_unnamed: bool) -> None:
    """Give the keypoints the names that were asked for, or say that they have none."""
    k = reading.schema.num_keypoints
    unnamed = list(reading.schema.keypoints) == numbered_names(k)
    if names and (unnamed or not only_unnamed):
        plain = names.split(",") if isinstance(names, str) else names
        reading.name_keypoints([as_name(name, "name", "--names") for name in plain], "--names")
    elif unnamed:
        note = f"the source does not name its keypoints: they are called kpt_0 to kpt_{k - 1}; name them with --names"
        reading.notes.say(note)
        logger.warning("%s", note)
