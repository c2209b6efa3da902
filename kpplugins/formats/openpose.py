"""OpenPose's ``--write_json`` folder: ``NAME_keypoints.json`` for each image ``NAME.jpg``, or frame of a video.

``people`` are lists of ``x, y, confidence``: ``pose_keypoints_2d`` (25 keypoints of BODY_25, 18 of COCO or 15 of MPI),
``face_keypoints_2d`` (70), ``hand_left_keypoints_2d`` and ``hand_right_keypoints_2d`` (21 each). Version 1.0 names them
without ``_2d``. A keypoint of confidence 0 was not found and is absent; every other one is visible: these are
predictions, which do not say what is occluded. Names and lines are OpenPose's (``poseParameters.cpp``), faces are named
as 300-W. Positions must be in pixels of the image (``--keypoint_scale 0``, the default).
"""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.annotation_set import UNLABELLED, AnnotationSet
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.one_image import add_image
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.parsing.image_files import measure_image
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.stems import count_unlabelled, images_by_stem, only_image
from kpplugins.data.parsing.text import first_text
from kpplugins.data.parsing.values import as_dict, as_list, as_numbers
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.record_builder import MARGIN, build_record
from kpplugins.formats.faces.landmarks import face_schema
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

_ENDING = "_keypoints.json"
_LIMBS = ("Shoulder", "Elbow", "Wrist")
_RIGHT_ARM, _LEFT_ARM = (tuple(side + limb for limb in _LIMBS) for side in "RL")
_HEAD = ("REye", "LEye", "REar", "LEar")
_RIGHT_LEG, _LEFT_LEG = (tuple(side + part for part in ("Hip", "Knee", "Ankle")) for side in "RL")
_FEET = ("LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe", "RHeel")
_ARMS = "Neck RShoulder RElbow RWrist, Neck LShoulder LElbow LWrist"
_FACE_LINES = "Neck Nose, Nose REye REar, Nose LEye LEar"
BODIES = {
    25: (
        ("Nose", "Neck", *_RIGHT_ARM, *_LEFT_ARM, "MidHip", *_RIGHT_LEG, *_LEFT_LEG, *_HEAD, *_FEET),
        f"Neck MidHip, {_ARMS}, MidHip RHip RKnee RAnkle, MidHip LHip LKnee LAnkle, {_FACE_LINES}, "
        "LAnkle LBigToe LSmallToe, LAnkle LHeel, RAnkle RBigToe RSmallToe, RAnkle RHeel",
    ),
    18: (
        ("Nose", "Neck", *_RIGHT_ARM, *_LEFT_ARM, *_RIGHT_LEG, *_LEFT_LEG, *_HEAD),
        f"{_ARMS}, Neck RHip RKnee RAnkle, Neck LHip LKnee LAnkle, {_FACE_LINES}",
    ),
    15: (
        ("Head", "Neck", *_RIGHT_ARM, *_LEFT_ARM, *_RIGHT_LEG, *_LEFT_LEG, "Chest"),
        f"Head Neck, {_ARMS}, Neck Chest, Chest RHip RKnee RAnkle, Chest LHip LKnee LAnkle",
    ),
}
"""Names and lines of BODY_25, COCO and MPI, by the number of keypoints."""
_FACE = face_schema("openpose", jaw=8, eyebrow=5, eye=6, pupils=True, prefix="face_")
_PARTS = ("pose", "face", "hand_left", "hand_right")


