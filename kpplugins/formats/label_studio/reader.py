"""Label Studio's exports JSON and JSON-MIN.

``keypointlabels`` are keypoints and ``rectanglelabels`` boxes, in percent of ``original_width`` and
``original_height``; a turned box is replaced by the upright one around it. A keypoint whose ``parentID`` is a box
belongs to it; without one, ``grouping`` decides (JSON-MIN has no ``parentID``). A region with the choice ``occluded``
has visibility 1. Other regions are ignored and counted; an image that has only those, for example polygons, is a
fault, because nobody has said that it is empty. Relations are not read.

What was predicted is read for comparison (``AnnotationSet.predicted``), where the export has it: of the prediction that
the annotation was made from, else of the task's last one.

Of several annotations of one task, the one that is marked as ground truth counts; cancelled ones do not.
"""

from pathlib import Path
from typing import Any

from kpplugins.data import ImageInfo
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import images_of
from kpplugins.data.grouping import (
    DrawnBox,
    DrawnKeypoint,
    Page,
    assemble,
    corners_of_sides,
    group_shapes,
    ignored_shapes,
    predicted_records,
)
from kpplugins.data.images import SUFFIXES
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.image_files import below
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.text import annotation_files, sniff
from kpplugins.data.parsing.values import as_dict, as_list, as_name, as_number, as_size
from kpplugins.data.record_builder import MARGIN
from kpplugins.formats.label_studio.addresses import spellings
from kpplugins.structures import BadInputError

_Result = tuple[dict[str, Any], str]
"""A result, and its place for messages."""
_POINT, _BOX, _CHOICES = "keypointlabels", "rectanglelabels", "choices"
_SILENT = (_CHOICES, "relation")
"""Results that are not regions themselves."""


