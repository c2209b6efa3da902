"""Write annotations or predictions to a folder that annotation tools can open."""

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpplugins.curation.convert import loss_report
from kpplugins.data.aside import beside, made_aside, require_new
from kpplugins.data.coco.writer import Progress
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.split_file import write_splits
from kpplugins.formats.coco.results import match_results
from kpplugins.formats.coco.writer import write_plain_coco
from kpplugins.formats.cvat.writer import write_cvat
from kpplugins.formats.demo_json import is_demo, match_demo, read_demo
from kpplugins.formats.label_studio.writer import write_label_studio
from kpplugins.formats.labelme.writer import write_labelme
from kpplugins.formats.open_source import SCHEMA_FILE, open_source
from kpplugins.formats.prelabels import PreLabels
from kpplugins.formats.registry import by_name, detect
from kpplugins.formats.writing.content import Content
from kpplugins.formats.writing.folder import Lay, check_names, check_placer, layer
from kpplugins.formats.writing.limits import check_words
from kpplugins.formats.writing.predicted import check_threshold
from kpplugins.formats.yolo_pose.writer import write_yolo_pose
from kpplugins.structures import BadInputError


@dataclass(frozen=True)
class Target:
    """A format that can be written.

    Attributes:
        write: puts images and annotations into the new folder; returns what the format cannot hold.
        words: how to import the folder into the tool and export it again; ``{out}`` is the folder.
        plain: only boxes within images and names of one line are possible.
    """

    write: Callable[[Content, Path, Lay], Counter[str]]
    words: str
    plain: bool = True


TARGETS = {
    "coco": Target(
        write_plain_coco,
        "give {out}/annotations/*.json and {out}/images to any tool that takes COCO keypoints",
        False,
    ),
    "labelme": Target(write_labelme, "labelme {out} --nodata; then convert {out}"),
    "cvat": Target(
        write_cvat,
        "new task: paste {out}/labels.json under Labels > Raw, take the images of {out}/images; Actions > Upload "
        "annotations > CVAT 1.1: {out}/annotations.xml; export as 'CVAT for images 1.1' over it, convert {out}",
    ),
    "yolo": Target(write_yolo_pose, "yolo pose train data={out}/data.yaml model=yolo11n-pose.pt"),
    "labelstudio": Target(
        write_label_studio,
        "start label-studio with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={out}; new project: paste {out}/label_config.xml under Labeling "
        "Interface > Code, add {out}/images under Cloud Storage > Local files, import {out}/tasks.json; export as "
        "JSON over it, convert {out}",
    ),
}
"""The formats by the name that ``--to`` takes."""


