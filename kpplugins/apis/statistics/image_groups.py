"""Which test images belong together: frames of a video, images of a person, crops of an image."""

import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kpplugins.curation.checks.images.videos import propose_pattern, sequences, video_names
from kpplugins.curation.convert import group_of
from kpplugins.data.origins import image_of_crops
from kpplugins.data.parsing.documents import load_json
from kpplugins.datasets.wrapped import inner_datasets
from kpplugins.storage.files import is_file
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path

logger = logging.getLogger(__name__)
KEY = "key:"
"""Begin of a ``group_by`` that names a key of the annotation file's images."""


def image_groups_of(images: Sequence[str], group_by: str | None, dataset: Any) -> list[str]:
    """Return what the images of a test that belong together have in common.

    Args:
        images: paths of the images.
        group_by: a regular expression on their paths below the data folder, whose first group (else whole match)
            counts; or ``key:NAME``, a key of the image records of the annotation file. ``None`` keeps crops of one
            image together, where the data are crops.
        dataset: of the test; may wrap others.

    Returns:
        A name for each image; its own path where it stands alone.

    Raises:
        BadInputError: an invalid expression, one that matches no image, or a key that an image does not have.
    """
    roots = [
        as_path(inner.data_root) for inner in inner_datasets(dataset) if getattr(inner, "data_root", None)
    ]
    if group_by is not None and group_by.startswith(KEY):
        return _by_key(images, group_by.removeprefix(KEY), _annotation_files(dataset))
    if group_by is None:
        functions = [found for root in roots if (found := image_of_crops(root)) is not None]
        return [next((str(f(Path(i))) for f in functions if f(Path(i)) != i), i) for i in images]
    root = next((r for r in roots if all(Path(i).is_relative_to(r) for i in images)), None)
    groups = [group_of(Path(image), group_by, root) for image in images]
    alone = sum(group == Path(image).as_posix() for group, image in zip(groups, images, strict=True))
    if images and alone == len(images):
        example = Path(images[0]).relative_to(root) if root else Path(images[0])
        raise BadInputError(
            "the pattern matches no test image", where="--group-by", found=repr(group_by),
            expected=f"part of a path such as {example.as_posix()}, or {KEY}NAME of the annotation file's images",
        )  # fmt: skip
    if alone:
        logger.warning(
            "--group-by matches %d of %d test images; each of the others stands alone",
            len(images) - alone, len(images),
        )  # fmt: skip
    return groups


def videos_in_words(images: Sequence[str]) -> str | None:
    """Say that test images are frames of videos, if their names do.

    Args:
        images: paths of the images.

    Returns:
        A sentence with the pattern that keeps them together; ``None`` if the names do not say so.
    """
    everything = sequences([Path(image) for image in images])
    found = [sequence for sequence in everything if video_names(sequence)]
    if not found:
        return None
    count = sum(len(sequence.paths) for sequence in found)
    return (
        f"{count} of the images are named as frames of {len(found)} video{'s' * (len(found) > 1)}, and frames of one "
        f"video are not independent: --group-by '{propose_pattern(found[0], everything)}'"
    )


def _annotation_files(dataset: Any) -> list[Path]:
    """Return the JSON files that a dataset's samples may come from, those of its own split first."""
    files: list[Path] = []
    for inner in inner_datasets(dataset):
        found = inner.files_read() if hasattr(inner, "files_read") else []
        stated = getattr(inner, "ann_file", "")
        found = [as_path(stated), *found] if stated else list(found)
        split = str(getattr(inner, "split", ""))
        files += sorted(found, key=lambda file: split not in file.stem)
    return [file for file in dict.fromkeys(files) if file.suffix == ".json" and is_file(file)]


def _by_key(images: Sequence[str], key: str, files: Iterable[Path]) -> list[str]:
    """Return the value of a key of each image's record."""
    found: dict[str, str] = {}
    looked: list[Path] = []
    for file in files:
        content = load_json(file)
        records = content.get("images") if isinstance(content, dict) else None
        if not isinstance(records, list):
            continue
        looked.append(file)
        by_name = {str(record.get("file_name")): record for record in records if isinstance(record, dict)}
        for image in images:
            record = None if image in found else _record(image, by_name)
            if record is not None and record.get(key) is None:
                raise BadInputError(
                    f"image without {key!r}", where=str(file), expected="a key of every image record",
                    found=f"{', '.join(record)} in that of {record['file_name']}",
                    todo="name another: --group-by key:NAME",
                )  # fmt: skip
            if record is not None:
                found[image] = f"{key} {json.dumps(record[key], ensure_ascii=False)}"
        if len(found) == len(set(images)):
            return [found[image] for image in images]
    missing = next(image for image in images if image not in found)
    raise BadInputError(
        "no record of a test image", where=", ".join(map(str, looked)) or f"--group-by {KEY}{key}", found=missing,
        expected="an annotation file with `images`", todo="give a regular expression on the paths",
    )  # fmt: skip


def _record(image: str, by_name: dict[str, Any]) -> Any:
    """Return the record whose file name the path ends in, the longest first."""
    parts = Path(image).parts
    return next((by_name[name] for i in range(len(parts)) if (name := "/".join(parts[i:])) in by_name), None)
