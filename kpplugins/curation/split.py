"""Divide a converted folder anew into train, val and test."""

import contextlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.curation.convert import GroupBy, assign_splits, group_of
from kpplugins.data import ImageInfo
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.origins import image_of_crops
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.values import as_dict, as_list
from kpplugins.data.splits import SPLITS
from kpplugins.schema import KeypointSchema
from kpplugins.storage.files import is_folder
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path
from kpplugins.structures.replaced_file import replace_text

_ASIDE = ".annotations-before-split"
"""Name of the folder of old files between the two renamings."""

_FAR = 0.02
"""Least difference between requested and actual share that the report mentions."""

Content = dict[str, Any]


def split(
    folder: str | Path,
    *,
    ratios: Sequence[float] = (60, 20, 20),
    seed: int = 0,
    group_by: str | None = None,
) -> dict[str, Any]:
    """Divide a converted folder anew, in place.

    The images stay; each entry of ``annotations/{train,val,test}.json`` moves, unchanged, to the file of its
    image's new split. The new files are written aside, and the folder ``annotations`` is renamed away and the new one
    renamed into its place. If it is stopped between the two, the old files are in ``.annotations-before-split``; the
    next call puts them back first.

    Args:
        folder: what ``convert`` wrote.
        ratios: shares of train, val and test, in any unit.
        seed: of the shuffle.
        group_by: regular expression on an image's path (``images/NAME``); images whose first group (or whole match)
            is the same go into the same split. ``None`` keeps crops of one image together if ``crop`` made the
            folder.

    Returns:
        ``groups`` (how many), by split ``images``, ``instances``, ``groups``, ``share`` and ``asked`` (of the
        images), and ``note``: how far off coarse groups leave the shares, or empty.

    Raises:
        BadInputError: not a converted folder, an id or an image twice, an annotation without its image, wrong ratios or
            pattern, or a split that was asked for gets nothing.
    """
    folder = as_path(folder)
    if not folder.is_dir() and is_folder(folder):
        raise BadInputError(
            "only a folder on the disk is divided in place", where=str(folder),
            todo="kpplugins dataset convert SOURCE --out DIR --ratio TRAIN VAL TEST",
        )  # fmt: skip
    _put_back(folder)
    contents = _load(folder)
    images = [image for content in contents.values() for image in content["images"]]
    paths = {image["id"]: Path("images") / image["file_name"] for image in images}
    groups: GroupBy = group_by if group_by is not None else image_of_crops(folder)
    splits = _assign(list(paths.values()), ratios, seed, groups)
    chosen = {key: splits[path] for key, path in paths.items()}
    divided = {name: _part(contents, name, chosen) for name in SPLITS}
    report = _report(divided, splits, ratios, groups)
    _replace(folder, divided)
    _note_in_report(folder, {name: report[name]["images"] for name in SPLITS})
    return report


def _load(folder: Path) -> dict[str, Content]:
    """Load the annotation files that exist, checked as far as dividing them requires."""
    files = [folder / "annotations" / f"{name}.json" for name in SPLITS]
    if not any(file.is_file() for file in files):
        raise BadInputError(
            "not a converted folder", where=str(folder), expected="annotations/train.json, val.json and test.json",
            todo="convert it first: kpplugins dataset convert SOURCE --out DIR",
        )  # fmt: skip
    contents = {}
    for file in files:
        if file.is_file():
            contents[file.stem] = _content(file)
    for kind in ("images", "annotations"):
        ids = Counter(e["id"] for content in contents.values() for e in content[kind])
        twice = [key for key, n in ids.items() if n > 1]
        if twice:
            raise BadInputError(
                f"id {twice[0]!r} twice among the {kind} of all files", where=str(folder / "annotations"),
                todo="convert the source again, which renumbers the ids",
            )  # fmt: skip
    entries = Counter(image["file_name"] for content in contents.values() for image in content["images"])
    if entries and max(entries.values()) > 1:
        raise BadInputError(
            "image is listed twice", where=str(folder / "annotations"), found=entries.most_common(1)[0][0],
            todo="delete one of its entries, with the annotations of both at the other",
        )  # fmt: skip
    names = {str(file): content["categories"] for file, content in contents.items()}
    if any(categories != next(iter(names.values())) for categories in names.values()):
        raise BadInputError(
            "files with different categories", where=str(folder / "annotations"), found=", ".join(names),
            todo="convert the source again",
        )  # fmt: skip
    return contents


def _content(file: Path) -> Content:
    content = as_dict(load_json(file), "the file", str(file))
    for kind in ("images", "annotations", "categories"):
        entries = as_list(content.get(kind), kind, str(file))
        for i, entry in enumerate(entries):
            place = f"{file}: {kind}[{i}]"
            if not isinstance(as_dict(entry, kind[:-1], place).get("id"), (int, str)):
                raise BadInputError("entry without an id", where=place, todo="convert the source again")
    own = {image["id"] for image in content["images"]}
    for image in content["images"]:
        if not isinstance(image.get("file_name"), str) or not image["file_name"]:
            raise BadInputError("image without a file_name", where=f"{file}: image {image['id']}")
    for annotation in content["annotations"]:
        if annotation.get("image_id") not in own:
            raise BadInputError(
                "annotation of an unknown image", where=f"{file}: annotation {annotation['id']}",
                found=f"image_id {annotation.get('image_id')!r}",
            )  # fmt: skip
    return content


