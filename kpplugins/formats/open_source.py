"""Open a source in any known format as an ``AnnotationSet``."""

import inspect
from pathlib import Path
from typing import Any

from kpplugins.data.annotation_set import SCHEMA_FILE, SPLITS_FILE, AnnotationSet
from kpplugins.data.coco.writer import images_of
from kpplugins.data.split_file import read_splits
from kpplugins.formats.registry import Format, by_name, detect
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError


def open_source(
    source: Path,
    *,
    from_format: str | None = None,
    extract_to: Path | None = None,
    skip_bad: bool = False,
    **options: Any,
) -> tuple[Format, AnnotationSet]:
    """Read a source with the reader of its format.

    A ``schema.json`` in the source folder overrides what the annotation says about its keypoints, a ``splits.json`` how
    it divides its images.

    Args:
        source: file or folder.
        from_format: the format's name; ``None`` detects it.
        extract_to: folder for images stored inside annotation files (Kaggle's CSV, TFRecord); it may not exist yet.
        skip_bad: skip bad entries; they are in ``AnnotationSet.faults``.
        **options: further arguments of the format's reader, e.g. ``subset`` or ``names``; ``None`` is left out.

    Returns:
        The format and what was read.

    Raises:
        BadInputError: see the reader; an option that it does not know; a format that holds its images inside, without
            ``extract_to``; or a ``schema.json`` of other keypoints.
    """
    known = by_name(from_format) if from_format else detect(source)
    chosen = {key: value for key, value in options.items() if value is not None}
    parameters = inspect.signature(known.reader).parameters
    unknown = [key for key in chosen if key not in parameters]
    if unknown:
        raise BadInputError(f"format {known.name} has no option {unknown[0]!r}", where=f"--{unknown[0]}")
    if "extract_to" in parameters:
        if extract_to is None:
            raise BadInputError(
                "the images are inside the annotation file", where=str(source),
                todo="convert it first: kpplugins dataset convert SOURCE --out DIR, or give extract_to",
            )  # fmt: skip
        chosen["extract_to"] = extract_to
    reading = known.read(source, skip_bad=skip_bad, **chosen)
    if (source / SCHEMA_FILE).is_file():
        reading.under(KeypointSchema.load(source / SCHEMA_FILE), str(source / SCHEMA_FILE))
    if (source / SPLITS_FILE).is_file():
        reading.splits = read_splits(source, [image.path for image in images_of(reading)])
    return known, reading
