"""Examine a data set before training on it."""

import json
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from kpplugins.curation.check_report import CheckReport
from kpplugins.curation.checks import (
    areas,
    boxes,
    categories,
    corners,
    coverage,
    faults,
    outliers,
    person,
    points,
    sides,
)
from kpplugins.curation.checks.finding import SEVERITIES, Finding
from kpplugins.curation.checks.images import duplicates, files, splits, videos
from kpplugins.curation.checks.images.looks import Looks, look_at
from kpplugins.curation.checks.material import Material
from kpplugins.curation.checks.raw_coco import read_raw
from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import images_of
from kpplugins.data.images import TYPE_RANGE
from kpplugins.data.pixel_rule import PixelRule
from kpplugins.formats.open_source import open_source
from kpplugins.formats.registry import by_name, detect
from kpplugins.storage.files import exists
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path
from kpplugins.structures.replaced_file import replace_bytes

CHECKS: tuple[Callable[[Material], list[Finding]], ...] = (
    faults.unread,
    files.undecodable,
    files.grey_levels,
    duplicates.exact,
    duplicates.near,
    corners.corner_boxes,
    areas.areas,
    boxes.boxes_outside_image,
    boxes.without_size,
    boxes.without_points,
    boxes.other_size,
    points.keypoints_outside_image,
    points.in_the_corner,
    points.at_one_place,
    points.copied,
    points.visibility,
    points.stated_counts,
    sides.exchanged,
    outliers.outliers,
    categories.categories,
    categories.names,
    person.not_a_person,
    coverage.keypoints,
    coverage.unlabelled,
    splits.parts,
    splits.groups,
    videos.leaks,
)
"""All checks."""


def check(
    source: str | Path,
    *,
    from_format: str | None = None,
    out: str | Path | None = None,
    group_by: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    pixels: dict[str, Any] | None = None,
    **options: Any,
) -> CheckReport:
    """Examine a data set in any known format.

    Args:
        source: file or folder.
        from_format: the format's name; ``None`` detects it.
        out: folder for ``check.json`` and ``check.html``, made if needed; ``None`` writes nothing.
        group_by: regular expression on an image's path, as ``convert`` takes it: images whose first group (or whole
            match) is the same should be in one split. ``None`` guesses videos from names and content.
        progress: called with (images done, of all).
        pixels: how images of more than 8 bits become 8 bits, as in a config. Default: the range of their type.
        **options: of ``open_source``, e.g. ``names``.

    Returns:
        The findings. A source in a known format that cannot be opened at all is one finding.

    Raises:
        BadInputError: there is no such source, no format recognises it, or ``group_by`` is not a regular expression or
            matches no image.
    """
    source, out = as_path(source), None if out is None else Path(out)
    known = by_name(from_format) if from_format else detect(source)
    if not exists(source):
        raise BadInputError("no such file or folder", where=str(source))
    with tempfile.TemporaryDirectory(prefix="kpplugins-check-") as extracted, _without_warnings():
        try:
            _, reading = open_source(
                source, from_format=known.name, extract_to=Path(extracted), skip_bad=True, **options
            )
        except BadInputError as error:
            report = CheckReport(source, known.name, (faults.fault_finding(error, source),))
            return _write(report, [], out, Path(extracted))
        report = examine(material_of(source, known.name, reading, group_by, progress, PixelRule.of(pixels)))
        return _write(report, reading.records, out, Path(extracted))


def material_of(
    source: Path,
    format_name: str,
    reading: AnnotationSet,
    group_by: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    rule: PixelRule = TYPE_RANGE,
    looks: Looks | None = None,
) -> Material:
    """Gather what the checks examine; every image is decoded.

    Args:
        source: the file or folder.
        format_name: name of its format.
        reading: what was read.
        group_by: see ``check``.
        progress: called with (images done, of all).
        rule: how images of more than 8 bits become 8 bits.
        looks: of its images, where they have been decoded already.

    Returns:
        The material.
    """
    looks = looks or look_at(images_of(reading), progress, rule)
    raw = tuple(read_raw(reading)) if format_name == "coco" else ()
    return Material(source, format_name, reading, looks, raw, group_by)


def examine(material: Material) -> CheckReport:
    """Run every check.

    Args:
        material: the data set.

    Returns:
        The report, findings sorted worst first; see ``check``.
    """
    found = [finding for look in CHECKS for finding in look(material)]
    exchanged = {f.instance for f in found if f.check == "left-right-exchanged"}
    found = [f for f in found if f.check != "point-outlier" or f.instance not in exchanged]
    kinds = {kind: i for i, kind in enumerate(dict.fromkeys(f.check for f in found))}
    found.sort(key=lambda f: (SEVERITIES.index(f.severity), kinds[f.check]))
    splits = Counter(material.reading.splits.get(p.path, "train") for p in material.images)
    return CheckReport(
        material.source, material.format, tuple(found), len(material.images), len(material.records),
        tuple(splits.items()) if material.reading.splits else (), material.reading.schema,
    )  # fmt: skip


def with_own_paths(report: CheckReport, extracted: Path) -> CheckReport:
    """Name images that were extracted from an annotation file as if they were inside it.

    Args:
        report: what was found.
        extracted: the folder that they were extracted to.

    Returns:
        The report with other paths.
    """
    named = tuple(
        replace(
            f,
            file=inside_source(f.file, extracted, report.source),
            image=f.image and inside_source(f.image, extracted, report.source),
            beside=f.beside and inside_source(f.beside, extracted, report.source),
        )  # fmt: skip
        for f in report.findings
    )
    return replace(report, findings=named)


def _write(report: CheckReport, records: list[PoseRecord], out: Path | None, extracted: Path) -> CheckReport:
    """Write both files."""
    shown = with_own_paths(report, extracted)
    if out is None:
        return shown
    from kpplugins.curation.check_page import write_page

    out.mkdir(parents=True, exist_ok=True)
    write_page(report, records, out / "check.html")
    content = json.dumps(shown.to_json(), indent=1, ensure_ascii=False) + "\n"
    replace_bytes(out / "check.json", content.encode("utf-8", "backslashreplace"))
    return shown


def inside_source(path: Path, extracted: Path, source: Path) -> Path:
    """Name an image that was extracted from an annotation file as if it were inside it.

    Args:
        path: the image.
        extracted: the folder that images were extracted to.
        source: the file or folder that was read.

    Returns:
        The path to show.
    """
    return source / path.relative_to(extracted) if path.is_relative_to(extracted) else path


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence the readers' log of faults; each fault is reported once, as a finding."""
    logger = logging.getLogger("kpplugins.data.faults")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
