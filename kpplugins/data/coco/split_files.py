"""Which of a source's COCO files are used, and for which split.

A file that repeats others is left out and named: a copy, or ``trainval`` beside ``train`` and ``val``. Files that share
images otherwise, such as those of a k-fold division, must be chosen: ``--split-files``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.parsing.image_files import real_paths
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.splits import SPLITS
from kpplugins.storage.files import is_file
from kpplugins.structures import BadInputError

_CHOOSE = "delete those that are not meant, or choose: --split-files train=FILE val=FILE test=FILE"
_MOSTLY = 0.5
"""Files that share more than this share of the smaller one's images repeat each other; fewer images are faults."""


def chosen_files(source: Path, texts: Sequence[str]) -> dict[Path, str]:
    """Read the files and splits that somebody chose.

    Args:
        source: the folder; files are named relative to it or to its ``annotations``, or as paths.
        texts: ``SPLIT=FILE`` each; a split may have several files.

    Returns:
        The split by file, in their order.

    Raises:
        BadInputError: another form, an unknown split, no such file, or a file twice.
    """
    chosen: dict[Path, str] = {}
    for text in texts:
        split, _, name = text.partition("=")
        places = [source / "annotations" / name, source / name, Path(name)]
        file = next((place for place in places if name and is_file(place)), None)
        if split not in SPLITS or file is None:
            raise BadInputError(
                "no such file" if split in SPLITS and name else "not SPLIT=FILE", where="--split-files",
                expected="train=FILE, val=FILE or test=FILE, a file of the source", found=repr(text),
            )  # fmt: skip
        if file in chosen:
            raise BadInputError("file is chosen twice", where="--split-files", found=repr(text))
        chosen[file] = split
    return chosen


def without_repeats(readings: Mapping[Path, AnnotationSet], notes: Notes) -> dict[Path, AnnotationSet]:
    """Leave out files that repeat others, with a line that says which are used, and images that two files share.

    Args:
        readings: what was read, by file.
        notes: what is left out is added to it.

    Returns:
        What is used, by file; an image in several files is in none of them, and a fault of the last.

    Raises:
        BadInputError: files of different splits have the same images, or files share most of their images otherwise.
    """
    if len(readings) == 1:
        return dict(readings)
    images = {file: set(_files_of(reading).values()) for file, reading in readings.items()}
    used = _without_copies(dict(readings), images, notes)
    for whole in sorted(used, key=lambda file: len(images[file])):
        parts = [f for f in used if f != whole and images[f] and images[f] < images[whole]]
        if len(parts) > 1 and set().union(*(images[p] for p in parts)) == images[whole]:
            notes.say(f"{whole.name} repeats {' and '.join(p.name for p in parts)}, left out")
            del used[whole]
    _refuse_overlap(used, images)
    return used


def _files_of(reading: AnnotationSet) -> dict[Path, Path]:
    """Return the real file of each image that was read."""
    return real_paths({*(r.image for r in reading.records), *(b.path for b in reading.backgrounds)})


def _without_copies(
    used: dict[Path, AnnotationSet], images: Mapping[Path, set[Path]], notes: Notes
) -> dict[Path, AnnotationSet]:
    kept: dict[Path, AnnotationSet] = {}
    split = {file: _split_of(reading) for file, reading in used.items()}
    for file in sorted(used, key=lambda f: not split[f]):  # of two copies, the one that names a split
        same = next((k for k in kept if images[k] == images[file] and images[file]), None)
        if same is None or not _alike(used[same], used[file]):
            kept[file] = used[file]
        elif split[file] not in ("", split[same]):
            raise BadInputError(
                "two splits have the same content", where=f"{same} and {file.name}",
                expected="every image in one split", found=f"{len(images[file])} images in both",
                todo=f"{_CHOOSE}; or choose one of them, and divide it: --ratio 80 10 10",
            )  # fmt: skip
        else:
            notes.say(f"{file.name} has the same content as {same.name}, left out")
    return {file: reading for file, reading in used.items() if file in kept}


def _alike(one: AnnotationSet, other: AnnotationSet) -> bool:
    """Tell whether two readings have the same instances."""

    files = {**_files_of(one), **_files_of(other)}

    def content(record: PoseRecord) -> tuple:
        return files[record.image], record.category, record.bbox.tobytes(), record.keypoints.tobytes()

    return sorted(map(content, one.records)) == sorted(map(content, other.records))


def _refuse_overlap(used: Mapping[Path, AnnotationSet], images: Mapping[Path, set[Path]]) -> None:
    """Raise for files that share most images; make faults of single images that several files name."""
    files = list(used)
    for i, one in enumerate(files):
        for other in files[i + 1 :]:
            shared = images[one] & images[other]
            if len(shared) > _MOSTLY * min(len(images[one]), len(images[other])):
                raise BadInputError(
                    "files share images", where=f"{one} and {other.name}", expected="every image in one file",
                    found=f"{len(shared)} of {len(images[one])} and {len(images[other])} images in both", todo=_CHOOSE,
                )  # fmt: skip
            splits = {split for file in (one, other) if (split := _split_of(used[file]))}
            for image in sorted(shared):
                used[other].faults.append(
                    BadInputError(
                        f"image is in two {'splits' if len(splits) > 1 else 'files'}",
                        where=f"{other}: {image.name}",
                        expected="every image in one file",
                        found=f"{one.name} has it too",
                        todo=f"take it out of all files but one, or {_CHOOSE}",
                    )  # fmt: skip
                )
            for file in (one, other):
                used[file].without({path for path, real in _files_of(used[file]).items() if real in shared})


def _split_of(reading: AnnotationSet) -> str:
    """Return the split of all images of a file; empty if it has none."""
    return next(iter(reading.splits.values()), "")