def is_openpose(source: Path) -> bool:
    """Tell whether a source looks like OpenPose's output; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        texts = [first_text(path) for path in _files(source)[:3]]
    except OSError:
        return False
    return any(text.startswith("{") and '"people"' in text for text in texts)


def read_openpose(
    source: Path, *, images: Path | None = None, margin: float = MARGIN, skip_bad: bool = False
) -> AnnotationSet:
    """Read every file, sorted.

    Args:
        source: the folder of JSON files, or one that holds it beside the folder of the images.
        images: where the images are; ``None`` looks beside the JSON files, in the folders of ``source``, then beside it
            for the only folder that has all of them.
        margin: of the box, which is the one around the keypoints; see ``record_builder``.
        skip_bad: skip bad files.

    Returns:
        One record a person; an image in which nobody was found is a background.

    Raises:
        BadInputError: no such files, or a bad one and ``skip_bad`` is false.
    """
    files = _files(source)
    if not files:
        raise BadInputError("no output of OpenPose here", where=str(source), expected=f"NAME{_ENDING}")
    faults: list[BadInputError] = []
    people: dict[Path, list[dict[str, np.ndarray]]] = {}
    for path in files:
        try:
            people[path] = _people(path)
        except BadInputError as fault:
            faults.append(fault)
    sizes = _sizes(people, faults)
    reading = AnnotationSet(_schema(sizes), faults=faults)
    root = source if source.is_dir() else source.parent
    places = [images] if images is not None else _image_folders(root, files, reading.notes)
    known = images_by_stem(places)
    reading.notes.count(
        UNLABELLED, count_unlabelled(known, {path.name.removesuffix(_ENDING) for path in files})
    )
    for path, persons in people.items():
        add_image(reading, partial(_image, path, persons, sizes, known, margin))
    return reading.settle(skip_bad)


def _people(path: Path) -> list[dict[str, np.ndarray]]:
    """Return the parts of each person in a file, (K, 3) each; those without keypoints are left out."""
    raw = as_dict(load_json(path), "the file", str(path))
    found = []
    for i, value in enumerate(as_list(raw.get("people"), "people", str(path))):
        where = f"{path}: people[{i}]"
        person = as_dict(value, "person", where)
        parts = {part: _part(person, part, where) for part in _PARTS}
        found.append({part: points for part, points in parts.items() if len(points)})
    return found


def _part(person: dict[str, Any], part: str, where: str) -> np.ndarray:
    key = next((k for k in (f"{part}_keypoints_2d", f"{part}_keypoints") if k in person), "")
    flat = as_numbers(person.get(key, []), key, where)
    if len(flat) % 3:
        raise BadInputError(
            f"{key} is wrong",
            where=where,
            expected="x, y and confidence of each keypoint",
            found=f"{len(flat)} numbers",
        )
    points = flat.reshape(-1, 3)
    if (points[:, 2] < 0).any():
        raise BadInputError("negative confidence", where=where, found=f"{points[:, 2].min():g} in {key}")
    return points


def _sizes(people: dict[Path, list[dict[str, np.ndarray]]], faults: list[BadInputError]) -> dict[str, int]:
    """Return the number of keypoints that most have of each part; files with other numbers become faults."""
    known = {"pose": tuple(BODIES), "face": (70,), "hand_left": (21,), "hand_right": (21,)}
    counts: dict[str, Counter[int]] = {part: Counter() for part in _PARTS}
    for part, points in [
        item for persons in people.values() for person in persons for item in person.items()
    ]:
        counts[part][len(points)] += len(points) in known[part]
    sizes = {part: count.most_common(1)[0][0] for part, count in counts.items() if count.total()}
    for path, persons in list(people.items()):
        items = [item for person in persons for item in person.items()]
        for part, points in [item for item in items if len(item[1]) != sizes.get(item[0])][:1]:
            faults.append(BadInputError(
                f"unknown number of keypoints of {part}", where=str(path), found=str(len(points)),
                expected=str(sizes[part]) if part in sizes else " or ".join(map(str, known[part])),
                todo="run OpenPose again with one body model for all",
            ))  # fmt: skip
            del people[path]
    if not sizes:
        if faults:
            raise faults[0]
        raise BadInputError("nobody was found in any image", where=str(next(iter(people)).parent))
    return sizes


def _schema(sizes: dict[str, int]) -> KeypointSchema:
    names: list[str] = []
    lines: list[tuple[str, str]] = []
    pairs: list[tuple[str, str]] = []
    for part, size in sizes.items():
        if part == "pose":
            body, chains = BODIES[size]
            names += body
            pairs += [("L" + n[1:], n) for n in body if n[0] == "R" and "L" + n[1:] in body]
            for chain in chains.split(", "):
                words = chain.split()
                lines += zip(words, words[1:], strict=False)
        elif part == "face":
            names += _FACE.keypoints
            pairs += _FACE.flip_pairs
            lines += _FACE.skeleton
        else:
            hand = [f"{part}_{i}" for i in range(size)]
            names += hand
            fingers = [[0, *range(first, first + 4)] for first in range(1, size, 4)]
            lines += [(hand[a], hand[b]) for chain in fingers for a, b in zip(chain, chain[1:], strict=False)]
    if {"hand_left", "hand_right"} <= sizes.keys():
        pairs += [(f"hand_left_{i}", f"hand_right_{i}") for i in range(21)]
    one_hand = (
        {"hand_left", "hand_right"} & sizes.keys()
        if len({"hand_left", "hand_right"} & sizes.keys()) == 1
        else ()
    )
    return KeypointSchema(
        name="openpose", keypoints=tuple(names), flip_pairs=tuple(pairs), skeleton=tuple(lines),
        unpaired=tuple(n for n in names if n.rpartition("_")[0] in one_hand),
    )  # fmt: skip


def _image(
    path: Path,
    persons: list[dict[str, np.ndarray]],
    sizes: dict[str, int],
    known: dict[str, list[Path]],
    margin: float,
) -> tuple[ImageInfo, list[PoseRecord]]:
    stem = path.name.removesuffix(_ENDING)
    image = measure_image(only_image(known, stem, str(path), "beside it or in a folder beside it"), str(path))
    records = []
    for i, person in enumerate(persons):
        where = f"{path}: people[{i}]"
        points = np.concatenate([person.get(part, np.zeros((size, 3))) for part, size in sizes.items()])
        found = points[:, 2] > 0
        if found.any() and np.abs(points[found, :2]).max() <= 1:
            raise BadInputError(
                "positions are not in pixels", where=where, expected="pixels of the image",
                found="numbers from -1 to 1", todo="run OpenPose with --keypoint_scale 0",
            )  # fmt: skip
        labelled = np.column_stack([points[:, :2], np.where(found, 2.0, 0.0)])
        records.append(
            build_record(image, labelled, source=path, where=where, margin=margin, category="person")
        )
    return image, records


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.name.endswith(_ENDING) else []
    return sorted(source.glob("*" + _ENDING)) or sorted(source.glob("*/*" + _ENDING))


def _image_folders(root: Path, files: list[Path], notes: Notes) -> list[Path]:
    """Return the folders of the images: beside the files, else below ``root``, else the only one beside it with all."""
    stems = {path.name.removesuffix(_ENDING) for path in files}
    below, around = (
        [p for p in sorted(place.iterdir()) if p.is_dir()] for place in (root, root.resolve().parent)
    )
    for places in ([path.parent for path in files], [root, *below]):
        if stems & images_by_stem(places).keys():
            return list(dict.fromkeys(places))
    whole = [place for place in around if stems <= images_by_stem([place]).keys()]
    if len(whole) != 1:
        return [root]
    notes.say(f"images are taken from {whole[0]}")
    return whole