def _assign(paths: Sequence[Path], ratios: Sequence[float], seed: int, group_by: GroupBy) -> dict[Path, str]:
    """Divide as ``convert`` does; if that leaves a wanted split empty, fill the largest gap first instead."""
    if not paths:
        raise BadInputError("the folder has no images", where="split")
    backgrounds = [ImageInfo(path, 1, 1) for path in paths]
    reading = AnnotationSet(KeypointSchema("none", ("none",)), backgrounds=backgrounds)
    splits = assign_splits(reading, ratios, seed, group_by)
    wanted = [name for name, ratio in zip(SPLITS, ratios, strict=True) if ratio > 0]
    if set(splits.values()) >= set(wanted):
        return splits
    groups = Counter(group_of(path, group_by) for path in set(paths))
    if len(groups) < len(wanted):
        missing = next(name for name in wanted if name not in set(splits.values()))
        many = "group" if len(groups) == 1 else "groups"
        raise BadInputError(
            f"the {missing} split would get nothing", where="split",
            expected=f"at least {len(wanted)} groups for {', '.join(wanted)}", found=f"{len(groups)} {many}",
            todo="give a finer pattern or a ratio of 0" if group_by else "add images or give a ratio of 0",
        )  # fmt: skip
    by_group = fill_splits(groups, dict(zip(SPLITS, ratios, strict=True)), seed)
    return {path: by_group[group_of(path, group_by)] for path in paths}


def fill_splits(groups: Mapping[str, int], ratios: Mapping[str, float], seed: int) -> dict[str, str]:
    """Assign groups, largest first, to the split that lacks most; the last ones go to splits still empty.

    Args:
        groups: number of images of each group.
        ratios: share of each split, in any unit.
        seed: of the order of groups of the same size.

    Returns:
        The split of each group.
    """
    total, whole = sum(groups.values()), sum(ratios.values())
    gap = {name: total * ratio / whole for name, ratio in ratios.items() if ratio > 0}
    names = sorted(groups)
    shuffled = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    order = sorted(shuffled, key=lambda group: -groups[group])
    empty, chosen = list(gap), {}
    for i, group in enumerate(order):
        open_to = empty if len(order) - i <= len(empty) else list(gap)
        name = max(open_to, key=lambda n: gap[n])
        chosen[group] = name
        gap[name] -= groups[group]
        empty = [n for n in empty if n != name]
    return chosen


def _part(contents: dict[str, Content], name: str, chosen: dict[Any, str]) -> Content:
    """Return the new file of a split: its other keys (or those of another file) and its entries in the old order."""
    base = contents.get(name) or next(iter(contents.values()))
    return {
        **base,
        "images": [i for c in contents.values() for i in c["images"] if chosen[i["id"]] == name],
        "annotations": [
            a for c in contents.values() for a in c["annotations"] if chosen[a["image_id"]] == name
        ],
    }


def _report(
    divided: dict[str, Content], splits: dict[Path, str], ratios: Sequence[float], group_by: GroupBy
) -> dict[str, Any]:
    group = {path: group_of(path, group_by) for path in splits}
    total = sum(len(content["images"]) for content in divided.values())
    report: dict[str, Any] = {"groups": len(set(group.values()))}
    for name, ratio in zip(SPLITS, ratios, strict=True):
        images = len(divided[name]["images"])
        report[name] = {
            "images": images, "instances": len(divided[name]["annotations"]),
            "groups": len({group[path] for path, s in splits.items() if s == name}),
            "share": round(images / total, 4), "asked": round(ratio / sum(ratios), 4),
        }  # fmt: skip
    off = {name: report[name]["share"] - report[name]["asked"] for name in SPLITS}
    far = max(abs(value) for value in off.values()) > _FAR
    words = ", ".join(f"{name} {100 * value:+.0f}" for name, value in off.items())
    report["note"] = (
        f"{report['groups']} groups cannot come closer to these shares: percentage points off: {words}"
        if far
        else ""
    )
    return report


def _replace(folder: Path, divided: dict[str, Content]) -> None:
    """Replace the old annotation files by the new ones; other files of that folder are kept."""
    old, aside = folder / "annotations", folder / _ASIDE
    with tempfile.TemporaryDirectory(prefix=".split-", dir=folder) as made:
        new = Path(made) / "annotations"
        shutil.copytree(old, new, ignore=shutil.ignore_patterns(*(f"{name}.json" for name in SPLITS)))
        for name, content in divided.items():
            with (new / f"{name}.json").open("w", encoding="utf-8") as file:
                json.dump(content, file)
                file.flush()
                os.fsync(file.fileno())
        try:
            old.rename(aside)
            new.rename(old)
        except BaseException:
            _put_back(folder)
            raise
    shutil.rmtree(aside, ignore_errors=True)


def _put_back(folder: Path) -> None:
    """Undo a division that was stopped between its two renamings, or clear away what one left behind."""
    old, aside = folder / "annotations", folder / _ASIDE
    if aside.is_dir() and not old.exists():
        aside.rename(old)
    elif aside.is_dir():
        shutil.rmtree(aside, ignore_errors=True)


def _note_in_report(folder: Path, counts: dict[str, int]) -> None:
    """Update the division in ``report.json``, if there is one."""
    path = folder / "report.json"
    with contextlib.suppress(BadInputError, OSError):
        report = as_dict(load_json(path), "the report", str(path))
        report["split"] = counts
        replace_text(path, json.dumps(report, indent=1) + "\n")
