"""JSON files that others made of MPII: a list with one object for each person.

- HRNet's and MMPose's ``mpii_train.json``, ``mpii_val.json``, ``mpii_trainval.json``: ``image``, ``center``, ``scale``,
  ``joints`` (16 × x, y) and ``joints_vis``, where 1 is labelled, occluded or not, and 0 absent;
- ``mpii_annotations.json`` of the stacked hourglass in PyTorch: ``img_paths``, ``objpos``, ``scale_provided``,
  ``isValidation`` and ``joint_self`` (16 × x, y, v), where v 1 is visible, v 0 occluded, and 0, 0, 0 absent.

Entries without joints are of the test set, whose keypoints are not published.
"""

from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.text import first_text
from kpplugins.data.parsing.values import as_dict, as_list, as_name, as_number, as_numbers
from kpplugins.formats.mpii.person import JOINTS, Entry, Person
from kpplugins.structures import BadInputError


def is_json_list(path: Path) -> bool:
    """Tell whether a file looks like such a list; never raises.

    Args:
        path: the file.

    Returns:
        True where it does.
    """
    text = first_text(path) if path.suffix.lower() == ".json" else ""
    return text.startswith("[") and (
        all(f'"{key}"' in text for key in ("image", "center", "scale"))
        or all(f'"{key}"' in text for key in ("joint_self", "objpos"))
    )


def read_json_list(path: Path) -> tuple[list[Entry], list[BadInputError]]:
    """Read the persons, grouped by image.

    Args:
        path: the file.

    Returns:
        The images with their persons, and a fault for each person that is malformed; its image is left out.

    Raises:
        BadInputError: it is not a list.
    """
    stem = path.stem.lower()
    split = "" if "trainval" in stem else next((s for s in ("train", "val") if s in stem), "")
    entries: dict[str, Entry] = {}
    bad: set[str] = set()
    faults = []
    for i, value in enumerate(as_list(load_json(path), "the file", str(path))):
        where, name = f"{path}: entry {i}", ""
        try:
            raw = as_dict(value, "entry", where)
            name = as_name(raw.get("image", raw.get("img_paths")), "image", where)
            person = _person(raw, where)
            mark = raw.get("isValidation")
            own = split if mark is None else "val" if mark else "train"
            entry = entries.setdefault(name, Entry(name, where, split=own))
            entry.persons.append(person)
            entry.split = own if entry.split == own else "train"
        except BadInputError as fault:
            faults.append(fault)
            bad.add(name)
    return [entry for name, entry in entries.items() if name not in bad], faults


def _person(raw: dict[str, Any], where: str) -> Person:
    joints, centre, scale = (
        next((key for key in keys if raw.get(key) is not None), keys[0])
        for keys in (("joints", "joint_self"), ("center", "objpos"), ("scale", "scale_provided"))
    )
    return Person(
        where,
        None if raw.get(joints) is None else _points(raw, joints, where),
        as_numbers(raw.get(centre), centre, where, 2),
        as_number(raw.get(scale), scale, where),
    )


def _points(raw: dict[str, Any], key: str, where: str) -> np.ndarray:
    wide = 3 if key == "joint_self" else 2
    rows = as_list(raw[key], key, where)
    if len(rows) != JOINTS:
        raise BadInputError("wrong number of joints", where=where, expected=str(JOINTS), found=str(len(rows)))
    points = np.array([as_numbers(row, f"{key}[{i}]", where, wide) for i, row in enumerate(rows)])
    marks = points[:, 2] if wide == 3 else as_numbers(raw.get("joints_vis"), "joints_vis", where, JOINTS)
    if not set(marks.tolist()) <= {0, 1}:
        raise BadInputError(
            "wrong visibility", where=where, expected="0 or 1", found=str(marks.tolist())[:60]
        )
    absent = (points == 0).all(axis=1) if wide == 3 else marks == 0
    return np.column_stack([points[:, :2], np.where(absent, 0, np.where(marks == 1, 2, 1))])
