"""MPII Human Pose: the published ``.mat`` file, or JSON files that others made of it, and the folder ``images``.

``mat`` and ``json_lists`` say what the files hold, ``person`` how positions and boxes are understood. Persons without
keypoints stay as unlabelled instances where a position and scale tell their place. Heads' boxes, which the published
file has for PCKh, are left out and counted.
"""

from functools import partial
from pathlib import Path

from kpplugins.data.annotation_set import UNLABELLED, AnnotationSet
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.one_image import add_image
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.text import annotation_files
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.record_builder import MARGIN, build_record
from kpplugins.data.rule import AppliedRule
from kpplugins.data.splits import true_division
from kpplugins.formats.mpii.json_lists import is_json_list, read_json_list
from kpplugins.formats.mpii.mat import is_mat, read_mat
from kpplugins.formats.mpii.person import MPII_SCHEMA, Entry, Person, keypoints_of, square_of
from kpplugins.structures import BadInputError

_IMAGES = ("images", "")
_LOST = "person with neither keypoints nor a place, left out"


def is_mpii(source: Path) -> bool:
    """Tell whether a source looks like MPII; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        return bool(_files(source, 10)[0])
    except OSError:
        return False


def read_mpii(
    source: Path, *, images: Path | None = None, margin: float = MARGIN, skip_bad: bool = False
) -> AnnotationSet:
    """Read the annotation of MPII.

    Where there are a ``.mat`` file and JSON files, the ``.mat`` file is read; where there are JSON files of train and
    val, that of both is not. What is not read is noted, as are the images without published keypoints.

    Args:
        source: the folder with ``images`` and the annotation, in it, in ``annotations`` or in the folder that the
            published archive unpacks to; or one annotation file.
        images: where the images are; ``None`` looks in the folders named above.
        margin: of derived boxes, see ``record_builder``.
        skip_bad: skip bad images.

    Returns:
        One record a person.

    Raises:
        BadInputError: no annotation, or a bad entry and ``skip_bad`` is false.
    """
    files, others = _files(source)
    if not files:
        raise BadInputError(
            "no annotation of MPII here",
            where=str(source),
            expected="mpii_human_pose_v1_u12_1.mat or mpii_train.json",
        )
    reading = AnnotationSet(MPII_SCHEMA)
    reading.notes.say(*(f"{path} is not read: it repeats {files[0].name}" for path in others))
    seen: dict[str, str] = {}
    folders: dict[Path, ImageFolder] = {}
    for path in files:
        entries, faults = read_mat(path) if path.suffix.lower() == ".mat" else read_json_list(path)
        reading.faults += faults
        around = [place for place in (path.parent, path.parent.parent) if (place / _IMAGES[0]).is_dir()]
        root = images or (source if source.is_dir() else (*around, path.parent)[0])
        folder = folders.setdefault(root, ImageFolder(root, _IMAGES, search=images is not None))
        for entry in entries:
            if not entry.labelled:
                reading.notes.count(UNLABELLED)
            elif seen.setdefault(entry.name, entry.where) != entry.where:
                reading.faults.append(BadInputError(
                    "image is annotated twice", where=entry.where, found=f"another at {seen[entry.name]}",
                    todo="leave one of the files",
                ))  # fmt: skip
            else:
                reading.notes.count(_LOST, sum(_is_lost(person) for person in entry.persons))
                add_image(reading, partial(_image, entry, path, folder, margin), entry.split)
    for folder in folders.values():
        reading.notes.say(*folder.notes)
    reading.splits = true_division(reading.splits)
    return reading.settle(skip_bad)


def _image(
    entry: Entry, path: Path, folder: ImageFolder, margin: float
) -> tuple[ImageInfo, list[PoseRecord]]:
    image = folder.find(entry.name, entry.where)
    return image, [_record(image, p, path, margin) for p in entry.persons if not _is_lost(p)]


def _is_lost(person: Person) -> bool:
    return person.points is None and square_of(person) is None


def _record(image: ImageInfo, person: Person, path: Path, margin: float) -> PoseRecord:
    box = square_of(person)
    rules = [AppliedRule.BOX_OF_SCALE] * (box is not None) + [AppliedRule.HEAD_LEFT_OUT] * person.head
    return build_record(
        image, keypoints_of(person), source=path, where=person.where, box=box, margin=margin, category="person",
        rules=rules,
    )  # fmt: skip


def _files(source: Path, limit: int | None = None) -> tuple[list[Path], list[Path]]:
    """Return the files that are read, and those that repeat them."""
    files = [source] if source.is_file() else []
    for place in (
        source,
        source / "annotations",
        *sorted(source.glob("mpii_human_pose_v1*")),
    ):  # as it unpacks
        if place.is_dir():
            files += annotation_files(place, (".mat", ".json"))[:limit]
    mats = [path for path in files if is_mat(path)]
    lists = [path for path in files if is_json_list(path)]
    stems = {path.stem.lower() for path in lists}
    divided = any(s.endswith("_train") for s in stems) and any(s.endswith(("_val", "_valid")) for s in stems)
    chosen = mats[:1] or [path for path in lists if not (divided and "trainval" in path.stem.lower())]
    return chosen, [path for path in (*mats, *lists) if path not in chosen]
