"""Convert a source in any known format, or several, to a folder in the inner format."""

import inspect
import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.curation.check import examine, inside_source, material_of, with_own_paths
from kpplugins.curation.checks.images.looks import look_at
from kpplugins.curation.corrections import correction_report
from kpplugins.curation.flips import FlipPairs, settle_flips
from kpplugins.curation.merge import Merged, Part, part_names
from kpplugins.curation.merge import merge as merge_parts
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.aside import beside, require_new
from kpplugins.data.coco.writer import Progress, images_of, write_coco
from kpplugins.data.faults import settle_faults
from kpplugins.data.repeats import repeated_instances
from kpplugins.data.splits import SPLITS, split_bounds, true_division
from kpplugins.formats.open_source import open_source
from kpplugins.formats.registry import Format, by_name, detect
from kpplugins.schema.measured_sigmas import with_measured_sigmas
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path

logger = logging.getLogger(__name__)
_WITHOUT_TEST = (80, 10, 0)
GroupBy = str | Callable[[Path], str] | None


def convert(
    source: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    merge: bool = False,
    from_format: str | None = None,
    ratios: Sequence[float] | None = None,
    seed: int = 0,
    group_by: str | None = None,
    category: str | None = None,
    place: str = "copy",
    skip_bad: bool = False,
    flip_pairs: FlipPairs = None,
    accept_flip_pairs: bool = False,
    checks: bool = True,
    progress: Progress | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Bring a source into ``out/images`` + ``out/annotations/{train,val,test}.json``.

    Args:
        source: file or folder, or several of them.
        out: the folder to make.
        merge: several sources become one set, see ``curation.merge``; each is divided by itself.
        from_format: the format's name; ``None`` detects it, of each source.
        ratios: shares of train, val and test; ``None`` keeps the source's own division, or uses 80, 10, 10 if it has
            none.
        seed: of the shuffle before dividing.
        group_by: regular expression on an image's path below ``source``; images whose first group (or whole match)
            is the same go into the same split, e.g. ``labeled-data/([^/]+)`` to keep each video in one split.
        category: category of all instances, overriding the source's; also the name of the keypoint set.
        place: ``copy``, ``hardlink`` or ``symlink``.
        skip_bad: skip bad entries and log how many and why.
        flip_pairs: all pairs of keypoints that change places in a mirrored image, ``"a:b"`` or ``("a", "b")``; ``[]``
            if there are none. ``None`` takes those that the source or the names state, if the labels do not contradict
            them; without any, the set is not flipped (see ``settled_flips``).
        accept_flip_pairs: use the pairs that the labels suggest.
        checks: run the checks of ``check`` on the source, and add what they find to the warnings.
        progress: called with (images done, of all).
        **options: further arguments of the format's reader, e.g. ``subset`` or ``names``; ``None`` is left out. Of
            several sources, those get an option whose format has it.

    Returns:
        The loss report, which is also written to ``out/report.json``: ``format``, ``instances``, ``images``,
        ``points`` (absent, occluded, visible), ``rules`` applied, ``skipped`` with reasons and counts,
        ``notes`` and ``warnings``, which hold what the checks found; ``pre-labels`` where a model had predicted what
        people then corrected, see ``correction_report``.

    Raises:
        BadInputError: see the reader, ``merge``, ``settle_flips`` and the writer; an option that no format's reader
            knows; or several sources without ``merge``, or one with it.
    """
    sources, out = [as_path(s) for s in ([source] if isinstance(source, (str, Path)) else source)], Path(out)
    if merge != (len(sources) > 1):
        raise BadInputError(
            "nothing to merge with" if merge else "several sources", where="--merge" if merge else "source",
            found=", ".join(map(str, sources)), todo="name two or more sources" if merge else "add --merge",
        )  # fmt: skip
    require_new(out)
    with beside(out) as extracted:
        opened = _open_all(sources, from_format, extracted, skip_bad, options)
        found = _findings(opened, sources, extracted, skip_bad, progress) if checks else []
        corrected = correction_report([reading for _, reading in opened])
        for _, reading in opened:
            if category is not None:
                reading.rename(category)
        splits = _divide([reading for _, reading in opened], sources, ratios, seed, group_by)
        whole = Merged(opened[0][1], splits[0])
        if merge:
            named = zip(part_names(sources), opened, splits, strict=True)
            whole = merge_parts([Part(name, reading, own) for name, (_, reading), own in named])
        reading = whole.reading
        warnings = (
            whole.warnings + settle_flips(reading, flip_pairs, accept_flip_pairs) + _measure_sigmas(reading)
        )
        formats = dict.fromkeys(known.name for known, _ in opened)
        report = loss_report(reading, " + ".join(formats), ", ".join(map(str, sources)))
        report["split"] = dict(Counter(whole.splits.values()))
        notes = [note for _, reading in opened for note in reading.notes.lines]
        warnings += [f"{kind}: {line}" for kind, line in found if kind != "note"]
        report["merged"], report["warnings"] = whole.notes, [*dict.fromkeys(notes), *warnings]
        report["notes"] = [line for kind, line in found if kind == "note"]
        if corrected is not None:
            report["pre-labels"] = corrected
        write_coco(
            reading,
            out,
            whole.splits,
            names=whole.names or None,
            place=place,
            report=report,
            progress=progress,
        )
    return report


def _open_all(
    sources: Sequence[Path], from_format: str | None, extracted: Path, skip_bad: bool, options: dict[str, Any]
) -> list[tuple[Format, AnnotationSet]]:
    """Open every source with the options that its format has; with all of them if no format has one."""
    formats = [by_name(from_format) if from_format else detect(source) for source in sources]
    has = [inspect.signature(known.reader).parameters for known in formats]
    nowhere = {
        key for key in options if not any(key in parameters for parameters in has)
    }  # names are of no reader
    return [
        open_source(
            source, from_format=known.name, extract_to=extracted / str(i), skip_bad=skip_bad,
            only_unnamed=len(sources) > 1,
            **{key: value for key, value in options.items() if key in parameters or key in nowhere},
        )
        for i, (source, known, parameters) in enumerate(zip(sources, formats, has, strict=True))
    ]  # fmt: skip


def _findings(
    opened: Sequence[tuple[Format, AnnotationSet]],
    sources: Sequence[Path],
    extracted: Path,
    skip_bad: bool,
    progress: Progress | None,
) -> list[tuple[str, str]]:
    """Return (severity, line) for each kind of finding at the sources, as ``check`` reports them.

    An image that cannot be decoded is a fault: it is not converted.
    """
    found: list[tuple[str, str]] = []
    for i, ((known, reading), source) in enumerate(zip(opened, sources, strict=True)):
        looks = look_at(images_of(reading), progress)
        shown = {path: inside_source(path, extracted / str(i), source) for path in looks.undecodable}
        _leave_out(reading, shown, skip_bad)
        looks = replace(looks, undecodable=())
        report = examine(material_of(source, known.name, reading, looks=looks))
        found += with_own_paths(report, extracted / str(i)).lines
    return found


def _leave_out(reading: AnnotationSet, images: Mapping[Path, Path], skip_bad: bool) -> None:
    """Make faults of images that cannot be decoded, given by path with the path to show."""
    todo = "fetch it again, or delete its annotations"
    faults = [
        BadInputError("image cannot be decoded", where=str(shown), todo=todo) for shown in images.values()
    ]
    if faults:
        reading.without(images.keys()).faults.extend(faults)
        settle_faults(faults, skip_bad, len(reading.records))


def _divide(
    readings: Sequence[AnnotationSet],
    sources: Sequence[Path],
    ratios: Sequence[float] | None,
    seed: int,
    group_by: str | None,
) -> list[dict[Path, str]]:
    """Divide every source; a pattern is for those whose images it matches, and must match those of one."""
    matches = [
        group_by is not None and any(_match(image.path, group_by, source) for image in images_of(reading))
        for reading, source in zip(readings, sources, strict=True)
    ]
    return [
        assign_splits(reading, ratios, seed, group_by if match or not any(matches) else None, source)
        for reading, source, match in zip(readings, sources, matches, strict=True)
    ]


def assign_splits(
    reading: AnnotationSet,
    ratios: Sequence[float] | None = None,
    seed: int = 0,
    group_by: GroupBy = None,
    root: Path | None = None,
) -> dict[Path, str]:
    """Assign a split to every image: the source's own where it has more than one, else shuffled groups.

    Args:
        reading: the annotations.
        ratios: shares of train, val and test; if given, they override the source's own division. Default: 80, 10, 10.
        seed: of the shuffle.
        group_by: see ``group_of``; if given, it also overrides the source's own division.
        root: the folder below which patterns are matched.

    Returns:
        Split by image path.

    Raises:
        BadInputError: wrong ratios, an invalid regular expression, or a pattern that matches no image.
    """
    images = [p.path for p in images_of(reading)]
    bounds = split_bounds(len(images), (80, 10, 10) if ratios is None else ratios)
    if group_by is None and ratios is None and (completed := _completed(reading, images, seed)):
        return completed
    groups: dict[str, list[Path]] = {}
    for path in images:
        groups.setdefault(group_of(path, group_by, root), []).append(path)
    if (
        isinstance(group_by, str)
        and len(groups) == len(images) > 1
        and not any(_match(p, group_by, root) for p in images)
    ):
        example = _below(images[0], root).as_posix()
        raise BadInputError("the pattern matches no image", where="--group-by", found=repr(group_by),
                            expected=f"part of a path such as {example}")  # fmt: skip
    names = sorted(groups)
    assigned: dict[Path, str] = {}
    shuffled = np.random.default_rng(seed).permutation(len(names)).tolist()
    for i in shuffled:  # a group goes where its first image falls
        split = SPLITS[int(np.searchsorted(bounds[1:], len(assigned), side="right"))]
        assigned.update(dict.fromkeys(groups[names[i]], split))
    return assigned


def _completed(reading: AnnotationSet, images: Sequence[Path], seed: int) -> dict[Path, str]:
    """Return the source's own division, with the images that it does not name in train; empty if it has none.

    Images beside those of a test set alone, such as ``trainval.json`` beside ``test.json``, are divided into train and
    val; a set with one part and nothing else is not divided.
    """
    own = {path: reading.splits[path] for path in images if path in reading.splits}
    rest = [path for path in images if path not in own]
    if not true_division(own) and not (rest and own and "train" not in own.values()):
        return {}
    divided = dict.fromkeys(rest, "train")
    if "val" not in own.values() and "train" not in own.values():
        last = split_bounds(len(rest), _WITHOUT_TEST)[1]
        order = np.random.default_rng(seed).permutation(len(rest))
        divided = {rest[i]: "train" if place < last else "val" for place, i in enumerate(order)}
    if rest:
        shares = ", ".join(f"{split} {n}" for split, n in Counter(divided.values()).items())
        logger.warning("%d images that the source puts into no split: %s", len(rest), shares)
    return {path: own.get(path) or divided[path] for path in images}


def _measure_sigmas(reading: AnnotationSet) -> list[str]:
    """Measure sigmas from repeated annotations, where the source gives none and they are not COCO's."""
    if not reading.schema.sigmas_are_default:
        return []
    annotations, area = repeated_instances(reading)
    if len(area):
        reading.schema, warnings = with_measured_sigmas(reading.schema, annotations, area)
        return warnings
    return []


def loss_report(reading: AnnotationSet, name: str, source: Path | str) -> dict[str, Any]:
    """Report what was read and what was not.

    Args:
        reading: the annotations.
        name: of the format.
        source: file or folder.

    Returns:
        Counts of images, instances and keypoints, the rules applied, and what was skipped.
    """
    visibility = Counter(int(v) for record in reading.records for v in record.keypoints[:, 2])
    words = {0: "absent", 1: "occluded", 2: "visible"}
    return {
        "format": name, "source": str(source), "images": len(images_of(reading)),
        "instances": len(reading.records), "unlabelled instances": sum(r.num_labelled == 0 for r in reading.records),
        "crowds": sum(r.crowd for r in reading.records), "images without instances": len(reading.backgrounds),
        "categories": dict(Counter(r.category for r in reading.records)),
        "keypoints": list(reading.schema.keypoints), "flip pairs": [list(p) for p in reading.schema.flip_pairs],
        "flips": f"off: {reading.schema.unflipped}" if reading.schema.unflipped else "on",
        "sigmas": reading.schema.sigmas_source, "points": {words[v]: visibility[v] for v in words},
        "rules": {**{rule.value: count for rule, count in reading.rules.items()}, **reading.notes.counts},
        "skipped": dict(Counter(fault.what for fault in reading.faults)),
    }  # fmt: skip


def group_of(path: Path, group_by: GroupBy, root: Path | None = None) -> str:
    """Return the key of the group that an image belongs to.

    Args:
        path: of an image.
        group_by: a regular expression, whose first group (else whole match) counts; or a function of the path.
        root: the folder below which the pattern is matched, if the image is there.

    Returns:
        The key; the path itself if there is no ``group_by`` or it does not match.
    """
    if callable(group_by):
        return group_by(path)
    found = _match(path, group_by, root) if group_by is not None else None
    if found is None:
        return path.as_posix()
    return (found.group(1) if found.groups() else found.group(0)) or path.as_posix()


def _match(path: Path, pattern: str, root: Path | None) -> "re.Match[str] | None":
    try:
        return re.search(pattern, _below(path, root).as_posix())
    except re.error as error:
        raise BadInputError(
            f"not a regular expression: {error}", where="--group-by", found=repr(pattern)
        ) from error


def _below(path: Path, root: Path | None) -> Path:
    return path.relative_to(root) if root is not None and path.is_relative_to(root) else path
