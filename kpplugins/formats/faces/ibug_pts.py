"""300-W and other faces in ``.pts`` files: ``NAME.pts`` beside ``NAME.jpg`` or ``.png``.

A file is ``version: 1``, ``n_points: 68`` and one ``x y`` a line between braces. The published files count from 1: "the
coordinates of the top left pixel in an image are x=1, y=1" (ibug.doc.ic.ac.uk, 300-W), so 1 is subtracted from both.
Files do not say what is occluded: every keypoint is visible, and one outside its image is absent.

68 keypoints are those of 300-W (Sagonas et al., ICCV-W 2013), named in ``landmarks``; others are ``kpt_0`` … without
names.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from kpplugins.data.annotation_set import UNLABELLED, AnnotationSet
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.one_image import add_image
from kpplugins.data.parsing.image_files import measure_image
from kpplugins.data.parsing.stems import count_unlabelled, images_by_stem, only_image
from kpplugins.data.parsing.text import EXPORT_AGAIN, first_text, read_text
from kpplugins.data.parsing.values import parse_number
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.record_builder import MARGIN, build_record
from kpplugins.data.splits import true_division
from kpplugins.formats.faces.landmarks import face_schema
from kpplugins.schema.from_names import infer_schema
from kpplugins.structures import BadInputError

IBUG_68 = face_schema("300w", jaw=8, eyebrow=5, eye=6, pupils=False)
_DEPTHS = ("*.pts", "*/*.pts", "*/*/*.pts", "*/*/*/*.pts")
_SPLIT_OF_FOLDER = {
    "trainset": "train", "testset": "test", "afw": "train", "ibug": "test", "01_indoor": "test", "02_outdoor": "test",
}  # fmt: skip
"""The usual division: 3,148 faces of AFW and the training sets of LFPW and HELEN against 689 of iBUG and the test sets
(Ren et al., CVPR 2014), and the 600 of the challenge."""
_HEAD = re.compile(r"(version|n_points)\s*:\s*(\S+)")


def is_ibug_pts(source: Path) -> bool:
    """Tell whether a source looks like a folder of ``.pts`` files; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        found = (
            [source] if source.is_file() else (p for depth in _DEPTHS for p in islice(source.glob(depth), 3))
        )
        return any(p.suffix.lower() == ".pts" and first_text(p).startswith("version") for p in found)
    except OSError:
        return False


def read_ibug_pts(
    source: Path,
    *,
    images: Path | None = None,
    names: Sequence[str] | None = None,
    margin: float = MARGIN,
    skip_bad: bool = False,
) -> AnnotationSet:
    """Read every ``.pts`` file of a folder and its subfolders, sorted.

    Args:
        source: the folder, or one file.
        images: where the images are, in the same subfolders or without; ``None`` looks beside the files.
        names: of the K keypoints, where they are not the 68 of 300-W.
        margin: of the box, which is the one around the keypoints; see ``record_builder``.
        skip_bad: skip bad files.

    Returns:
        One record a file. The folders of 300-W give ``splits`` if all images are in them.

    Raises:
        BadInputError: no such files, not K ``names``, or a bad file and ``skip_bad`` is false.
    """
    files = _files(source)
    if not files:
        raise BadInputError("no .pts file here", where=str(source), expected="NAME.pts beside NAME.jpg")
    faults: list[BadInputError] = []
    parsed: dict[Path, np.ndarray] = {}
    for path in files:
        try:
            parsed[path] = parse_pts(read_text(path), str(path))
        except BadInputError as fault:
            faults.append(fault)
    if not parsed:
        raise faults[0]
    k = Counter(map(len, parsed.values())).most_common(1)[0][0] if names is None else len(names)
    plain = k == IBUG_68.num_keypoints and names is None
    schema = IBUG_68 if plain else infer_schema("pts", names or [f"kpt_{i}" for i in range(k)])
    reading = AnnotationSet(schema, faults=faults)
    root = source if source.is_dir() else source.parent
    known = {
        folder: images_by_stem([folder] if images is None else [images / folder.relative_to(root), images])
        for folder in {path.parent for path in parsed}
    }
    for folder, found in known.items():
        stems = {path.stem for path in files if path.parent == folder or images is not None}
        reading.notes.count(UNLABELLED, count_unlabelled(found, stems))
    for path, points in parsed.items():
        parts = [part.lower() for part in path.relative_to(root).parts[:-1]]
        split = next((_SPLIT_OF_FOLDER[part] for part in reversed(parts) if part in _SPLIT_OF_FOLDER), "")
        add_image(reading, partial(_face, path, points, k, known[path.parent], margin), split)
    whole = len(reading.splits) == len(reading.records)
    reading.splits = true_division(reading.splits) if whole else {}
    return reading.settle(skip_bad)


def parse_pts(text: str, where: str) -> np.ndarray:
    """Parse one file.

    Args:
        text: its content.
        where: its name, for messages.

    Returns:
        (K, 2) x and y in pixels, counted from 0.

    Raises:
        BadInputError: it is not of this form, or has another number of points than it says.
    """
    stated, points, inside = -1, [], False
    for number, line in enumerate(text.splitlines(), 1):
        words, place = line.split(), f"{where}:{number}"
        head = _HEAD.fullmatch(line.strip().lower())
        if inside and words and words != ["}"]:
            if len(words) != 2:
                raise BadInputError("not a point", where=place, expected="x y", found=ascii(line)[:60])
            points.append([parse_number(word, "coordinate", place) for word in words])
        elif head and head.group(1) == "n_points":
            stated = int(parse_number(head.group(2), "n_points", place))
        elif words == ["{"] or words == ["}"]:
            inside = words == ["{"]
        elif words and not head:
            raise BadInputError(
                "not a line of a .pts file",
                where=place,
                expected="version, n_points, { or }",
                found=ascii(line)[:60],
            )
    if not points or inside or stated != len(points):
        raise BadInputError(
            "is cut off" if inside else "number of points differs from n_points", where=where,
            expected=f"{stated} points between {{ and }}" if stated > 0 else "n_points and points between { and }",
            found=f"{len(points)} points", todo=EXPORT_AGAIN,
        )  # fmt: skip
    return np.array(points) - 1


def _face(
    path: Path, points: np.ndarray, k: int, images: dict[str, list[Path]], margin: float
) -> tuple[ImageInfo, list[PoseRecord]]:
    if len(points) != k:
        raise BadInputError(
            "another number of keypoints", where=str(path), expected=str(k), found=str(len(points)),
            todo="convert such files one by one with --names",
        )  # fmt: skip
    image = measure_image(only_image(images, path.stem, str(path), "beside it"), str(path))
    labelled = np.column_stack([points, np.full(k, 2.0)])
    return image, [
        build_record(image, labelled, source=path, where=str(path), margin=margin, category="face")
    ]


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix.lower() == ".pts" else []
    return sorted(path for depth in _DEPTHS for path in source.glob(depth))