def is_label_studio(source: Path) -> bool:
    """Tell whether a source looks like an export of Label Studio; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    return any(
        text.startswith("[")
        and (
            '"original_width"' in text
            or ('"data"' in text and ('"annotations"' in text or '"completions"' in text))
            or '"annotation_id"' in text
        )
        for text in sniff(source, (".json",))
    )


def read_label_studio(
    source: Path,
    *,
    images: Path | None = None,
    margin: float = MARGIN,
    annotation: int | None = None,
    rescale: bool = False,
    skip_bad: bool = False,
) -> AnnotationSet:
    """Read a Label Studio export, or every JSON file in a folder.

    Args:
        source: the file, or a folder with it. Images are looked for in ``images`` beside the file, then beside it,
            by the name in the task's data, with and without the prefixes that Label Studio gives to uploads.
        images: where the images are instead.
        margin: of derived boxes, see ``record_builder``.
        annotation: which annotation of a task to use if there are several, from 1; ``None`` requires a single one, or
            one that is marked as ground truth.
        rescale: see ``measure_image``.
        skip_bad: skip bad tasks and log how many and why, instead of stopping at the first.

    Returns:
        One record per instance; a task whose annotation is empty is a background.

    Raises:
        BadInputError: nothing is there, or something is bad and ``skip_bad`` is false.
    """
    files = annotation_files(source, (".json",))
    if not files:
        raise BadInputError(
            "no Label Studio file here", where=str(source), expected="a JSON export", todo="export as JSON"
        )
    pages: list[Page] = []
    predicted: list[Page] = []
    faults: list[BadInputError] = []
    notes = Notes()
    for path in files:
        try:
            if images is None:
                below(path.parent, path.name, str(path))
            tasks = as_list(load_json(path), "the file", str(path))
        except BadInputError as fault:
            faults.append(fault)
            continue
        folder = (
            ImageFolder(path.parent, ["images", ""], rescale=rescale)
            if images is None
            else ImageFolder(images, search=True, rescale=rescale)
        )
        for i, task in enumerate(tasks):
            try:
                page, before = _page(task, folder, path, f"{path} task[{i}]", annotation)
                pages.append(page)
                predicted += _predicted(before, page, notes)
            except BadInputError as fault:
                faults.append(fault)
        notes.say(*folder.notes)
    reading = assemble(source, pages, faults, margin=margin, skip_bad=skip_bad, notes=notes)
    used = {image.path for image in images_of(reading)}
    reading.predicted = predicted_records(
        [page for page in predicted if page.image.path in used], reading, margin
    )
    return reading


def _page(
    task: Any, folder: ImageFolder, source: Path, where: str, annotation: int | None
) -> tuple[Page, list[_Result]]:
    """Read a task; return what was annotated, and the results of what had been predicted."""
    task = as_dict(task, "task", where)
    before: list[_Result] = []
    if "data" in task or "annotations" in task or "completions" in task:
        chosen, place = _chosen(task, where, annotation)
        results = _results(chosen, place)
        before = _results_before(task, chosen, where)
        data = as_dict(task.get("data"), "data", where)
    else:
        results, data = _results_of_min(task, where), task
    declared = _declared(results, where)
    image = folder.find(spellings(_address(data, where)), where, declared=declared)
    return _read(results, image, source, where), before


def _predicted(before: list[_Result], page: Page, notes: Notes) -> list[Page]:
    """Read what had been predicted for a task; what cannot be read is only not compared, for nobody trains with it."""
    if not before:
        return []
    try:
        _declared(before, page.where)
        return [_read(before, page.image, page.source, f"{page.where} prediction")]
    except BadInputError:
        notes.count("prediction that cannot be read, not compared")
        return []


def _read(results: list[_Result], image: ImageInfo, source: Path, where: str) -> Page:
    occluded = {r["id"] for r, _ in results if _is_occluded(r) and isinstance(r.get("id"), str)}
    box_ids = {r.get("id") for r, _ in results if r.get("type") == _BOX and isinstance(r.get("id"), str)}
    keypoints, boxes, ignored = [], [], []
    for result, place in results:
        kind = as_name(result.get("type"), "type", place)
        if kind == _POINT:
            keypoints.append(_keypoint(result, image, box_ids, occluded, place))
        elif kind == _BOX:
            boxes.append(_box(result, image, place))
        elif kind not in _SILENT:
            ignored.append(kind)
    rules = ignored_shapes(ignored, bool(keypoints or boxes), where)
    return Page(image, source, where, group_shapes(keypoints, boxes, where), rules)


def _chosen(task: dict[str, Any], where: str, number: int | None) -> tuple[dict[str, Any], str]:
    """Return the annotation that counts, or annotation ``number`` from 1, with its place."""
    key = "annotations" if "annotations" in task else "completions"
    annotations = [
        (as_dict(a, "annotation", f"{where} {key}[{i}]"), f"{where} {key}[{i}]")
        for i, a in enumerate(as_list(task.get(key), key, where))
    ]
    valid = [pair for pair in annotations if pair[0].get("was_cancelled") is not True]
    truth = [pair for pair in valid if pair[0].get("ground_truth") is True]
    if number is not None:
        if not 1 <= number <= len(valid):
            raise BadInputError("task has no such annotation", where=where, expected=f"--annotation 1 to {len(valid)}",
                                found=str(number))  # fmt: skip
        valid, truth = [valid[number - 1]], []
    if len(truth) != 1 and len(valid) != 1:
        raise BadInputError(
            "task has several annotations" if valid else "task is not annotated",
            where=where,
            expected="one annotation, or one that is marked as ground truth",
            found=f"{len(valid)}, {len(truth)} of them ground truth",
            todo="mark one as ground truth in Label Studio, or choose: --annotation 1"
            if valid
            else "annotate it or leave it out",
        )
    return (truth if len(truth) == 1 else valid)[0]


def _results(said: dict[str, Any], place: str) -> list[_Result]:
    """Return the results of an annotation or a prediction, with their places."""
    results = as_list(said.get("result"), "result", place)
    return [
        (as_dict(r, "result", f"{place} result[{i}]"), f"{place} result[{i}]") for i, r in enumerate(results)
    ]


def _results_before(task: dict[str, Any], annotation: dict[str, Any], where: str) -> list[_Result]:
    """Return the results of the prediction that an annotation was made from; nothing if the export has none."""
    listed = task.get("predictions")
    offered = [annotation.get("prediction"), *reversed(listed if isinstance(listed, list) else [])]
    for one in offered:
        if isinstance(one, dict) and isinstance(one.get("result"), list):
            return [(r, f"{where} prediction") for r in one["result"] if isinstance(r, dict)]
    return []


def _results_of_min(task: dict[str, Any], where: str) -> list[_Result]:
    """Convert JSON-MIN's regions, where every tag of the labelling page is a key of the task, to JSON's results."""
    results = []
    for key, values in task.items():
        for i, value in enumerate(values if isinstance(values, list) else []):
            if not isinstance(value, dict) or "original_width" not in value:
                continue
            kinds = [k for k in value if k.endswith("labels")]
            result = {
                "type": kinds[0] if len(kinds) == 1 else "region",
                "value": value,
                **{k: value.get(k) for k in ("original_width", "original_height", "image_rotation")},
            }
            results.append((result, f"{where} {key[:40]!a}[{i}]"))
    return results


def _address(data: dict[str, Any], where: str) -> str:
    """Return the task's image: ``image`` or ``img``, else the only text with the suffix of an image."""
    for key in ("image", "img"):
        if key in data:
            return as_name(data[key], f"data.{key}", where)
    texts = [v for v in data.values() if isinstance(v, str) and spellings(v)[0].lower().endswith(SUFFIXES)]
    if len(texts) != 1:
        raise BadInputError(
            "task names no image",
            where=where,
            expected="data.image, or one text that ends in .jpg, .png …",
            found=f"{len(texts)} such texts",
        )
    return as_name(texts[0], "image", where)


