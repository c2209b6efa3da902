"""Read a source in any known format as an ``AnnotationSet``, for use in your own code."""

from pathlib import Path
from typing import Any

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.formats.open_source import open_source


def load_annotations(
    source: str | Path,
    *,
    from_format: str | None = None,
    extract_to: str | Path | None = None,
    skip_bad: bool = False,
    **options: Any,
) -> AnnotationSet:
    """Read annotations in any known format.

    Args:
        source: file or folder.
        from_format: the format's name, e.g. ``cvat``; ``None`` detects it.
        extract_to: folder for images stored inside annotation files (Kaggle's CSV, TFRecord); it may not exist yet.
        skip_bad: skip bad entries; they are in ``AnnotationSet.faults``.
        **options: further arguments of the format's reader, e.g. ``subset`` or ``names``.

    Returns:
        The records, the schema of their keypoints, and all that could not be read.

    Raises:
        BadInputError: see ``open_source``.
    """
    folder = None if extract_to is None else Path(extract_to)
    return open_source(
        Path(source), from_format=from_format, extract_to=folder, skip_bad=skip_bad, **options
    )[1]
