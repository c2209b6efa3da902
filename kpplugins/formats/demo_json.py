"""Predictions as ``kpplugins demo`` writes them: one ``NAME.json`` per image, or JSON Lines of all of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data import ImageInfo
from kpplugins.data.annotation_set import SCHEMA_FILE, AnnotationSet
from kpplugins.data.coco.writer import images_of
from kpplugins.data.faults import settle_faults
from kpplugins.data.images import SUFFIXES
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.image_files import measure_image
from kpplugins.data.parsing.text import annotation_files, sniff
from kpplugins.data.parsing.values import as_dict, as_list, as_name, as_number, as_numbers, as_size
from kpplugins.formats.frames.frame_log import SUFFIX
from kpplugins.formats.frames.frames_coco import ENDINGS
from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.formats.writing.content import Content
from kpplugins.formats.writing.predicted import Prediction, as_states, predicted_content
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import infer_schema
from kpplugins.structures import BadInputError

_TAKE_FRAMES = "take its frames out (ffmpeg -i VIDEO frame_%06d.png) and run kpplugins demo on these"
_WORDS = ('"instances"', '"frames"', '"kpplugins_frames"')
"""One of these stands in every such file."""


@dataclass(frozen=True)
class _Sheet:
    """One image: the file that it is from, its name and size, and what was found in it."""

    path: Path
    image: str
    size: tuple[int, int]
    names: tuple[str, ...]
    predictions: tuple[Prediction, ...]


def is_demo(source: Path) -> bool:
    """Tell whether a source looks like predictions of ``kpplugins demo``; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    return any(
        text.startswith("{") and '"keypoint_names"' in text and any(word in text for word in _WORDS)
        for text in sniff(source, (".json", SUFFIX))
    )


def read_demo(source: Path, images: Path | None, threshold: float | None, skip_bad: bool) -> Content:
    """Read predictions and their images; images without predictions are ignored.

    Of a folder the ``NAME.json`` are read, or where it has none its JSON Lines.

    Args:
        source: a JSON file, JSON Lines, or the folder of them.
        images: the folder that contains the images, also in subfolders.
        threshold: see ``predicted_content``.
        skip_bad: skip bad files.

    Returns:
        What is to be written.

    Raises:
        BadInputError: ``images`` is not given; a video's file; files of different keypoints; an image that is
            missing, in two places, or of another size; a file that is malformed.
    """
    if images is None:
        raise BadInputError(
            "these predictions name their images without folder",
            where=str(source),
            expected="the folder of the original images, not of the drawn ones",
            todo="give --images DIR",
        )
    by_name: dict[str, list[Path]] = {}
    for path in annotation_files(images, SUFFIXES, deep=True):
        by_name.setdefault(path.name, []).append(path)

    def image_of(sheet: _Sheet) -> ImageInfo:
        path = _only(by_name.get(sheet.image, []), sheet, str(images))
        return measure_image(path, str(sheet.path), sheet.size)

    faults: list[BadInputError] = []
    sheets = _sheets(source, None, faults)
    found = _by_image(sheets, image_of, faults)
    if not found and not faults:
        raise BadInputError("no predictions here", where=str(source), expected="NAME.json of kpplugins demo")
    names = sheets[0].names if sheets else ("none",)
    settle_faults(faults, skip_bad)
    schema = _schema(source, names)
    if not found:
        raise BadInputError("no usable predictions here", where=str(source), found=str(faults[0]))
    return predicted_content(
        schema, list(found), {p.path: _called(sheet, schema.name) for p, sheet in found.items()},
        threshold, origin=source.name, faults=faults,
    )  # fmt: skip


def _schema(source: Path, names: tuple[str, ...]) -> KeypointSchema:
    """Read the run's schema, which the demo writes beside its results; else infer one from the names."""
    kept = source / SCHEMA_FILE
    if not kept.is_file():
        return infer_schema("object", names)
    return (
        AnnotationSet(infer_schema("object", names))
        .under(KeypointSchema.load(kept), str(kept))
        .schema.subset(names)
    )


def _called(sheet: _Sheet, category: str) -> tuple[Prediction, ...]:
    """Return the predictions; those without a category get this one."""
    return tuple(
        replace(prediction, category=category) if prediction.category == Prediction.category else prediction
        for prediction in sheet.predictions
    )


def match_demo(reading: AnnotationSet, predictions: Path, threshold: float | None, skip_bad: bool) -> Content:
    """Put predictions in place of the records of ``reading``, on the same images, matched by file name.

    Args:
        reading: gives images, splits and schema.
        predictions: a JSON file, JSON Lines, or the folder of them.
        threshold: see ``predicted_content``.
        skip_bad: skip bad files.

    Returns:
        What is to be written.

    Raises:
        BadInputError: other keypoints than those of ``reading``; an image that is not in ``reading``, or twice, or of
            another size; a file that is malformed, or a video's.
    """
    by_name: dict[str, list[ImageInfo]] = {}
    for image in images_of(reading):
        by_name.setdefault(image.path.name, []).append(image)

    def image_of(sheet: _Sheet) -> ImageInfo:
        image = _only(by_name.get(sheet.image, []), sheet, "the source")
        if sheet.size != (image.width, image.height):
            raise BadInputError(
                "prediction is of an image of another size",
                where=str(sheet.path),
                expected=f"{image.width}×{image.height}",
                found=f"{sheet.size[0]}×{sheet.size[1]}",
                todo="predict the source's images",
            )
        return image

    faults: list[BadInputError] = []
    sheets = _sheets(predictions, reading.schema, faults)
    found = _by_image(sheets, image_of, faults)
    settle_faults(faults, skip_bad)
    return predicted_content(
        reading.schema, images_of(reading), {p.path: sheet.predictions for p, sheet in found.items()},
        threshold, origin=predictions.name, splits=reading.splits, faults=[*reading.faults, *faults],
    )  # fmt: skip


