"""The CAT dataset (Zhang, Sun, Tang: Cat head detection, ECCV 2008) as Kaggle's crawford/cat-dataset unpacks it.

``CAT_00 … CAT_06/NAME.jpg`` with ``NAME.jpg.cat`` beside each: ``9 x1 y1 … x9 y9``, integers, in the order of
``CAT_SCHEMA``. Left and right are the viewer's. Each ear is numbered from left to right in the image, so the first
keypoint of the left ear is its outer corner and the first of the right ear its inner one: mirrored, left ear 1 is right
ear 3.
"""

import math
from pathlib import Path

import numpy as np

from kpplugins.data import AnnotationSet, PoseRecord
from kpplugins.data.images import SUFFIXES
from kpplugins.data.parsing.image_files import measure_image
from kpplugins.data.record_builder import MARGIN, build_record
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

CAT_SCHEMA = KeypointSchema(
    name="cat",
    keypoints=(
        "left_eye", "right_eye", "mouth",
        "left_ear_1", "left_ear_2", "left_ear_3", "right_ear_1", "right_ear_2", "right_ear_3",
    ),
    flip_pairs=(
        ("left_eye", "right_eye"), ("left_ear_1", "right_ear_3"),
        ("left_ear_2", "right_ear_2"), ("left_ear_3", "right_ear_1"),
    ),
    skeleton=(
        ("left_eye", "right_eye"), ("left_eye", "mouth"), ("right_eye", "mouth"),
        ("left_ear_1", "left_ear_2"), ("left_ear_2", "left_ear_3"), ("left_ear_3", "right_ear_1"),
        ("right_ear_1", "right_ear_2"), ("right_ear_2", "right_ear_3"),
    ),
    sigmas_source="default 0.05 for all: nobody has published repeated annotations of CAT",
)  # fmt: skip

WHERE_TO_GET = "https://www.kaggle.com/datasets/crawford/cat-dataset"
SAMPLE_COMMAND = "kpplugins dataset sample cat --out data/cat_sample --num 600 --seed 0"
_SUFFIX = ".cat"