def _declared(results: list[_Result], where: str) -> tuple[int, int] | None:
    """Return the size that all regions agree on; ``None`` if there are no regions."""
    sizes = set()
    for result, place in results:
        if result.get("type") in (_POINT, _BOX):
            sizes.add(as_size(result.get("original_width"), result.get("original_height"), place))
            if result.get("image_rotation") not in (None, 0):
                raise BadInputError(
                    "image was turned in Label Studio",
                    where=place,
                    expected="image_rotation 0",
                    found=ascii(result["image_rotation"])[:20],
                    todo="turn it back, or turn the file and annotate again",
                )
    if len(sizes) > 1:
        raise BadInputError(
            "regions name different sizes of the image", where=where, found=str(sorted(sizes)[:2])
        )
    return sizes.pop() if sizes else None


def _is_occluded(result: dict[str, Any]) -> bool:
    value = result.get("value")
    choices = value.get(_CHOICES) if result.get("type") == _CHOICES and isinstance(value, dict) else None
    return isinstance(choices, list) and any(isinstance(c, str) and c.lower() == "occluded" for c in choices)


def _label(value: dict[str, Any], kind: str, where: str) -> str:
    labels = as_list(value.get(kind), kind, where)
    if len(labels) != 1:
        raise BadInputError(
            "region must have one label", where=where, expected="one", found=f"{len(labels)} labels"
        )
    return as_name(labels[0], "label", where)


def _keypoint(
    result: dict[str, Any], image: ImageInfo, box_ids: set[Any], occluded: set[str], where: str
) -> DrawnKeypoint:
    value = as_dict(result.get("value"), "value", where)
    x, y = (as_number(value.get(side), side, where) for side in ("x", "y"))
    parent = result.get("parentID")
    if parent is not None and (not isinstance(parent, str) or parent not in box_ids):
        raise BadInputError(
            "parentID is not a box of the image",
            where=where,
            expected="the id of a rectangle",
            found=ascii(parent)[:40],
            todo="put the keypoint under its box in Label Studio",
        )
    hidden = isinstance(result.get("id"), str) and result["id"] in occluded
    name = _label(value, _POINT, where)
    width, height = image.annotated_size
    return DrawnKeypoint(name, x * width / 100, y * height / 100, hidden, parent or "")


def _box(result: dict[str, Any], image: ImageInfo, where: str) -> DrawnBox:
    value = as_dict(result.get("value"), "value", where)
    x, y, width, height = (as_number(value.get(k), k, where) / 100 for k in ("x", "y", "width", "height"))
    whole_width, whole_height = image.annotated_size
    corners = corners_of_sides(
        x * whole_width,
        y * whole_height,
        width * whole_width,
        height * whole_height,
        where,
        degrees=as_number(value.get("rotation", 0), "rotation", where),
    )
    group = result.get("id") if isinstance(result.get("id"), str) else ""
    return DrawnBox(corners, _label(value, _BOX, where), group or "")
