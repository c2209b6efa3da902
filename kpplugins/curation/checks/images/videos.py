"""Find frames of one video in different splits: the model is scored on images that it has almost seen."""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material

_NUMBERED = re.compile(r"(?P<stem>.*?)(?P<number>\d+)$")
_FRAME_WORDS = re.compile(r"frame|video|(?<![a-z])(vid|clip|seq|cam)(?![a-z])", re.IGNORECASE)
_SPLIT_FOLDER = re.compile(r"(train|val|valid|validation|test)(\d{4})?", re.IGNORECASE)
_LEAST_FRAMES = 8
_ONE_SCENE = 0.85
"""Least median correlation of the thumbnails of neighbouring frames that show one scene."""
_NEARER = 0.8
"""How much less neighbours differ, in the median, than any two frames of the sequence, if the order is time."""
_STILL = 0.35
"""Largest difference of neighbours (see ``Looks.difference``) that are called near-duplicates."""
_LEAK = 0.5
_LEAST_BLOCK = 5
_MANY_BLOCKS = 20
"""Blocks hold at least 5 frames on average, and more if at least 20 blocks remain."""
_SEVERAL = 3


@dataclass(frozen=True)
class Sequence:
    """Images of one folder whose names differ only in a number at the end, sorted by that number.

    Folders named after splits count as the same folder.
    """

    folder: str
    stem: str
    paths: tuple[Path, ...]


def leaks(material: Material) -> list[Finding]:
    """Report sequences whose neighbouring frames are in different splits.

    Args:
        material: the data set.

    Returns:
        One finding per sequence; without a division, a note that proposes a ``--group-by`` pattern.
    """
    if material.group_by is not None:
        return []
    found, all_sequences = [], sequences([p.path for p in material.images])
    place = {path: i for i, path in enumerate(material.looks.paths)}
    for sequence in all_sequences:
        rows = np.array([place[p] for p in sequence.paths if p in place], int)
        paths = [material.looks.paths[i] for i in rows]
        if len(rows) < _LEAST_FRAMES:
            continue
        scene, still = _alike(material, rows)
        if not (scene or _FRAME_WORDS.search(sequence.stem)):
            continue
        pattern = propose_pattern(sequence, all_sequences)
        splits = [material.reading.splits.get(p, "") for p in paths]
        if not material.reading.splits:
            what = f"{len(paths)} images look like frames of one video ({paths[0].name} to {paths[-1].name})."
            todo = (
                f"keep neighbours together: kpplugins dataset convert SOURCE --out DIR --group-by '{pattern}'"
            )
            found.append(Finding("video-frames", "note", what, todo, material.source, paths[0]))
        elif len(set(splits)) > 1:
            found.append(_leak(material, paths, splits, scene, still, pattern))
    return found


def scenes(material: Material) -> dict[Path, str]:
    """Find the sequences whose neighbouring frames show one scene.

    Args:
        material: the data set.

    Returns:
        For every image of such a sequence, the path of the sequence's first frame.
    """
    place = {path: i for i, path in enumerate(material.looks.paths)}
    found: dict[Path, str] = {}
    for sequence in sequences(list(material.looks.paths)):
        rows = np.array([place[p] for p in sequence.paths], int)
        if len(rows) >= _LEAST_FRAMES and _alike(material, rows)[0]:
            found.update(dict.fromkeys(sequence.paths, str(sequence.paths[0])))
    return found


def sequences(paths: list[Path]) -> list[Sequence]:
    """Group images into sequences by folder and by the part of the name before its last number.

    Args:
        paths: image files.

    Returns:
        The sequences; one may hold a single image.
    """
    members: dict[tuple[str, str], list[tuple[int, Path]]] = defaultdict(list)
    for path in paths:
        match = _NUMBERED.match(path.stem)
        if match:
            folder = "/".join(part for part in path.parent.parts if not _SPLIT_FOLDER.fullmatch(part))
            members[folder, match["stem"]].append((int(match["number"][-18:]), path))
    return [Sequence(*key, tuple(p for _, p in sorted(found))) for key, found in members.items()]


def video_names(sequence: Sequence) -> bool:
    """Tell whether images are frames of a video by their names alone.

    Args:
        sequence: images of one folder.

    Returns:
        Whether there are eight or more, and their names or that of their folder speak of a video.
    """
    words = f"{PurePath(sequence.folder).name}/{sequence.stem}"
    return len(sequence.paths) >= _LEAST_FRAMES and _FRAME_WORDS.search(words) is not None


def propose_pattern(sequence: Sequence, everything: list[Sequence]) -> str:
    """Propose a ``--group-by`` pattern that keeps neighbouring frames together.

    Args:
        sequence: the sequence that needs the pattern.
        everything: all sequences of the data set.

    Returns:
        A regular expression: whole videos where there are several, else blocks of frames.
    """
    several = [s for s in everything if len(s.paths) >= 2]
    if len(several) >= _SEVERAL:
        folders = {s.folder for s in several}
        return r"([^/]*?)\d+\.\w+$" if len(folders) == 1 else r"([^/]*/[^/]*?)\d+\.\w+$"
    numbers = [int(match["number"][-18:]) for p in sequence.paths if (match := _NUMBERED.match(p.stem))]

    def blocks(digits: int) -> int:
        return len({n // 10**digits for n in numbers})

    digits = 1
    while digits < 18 and (
        blocks(digits + 1) >= _MANY_BLOCKS or blocks(digits) * _LEAST_BLOCK > len(numbers)
    ):
        digits += 1
    last = r"\d" if digits == 1 else rf"\d{{1,{digits}}}"
    return rf"([^/]*?\d*?){last}\.\w+$"


def _alike(material: Material, rows: np.ndarray) -> tuple[bool, bool]:
    """Tell whether neighbours show one scene, and whether they differ less than any two frames of the sequence."""
    looks, first, second = material.looks, rows[:-1], rows[1:]
    if float(np.median(looks.correlation(first, second))) < _ONE_SCENE:
        return False, False
    shuffled = np.random.default_rng(0).permutation(rows)
    near = float(np.median(looks.difference(first, second)))
    far = float(np.median(looks.difference(rows, shuffled)[rows != shuffled]))
    return True, near <= _STILL or near <= _NEARER * far


def _leak(
    material: Material, paths: list[Path], splits: list[str], scene: bool, still: bool, pattern: str
) -> Finding:
    held = [i for i, split in enumerate(splits) if split != "train"]
    beside = [i for i in held if {*splits[max(0, i - 1) : i + 2]} != {splits[i]}]
    share = len(beside) / max(len(held), 1)
    i = beside[0] if beside else held[0]
    other = next((j for j in (i - 1, i + 1) if 0 <= j < len(paths) and splits[j] != splits[i]), None)
    harmful = scene and still and share >= _LEAK
    how = "frames of one scene" if scene else "frames of one video by their names"
    blocks = r"\d*?" in pattern
    todo = f"kpplugins dataset split DIR --ratio 80 10 10 --group-by '{pattern}'"
    todo += (
        " (blocks of neighbouring frames stay together; test on another video if there is one)"
        if blocks
        else ""
    )
    return Finding(
        "video-across-splits", "harmful" if harmful else "suspect",
        f"{len(paths)} images ({paths[0].name} to {paths[-1].name}) look like {how}, and {len(beside)} of the"
        f" {len(held)} outside train have their neighbour in another split.",
        todo, material.source, paths[i], beside=None if other is None else paths[other],
    )  # fmt: skip