def export_annotations(
    source: Path,
    out: Path,
    *,
    to: str,
    predictions: Path | None = None,
    images: Path | None = None,
    score_thr: float | None = None,
    place: str = "copy",
    from_format: str | None = None,
    names: Sequence[str] | None = None,
    skip_bad: bool = False,
    links: bool | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write labels, or predictions to correct, for an annotation tool.

    Everything is written beside ``out`` first and renamed at the end. ``out/schema.json`` keeps flip pairs, sigmas and
    skeleton for the way back, ``out/splits.json`` each image's split, and ``out/prelabels.json`` what was predicted.

    Args:
        source: anything that ``open_source`` reads, or predictions of ``kpplugins demo``: a JSON file or their folder.
        out: the folder to make; it must not exist, or be empty.
        to: a key of ``TARGETS``.
        predictions: take these instead of the labels of ``source``: a COCO results file (``source`` is COCO then), or
            JSON of ``kpplugins demo``.
        images: the folder of the images, if they are not beside the source.
        score_thr: see ``threshold`` of ``predicted_content``.
        place: ``copy`` the images, or make a ``hardlink`` to each.
        from_format: the source's format; ``None`` detects it.
        names: of the keypoints, if the format has none.
        skip_bad: skip bad entries and log how many and why.
        links: see ``open_source``.
        progress: called with (images done, of all).

    Returns:
        The report: that of ``loss_report``, with the target as ``format``; ``split``; ``predictions``, rules applied to
        them with counts; ``lost``, what the format cannot hold, with counts; ``import``, how to import it.

    Raises:
        BadInputError: an unknown ``to`` or ``place``; ``out`` is not empty; see the readers; nothing to write.
    """
    require_target(to)
    check_placer(place)
    check_threshold(score_thr)
    require_new(out)
    with beside(out) as passing:
        content = _read(source, predictions, images, passing, score_thr, skip_bad, from_format, names, links)
        if not content.images:
            raise BadInputError("nothing to write: the source has no images", where=str(source))
        lost = write_content(content, out, to=to, place=place, passing=passing, progress=progress)
    report = loss_report(content.reading, to, source)
    return {
        **report,
        "split": dict(Counter(split for split in content.split_names.values() if split)),
        "predictions": dict(content.counts),
        "lost": dict(lost),
        "import": TARGETS[to].words.format(out=out.resolve()),
    }


def require_target(to: str) -> None:
    """Raise BadInputError for a format that cannot be written.

    Args:
        to: its name.
    """
    if to not in TARGETS:
        raise BadInputError(
            "unknown format to write", where="--to", expected=", ".join(TARGETS), found=repr(to)
        )


def write_content(
    content: Content, out: Path, *, to: str, place: str, passing: Path, progress: Progress | None = None
) -> Counter[str]:
    """Write images and their instances in a format; all of it, or nothing.

    Args:
        content: what to write.
        out: the folder to make.
        to: a key of ``TARGETS``.
        place: ``copy`` the images, or make a ``hardlink`` to each.
        passing: a temporary folder; images in it are copied in any case.
        progress: called with (images done, of all).

    Returns:
        What the format cannot hold, with counts.

    Raises:
        BadInputError: names that annotation tools do not keep, or the disk is full.
    """
    target = TARGETS[to]
    if target.plain:
        check_words(content)
        check_names(content.names)
    with made_aside(out) as made:
        lay, laid = layer(made, place, progress, passing)
        lost = target.write(content, made, lay)
        content.reading.schema.save(made / SCHEMA_FILE)
        if content.scores is not None:
            _keep_predictions(content, made, laid)
        if target.plain and any(content.split_names.values()):
            write_splits(made, {name: content.split_names[path] for path, name in laid.items()})
    return +lost


def _keep_predictions(content: Content, made: Path, laid: Mapping[Path, str]) -> None:
    """Write what people will correct, so that it can be compared with what they make of it."""
    kept = PreLabels(content.reading.schema.keypoints, content.origin)
    for image in content.images:
        kept.add(laid[image.path], content.records_of(image), content.scores_of(image))
    kept.write(made)


def _read(
    source: Path,
    predictions: Path | None,
    images: Path | None,
    passing: Path,
    threshold: float | None,
    skip_bad: bool,
    from_format: str | None = None,
    names: Sequence[str] | None = None,
    links: bool | None = None,
) -> Content:
    """Read labels or predictions; images stored inside annotation files are extracted to ``passing``."""
    if from_format is None and is_demo(source):
        if predictions is not None:
            raise BadInputError(
                "the source is predictions already", where=str(source), todo="leave --predictions out"
            )
        return read_demo(source, images, threshold, skip_bad)
    known = by_name(from_format) if from_format else detect(source)
    parameters = inspect.signature(known.reader).parameters
    _, reading = open_source(
        source, from_format=known.name, extract_to=passing if "extract_to" in parameters else None,
        skip_bad=skip_bad, names=names, images=images, links=links,
    )  # fmt: skip
    if predictions is None:
        return Content(reading)
    if predictions.is_dir() or not isinstance(load_json(predictions), list):
        return match_demo(reading, predictions, threshold, skip_bad)
    if known.name != "coco":
        raise BadInputError(
            "COCO results need image ids, which only COCO annotations have", where=str(predictions),
            found=f"{source} in format {known.name}", todo="convert the source first",
        )  # fmt: skip
    return match_results(reading, source, predictions, threshold, skip_bad)