def _only(found: Sequence[Any], sheet: _Sheet, folder: str) -> Any:
    if len(found) != 1:
        raise BadInputError(
            "prediction fits two images" if found else "prediction of an unknown image",
            where=str(sheet.path),
            expected=f"one image called {sheet.image!r} in {folder}",
            found=str(len(found)),
            todo="give the folder that was predicted, or give the images different names",
        )
    return found[0]


def _by_image(
    sheets: Sequence[_Sheet], image_of: Callable[[_Sheet], ImageInfo], faults: list[BadInputError]
) -> dict[ImageInfo, _Sheet]:
    found: dict[ImageInfo, _Sheet] = {}
    for sheet in sheets:
        try:
            image = image_of(sheet)
            if image in found:
                raise BadInputError(
                    "image is predicted twice", where=str(sheet.path), found=str(found[image].path)
                )
            found[image] = sheet
        except BadInputError as fault:
            faults.append(fault)
    return found


def _sheets(source: Path, schema: KeypointSchema | None, faults: list[BadInputError]) -> list[_Sheet]:
    """Read every file of ``source``; all must have the keypoints of ``schema``, or of the first file."""
    sheets: list[_Sheet] = []
    expected = schema.keypoints if schema is not None else None
    for path in _files(source):
        try:
            for sheet in _parsed(path):
                expected = expected or sheet.names
                if sheet.names != expected:
                    raise BadInputError(
                        "prediction has other keypoints",
                        where=str(path),
                        expected=f"{len(expected)}: {', '.join(expected)}",
                        found=f"{len(sheet.names)}: {', '.join(sheet.names)}",
                        todo="predict with a model of the same keypoints",
                    )
                sheets.append(sheet)
        except BadInputError as fault:
            faults.append(fault)
    return sheets


def _files(source: Path) -> list[Path]:
    """List the files with predictions, without what was made of JSON Lines for other programs."""
    found = [path for path in annotation_files(source, (".json",)) if not _is_made(path)]
    return found or annotation_files(source, (SUFFIX,))


def _is_made(path: Path) -> bool:
    return any(
        path.name.endswith(end) and path.with_name(path.name.removesuffix(end) + SUFFIX).is_file()
        for end in ENDINGS
    )


def _parsed(path: Path) -> Iterator[_Sheet]:
    """Yield what a file says of its image, or of each of its images that could be read."""
    if path.suffix != SUFFIX:
        yield _parse(path)
        return
    frames = PredictedFrames(path)
    if frames.head.get("kind") != "images":
        raise _of_video(str(path))
    for frame in frames:
        if "fault" not in frame:
            yield _sheet(frame, frames.names, path, f"{path}: frame {frame['frame']}")


def _of_video(where: str) -> BadInputError:
    return BadInputError(
        "prediction of a video, which annotation tools for images do not take", where=where,
        expected="predictions of images", todo=_TAKE_FRAMES,
    )  # fmt: skip


def _parse(path: Path) -> _Sheet:
    where = str(path)
    content = as_dict(load_json(path), "the file", where)
    if "frames" in content:
        raise _of_video(where)
    names = tuple(
        as_name(n, "keypoint name", where)
        for n in as_list(content.get("keypoint_names"), "'keypoint_names'", where)
    )
    if len(set(names)) != len(names) or not names:
        raise BadInputError(
            "keypoint names must be unique and at least one", where=where, found=str(names)[:80]
        )
    return _sheet(content, names, path, where)


def _sheet(content: dict[str, Any], names: tuple[str, ...], path: Path, where: str) -> _Sheet:
    return _Sheet(
        path,
        as_name(content.get("image"), "'image'", where),
        as_size(content.get("width"), content.get("height"), where),
        names,
        tuple(
            _prediction(entry, len(names), path, f"{where}: instances[{i}]")
            for i, entry in enumerate(as_list(content.get("instances"), "'instances'", where))
        ),
    )


def _prediction(entry: Any, k: int, path: Path, where: str) -> Prediction:
    entry = as_dict(entry, "instance", where)
    listed = as_list(entry.get("keypoints"), "keypoints", where)
    rows = [as_numbers(row, "keypoint", where, 3) for row in listed]
    if len(rows) != k:
        raise BadInputError(
            "wrong number of keypoints", where=where, expected=f"{k} of x, y, score", found=str(len(rows))
        )
    points = np.stack(rows)
    given = entry.get("bbox")
    box = None if given is None else as_numbers(given, "bbox", where, 4)
    score = entry.get("score")
    mean = float(points[:, 2].mean())
    named = entry.get("category")
    category = Prediction.category if named is None else as_name(named, "category", where)
    score = mean if score is None else as_number(score, "score", where)
    return Prediction(points, box, score, path, where, category, as_states(entry.get("states"), k, where))
