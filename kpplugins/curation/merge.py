"""Merge several sources with different keypoints into one: keypoints are united by name, images are told apart."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import images_of, names_below
from kpplugins.data.image_info import ImageInfo
from kpplugins.schema import KeypointSchema
from kpplugins.schema.alike_names import alike_names
from kpplugins.schema.from_names import union_schema
from kpplugins.storage.files import read_bytes, size_of
from kpplugins.structures import BadInputError

_ENOUGH, _FEW = 10, 0.2
"""Instances of a source that tell on which side of its partner a keypoint lies, and the share that may disagree."""


@dataclass(frozen=True)
class Part:
    """One source of a merge.

    Attributes:
        name: of the source, unlike those of the others; its images go into a folder of this name.
        reading: what was read.
        splits: ``train``, ``val`` or ``test`` of each of its images.
    """

    name: str
    reading: AnnotationSet
    splits: dict[Path, str]


@dataclass
class Merged:
    """Several sources as one.

    Attributes:
        reading: everything; keypoints that a source does not have are absent.
        splits: ``train``, ``val`` or ``test`` of each image.
        names: name of each image in the new folder, with /.
        notes: what was done, a line each.
        warnings: what may be wrong, a line each.
    """

    reading: AnnotationSet
    splits: dict[Path, str] = field(default_factory=dict)
    names: dict[Path, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def part_names(sources: Sequence[Path]) -> list[str]:
    """Name sources after their folders or files; equal names get a number.

    Args:
        sources: files or folders.

    Returns:
        A name each.
    """
    names: list[str] = []
    for source in sources:
        path = source.resolve()
        plain = (path.stem if path.is_file() else path.name).lstrip(".") or "source"
        name, number = plain, 2
        while name in names:
            name, number = f"{plain}_{number}", number + 1
        names.append(name)
    return names


def merge(parts: Sequence[Part]) -> Merged:
    """Merge sources.

    - Keypoints of the same name are the same keypoint, in the order of their first appearance. In an instance, those
      that its source does not have are absent: neither trained nor scored.
    - Categories of the same name are the same category; it has the keypoints of all sources that have it.
    - Every image goes into the folder of its source. One that is in several sources, as the same file or as a copy, is
      in the split of the first; the annotations of one file are put together.

    Args:
        parts: at least two sources.

    Returns:
        The merged set, with notes on all of this, and warnings of names that may be of the same keypoint, or of the
        same name for two (the left eye as the viewer or as the person sees it).

    Raises:
        BadInputError: two sources give one keypoint different sigmas or partners on the other side.
    """
    schema = _united_schema(parts)
    given = all(part.reading.flips_stated for part in parts)
    warnings = [*_alike(schema), *_unnamed(parts), *_turned_sides(schema, parts)]
    merged = Merged(AnnotationSet(schema, flips_stated=given), warnings=warnings)
    _add_images(merged, parts)
    own: dict[str, set[str]] = defaultdict(set)
    for part in parts:
        reading = part.reading
        merged.reading.notes.join(reading.notes.counts)
        for category in {record.category for record in reading.records} | set(reading.category_keypoints):
            own[category].update(reading.category_keypoints.get(category, reading.schema.keypoints))
    if any(len(names) < schema.num_keypoints for names in own.values()):
        merged.reading.category_keypoints = {
            category: tuple(n for n in schema.keypoints if n in names)
            for category, names in sorted(own.items())
        }
    counts = Counter(name for part in parts for name in part.reading.schema.keypoints)
    shared = sum(count == len(parts) for count in counts.values())
    merged.notes.insert(
        0, f"{schema.num_keypoints} keypoints united by name, {shared} of them in every source: "
        + ", ".join(f"{part.name} {part.reading.schema.num_keypoints}" for part in parts),
    )  # fmt: skip
    return merged


def _united_schema(parts: Sequence[Part]) -> KeypointSchema:
    schemas = {part.name: part.reading.schema for part in parts}
    partners: dict[str, tuple[str, tuple[str, str]]] = {}
    for name, schema in schemas.items():
        for pair in schema.flip_pairs:
            for keypoint in pair:
                other, known = partners.setdefault(keypoint, (name, pair))
                if set(known) != set(pair):
                    raise BadInputError(
                        f"keypoint {keypoint!r} has two partners on the other side", where=f"{other} and {name}",
                        found=f"{'/'.join(known)} and {'/'.join(pair)}",
                        todo="rename the keypoints of one, or state its pairs in a schema.json beside it",
                    )  # fmt: skip
    told = [name for name, schema in schemas.items() if not schema.sigmas_are_default]
    try:
        return union_schema(schemas, told)
    except BadInputError as error:
        raise BadInputError(
            error.what, where=" and ".join(schemas), found=error.found, todo=error.todo
        ) from error


def _alike(schema: KeypointSchema) -> list[str]:
    return [
        f"{' and '.join(several)} are different keypoints here; if they are the same, give them one name (--names)"
        for several in alike_names(schema.keypoints)
    ]


def _unnamed(parts: Sequence[Part]) -> list[str]:
    """Find sources whose keypoints are only numbered, which says nothing of what they are."""
    found = {
        part.name: part.reading.schema.num_keypoints
        for part in parts
        if all(re.fullmatch(r"kpt_\d+", name) for name in part.reading.schema.keypoints)
    }
    if len(found) < 2:
        return []
    counts = ", ".join(f"{name} has {k}" for name, k in found.items())
    return [
        f"keypoints without names are taken as the same by their numbers ({counts}): if they are not, name them"
    ]


def _turned_sides(schema: KeypointSchema, parts: Sequence[Part]) -> list[str]:
    """Find pairs that lie the other way round in another source, where each has enough instances to tell."""
    lines = []
    for a, b in schema.flip_pairs:
        shares = {}
        for part in parts:
            if {a, b} <= set(part.reading.schema.keypoints):
                i, j = part.reading.schema.indices_of([a, b])
                both = [r.keypoints for r in part.reading.records if r.keypoints[i, 2] and r.keypoints[j, 2]]
                if len(both) >= _ENOUGH:
                    shares[part.name] = float(np.mean([points[i, 0] < points[j, 0] for points in both]))
        here = [f"{name} ({share:.0%})" for name, share in shares.items() if share >= 1 - _FEW]
        there = [f"{name} ({1 - share:.0%})" for name, share in shares.items() if share <= _FEW]
        if here and there:
            lines.append(
                f"{a} lies left of {b} in {', '.join(here)} and right of it in {', '.join(there)}: if one means the "
                "viewer's left and the other the subject's, exchange the names in one of them"
            )
    return lines


def _add_images(merged: Merged, parts: Sequence[Part]) -> None:
    """Add images and records, each file once."""
    first: dict[Path, Path] = {}
    sources: dict[Path, set[str]] = defaultdict(set)
    reading = merged.reading
    backgrounds: dict[Path, ImageInfo] = {}
    for part in parts:
        images = images_of(part.reading)
        names = names_below([image.path for image in images]) if images else {}
        for image in images:
            path = first.setdefault(image.path.resolve(), image.path)
            sources[path].add(part.name)
            if further := part.reading.image_keys.get(image.path):
                reading.image_keys[path] = {**further, **reading.image_keys.get(path, {})}
            merged.names.setdefault(path, f"{part.name}/{names[image.path]}")
            merged.splits.setdefault(path, part.splits[image.path])
        place = reading.schema.indices_of(part.reading.schema.keypoints)
        for record in part.reading.records:
            keypoints = np.zeros((reading.schema.num_keypoints, 3))
            keypoints[place] = record.keypoints
            reading.records.append(replace(record, image=first[record.image.resolve()], keypoints=keypoints))
        backgrounds |= {first[image.path.resolve()]: image for image in part.reading.backgrounds}
        reading.faults += part.reading.faults
    labelled = {record.image for record in reading.records}
    reading.backgrounds = [
        replace(image, path=path) for path, image in backgrounds.items() if path not in labelled
    ]
    again = sum(len(found) > 1 for found in sources.values())
    if again:
        merged.notes.append(f"{again} × image in several sources, its annotations put together")
    _copies_together(merged)
    of: dict[str, set[str]] = defaultdict(set)
    for path, name in merged.names.items():
        of[Path(name).name].add(_part_of(merged, path))
    equal = sum(len(found) > 1 for found in of.values())
    if equal:
        folders = ", ".join(f"images/{part.name}" for part in parts)
        merged.notes.append(f"{equal} × file name in several sources, told apart by folder ({folders})")


def _copies_together(merged: Merged) -> None:
    """Bring copies of one image into one split."""
    sizes: dict[int, list[Path]] = defaultdict(list)
    for path in merged.names:
        sizes[size_of(path)].append(path)
    copies = moved = 0
    for paths in sizes.values():
        first: dict[str, Path] = {}
        if len({_part_of(merged, path) for path in paths}) < 2:
            continue
        for path in paths:
            original = first.setdefault(hashlib.sha256(read_bytes(path)).hexdigest(), path)
            if _part_of(merged, original) != _part_of(merged, path):
                copies += 1
                moved += merged.splits[path] != merged.splits[original]
                merged.splits[path] = merged.splits[original]
    if copies:
        merged.notes.append(
            f"{copies} × copy of another source's image, both kept, in one split ({moved} moved there)"
        )


def _part_of(merged: Merged, path: Path) -> str:
    return merged.names[path].split("/", 1)[0]