def is_cat(source: Path) -> bool:
    """Tell whether a source looks like a folder in the CAT layout; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        return source.is_dir() and any(True for p in ("*.jpg.cat", "CAT_*/*.jpg.cat") for _ in source.glob(p))
    except OSError:
        return False


def read_cat(
    root: Path, *, folders: tuple[str, ...] | None = None, margin: float = MARGIN, skip_bad: bool = False
) -> AnnotationSet:
    """Read every cat below ``root``, sorted by folder and name.

    Args:
        root: the folder that holds ``CAT_00`` …, or one such folder itself.
        folders: only these subfolders, e.g. ``('CAT_00',)``; ``None`` takes every ``CAT_*``.
        margin: of the box, which is the one around the labelled keypoints; see ``record_builder``.
        skip_bad: skip bad files and log how many and why, instead of stopping at the first.

    Returns:
        One record per cat. A keypoint outside its image has visibility 0, the others 2 (CAT does not say which are
        occluded); each such keypoint is counted in ``rules``.

    Raises:
        BadInputError: the folder is missing or holds no cats, or a file is bad and ``skip_bad`` is false.
    """
    reading = AnnotationSet(CAT_SCHEMA)
    for annotation, image in _pairs(_folders_of(root, folders), reading):
        try:
            reading.records.append(_read_one(annotation, image, margin))
        except BadInputError as fault:
            reading.faults.append(fault)
    if not reading.records and not reading.faults:
        raise BadInputError(
            "no cats here",
            where=str(root),
            expected="CAT_00 … CAT_06 with NAME.jpg and NAME.jpg.cat",
            todo=f"get them from {WHERE_TO_GET}, or draw some: {SAMPLE_COMMAND}",
        )
    return reading.settle(skip_bad)


def parse_cat(text: str, where: str) -> np.ndarray:
    """Parse the keypoints of one ``.cat`` file.

    Args:
        text: the file's content.
        where: the file's name, for messages.

    Returns:
        ``(9, 2)`` float64 in (x, y) pixels.

    Raises:
        BadInputError: empty, not numbers, another number of keypoints, or a wrong number of values.
    """
    k = CAT_SCHEMA.num_keypoints
    tokens = [(n, token) for n, line in enumerate(text.splitlines(), 1) for token in line.split()]
    expected = f"'{k} x1 y1 … x{k} y{k}', {1 + 2 * k} numbers"
    if not tokens:
        raise BadInputError(
            "annotation is empty", where=f"{where}:1", expected=expected, todo="annotate it again"
        )
    values = []
    for line, token in tokens:
        try:
            values.append(float(token))
        except ValueError:
            values.append(math.nan)
        if not math.isfinite(values[-1]):
            raise BadInputError(
                "annotation holds something that is not a number",
                where=f"{where}:{line}",
                expected=expected,
                found=repr(token[:40]),
                todo="annotate it again",
            )
    if values[0] != k:
        raise BadInputError(
            "annotation states another number of keypoints",
            where=f"{where}:{tokens[0][0]}",
            expected=str(k),
            found=tokens[0][1],
            todo="annotate it again",
        )
    if len(values) != 1 + 2 * k:
        kind = "short" if len(values) < 1 + 2 * k else "long"
        raise BadInputError(
            f"annotation is too {kind}",
            where=f"{where}:{tokens[-1][0]}",
            expected=expected,
            found=f"{len(values)} numbers",
            todo="annotate it again",
        )
    return np.array(values[1:], dtype=np.float64).reshape(k, 2)


def _folders_of(root: Path, folders: tuple[str, ...] | None) -> list[Path]:
    cure = (
        f"get the CAT dataset from {WHERE_TO_GET} and unpack it there, or draw sample cats: {SAMPLE_COMMAND}"
    )
    if not root.is_dir():
        raise BadInputError(
            "the CAT dataset is not here",
            where=str(root),
            expected="a folder with CAT_00 … CAT_06",
            found="no such folder",
            todo=cure,
        )
    if folders is not None:
        missing = [f for f in folders if not (root / f).is_dir()]
        if missing:
            raise BadInputError(f"folder {missing[0]} is missing", where=str(root), todo=cure)
        return [root / f for f in folders]
    return sorted(p for p in root.glob("CAT_*") if p.is_dir()) or [root]


def _pairs(folders: list[Path], reading: AnnotationSet) -> list[tuple[Path, Path]]:
    """Pair annotations with their images; a file without its partner is recorded as a fault."""
    pairs = []
    for folder in folders:
        files = sorted(p for p in folder.iterdir() if p.is_file())
        names = {p.name for p in files}
        for path in files:
            if path.suffix == _SUFFIX and path.with_suffix("").name in names:
                pairs.append((path, path.with_suffix("")))
            elif path.suffix == _SUFFIX:
                reading.faults.append(
                    BadInputError(
                        "annotation without image",
                        where=str(path),
                        expected=path.with_suffix("").name,
                        todo="restore the image or delete the annotation",
                    )
                )
            elif path.suffix.lower() in SUFFIXES and path.name + _SUFFIX not in names:
                reading.faults.append(
                    BadInputError(
                        "image without annotation",
                        where=str(path),
                        expected=path.name + _SUFFIX,
                        todo="annotate it or move it elsewhere",
                    )
                )
    return pairs


def _read_one(annotation: Path, image: Path, margin: float) -> PoseRecord:
    try:
        text = annotation.read_text(encoding="ascii")
    except UnicodeDecodeError as error:
        raise BadInputError(
            "annotation is not text", where=f"{annotation}:1", todo="annotate it again"
        ) from error
    points = parse_cat(text, str(annotation))
    keypoints = np.concatenate([points, np.full((len(points), 1), 2.0)], axis=1)
    where = f"{annotation}:1"
    return build_record(
        measure_image(image, where), keypoints, source=annotation, where=where, margin=margin, category="cat"
    )
