"""WFLW (Wu et al., Look at Boundary, CVPR 2018): ``list_98pt_rect_attr_train.txt`` and ``…_test.txt``.

One face a line: 98 × ``x y``, the face's rectangle ``x_min y_min x_max y_max``, six marks (pose, expression,
illumination, make-up, occlusion, blur; 0 or 1) and the image's name below ``WFLW_images``. The lists without ``rect``
have keypoints and the name only; their boxes are derived.

Occlusion is marked for the face, not for a keypoint: all 98 are labelled in any case and count as visible; the marked
faces are counted. Coordinates are used as they are written. The keypoints are named in ``landmarks``.
"""

from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.one_image import add_image
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.text import first_text, read_text
from kpplugins.data.parsing.values import as_name, parse_number
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.record_builder import MARGIN, build_record
from kpplugins.data.rule import AppliedRule
from kpplugins.data.splits import true_division
from kpplugins.formats.faces.landmarks import face_schema
from kpplugins.structures import BadInputError

WFLW_98 = face_schema("wflw", jaw=16, eyebrow=9, eye=8, pupils=True)
_LIST = "list_98pt*.txt"
_FOLDERS = ("", "WFLW_annotations", "annotations")
_IMAGES = ("WFLW_images", "images", "")
_SHORT, _LONG = 2 * 98, 2 * 98 + 4 + 6
"""Numbers of a line without and with rectangle and marks."""
_OCCLUSION = 4
"""Place of the occlusion among the marks."""


def is_wflw(source: Path) -> bool:
    """Tell whether a source looks like WFLW; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        return any(len(first_text(path).split("\n", 1)[0].split()) > _SHORT for path in _lists(source)[:3])
    except OSError:
        return False


def read_wflw(
    source: Path, *, images: Path | None = None, margin: float = MARGIN, skip_bad: bool = False
) -> AnnotationSet:
    """Read the lists of all faces, grouped by image.

    If there are lists with rectangles, only these are read: the others repeat them, as do those of a part of the test
    set (``list_98pt_test_blur.txt``).

    Args:
        source: the folder with ``WFLW_annotations`` and ``WFLW_images``, or one list.
        images: where the images are; ``None`` looks in the folders named above.
        margin: of derived boxes, see ``record_builder``.
        skip_bad: skip bad images.

    Returns:
        One record a face. Lists named after train and test give ``splits`` if there are both.

    Raises:
        BadInputError: no list, or a bad line and ``skip_bad`` is false.
    """
    lists = _lists(source)
    if not lists:
        raise BadInputError(
            "no WFLW list here",
            where=str(source),
            expected="WFLW_annotations/…/list_98pt_rect_attr_train.txt",
        )
    reading = AnnotationSet(WFLW_98)
    folders: dict[Path, ImageFolder] = {}
    for path in lists:
        split = next((s for s in ("train", "test") if path.stem.endswith(s)), "")
        around = [place for place in path.parents if (place / _IMAGES[0]).is_dir()]
        root = images or (source if source.is_dir() else (*around, path.parent)[0])
        folder = folders.setdefault(root, ImageFolder(root, _IMAGES, search=images is not None))
        faces: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
        for number, line in enumerate(read_text(path).splitlines(), 1):
            if line.strip():
                words = line.split(
                    maxsplit=_LONG if "_rect_" in path.stem else _SHORT
                )  # names may have blanks
                faces[words[-1].strip()].append((f"{path}:{number}", words[:-1]))
        for name, lines in faces.items():
            add_image(reading, partial(_image, name, lines, path, folder, margin), split)
    for folder in folders.values():
        reading.notes.say(*folder.notes)
    reading.splits = true_division(reading.splits)
    return reading.settle(skip_bad)


def _image(
    name: str, lines: list[tuple[str, list[str]]], path: Path, folder: ImageFolder, margin: float
) -> tuple[ImageInfo, list[PoseRecord]]:
    first = lines[0][0]
    for where, words in lines:
        if len(words) not in (_SHORT, _LONG):
            raise BadInputError(
                "line has another number of values", where=where,
                expected=f"{_LONG} numbers (98 keypoints, 4 of the rectangle, 6 marks) and the image's name",
                found=f"{len(words)}, then {ascii(name)[:60]}",
            )  # fmt: skip
    image = folder.find(as_name(name, "image's name", first), first)
    return image, [_face(image, words, path, where, margin) for where, words in lines]


def _face(image: ImageInfo, words: list[str], path: Path, where: str, margin: float) -> PoseRecord:
    values = [parse_number(word, "value", where) for word in words]
    points = np.column_stack([np.reshape(values[:_SHORT], (98, 2)), np.full(98, 2.0)])
    box, marks = np.array(values[_SHORT : _SHORT + 4]), values[_SHORT + 4 :]
    if not set(marks) <= {0, 1}:
        raise BadInputError(
            "a mark that is neither 0 nor 1", where=where, found=" ".join(words[_SHORT + 4 :]),
            expected="pose, expression, illumination, make-up, occlusion, blur",
        )  # fmt: skip
    rules = [AppliedRule.OCCLUSION_OF_WHOLE] if marks and marks[_OCCLUSION] else []
    return build_record(
        image, points, source=path, where=where, margin=margin, category="face", rules=rules,
        box=box if len(box) else None,
    )  # fmt: skip


def _lists(source: Path) -> list[Path]:
    """Return the lists to be read, those with rectangles where there are any."""
    if source.is_file():
        return [source] if source.match(_LIST) else []
    places = [source / folder for folder in _FOLDERS]
    found = sorted({path for place in places for depth in ("", "*/") for path in place.glob(depth + _LIST)})
    whole = [path for path in found if "_rect_" in path.stem]
    return whole or [path for path in found if path.stem.endswith(("train", "test"))] or found
