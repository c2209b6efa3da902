"""Ultralytics YOLO pose: ``data.yaml``, ``images/…`` and ``labels/….txt``.

A line of a label file is ``class cx cy w h`` and K times ``x y`` or ``x y visibility``, all but class and visibility
as fractions of the image. An image with an empty label file is a background; so is one without a label file, as in
Ultralytics, but those are counted.
"""

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.images import SUFFIXES
from kpplugins.data.parsing.documents import load_yaml
from kpplugins.data.parsing.image_files import below, existing_end, is_absolute
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.parsing.text import first_text, one_line, read_text
from kpplugins.data.parsing.values import parse_number
from kpplugins.data.record_builder import build_record
from kpplugins.data.splits import SPLIT_WORDS, SPLITS, true_division
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import infer_schema, numbered_names
from kpplugins.structures import BadInputError

_SLACK = 0.01
"""How far a fraction of a box may be outside 0 … 1, because tools round."""
_NO_FILE = "image without a label file, taken as one without instances as Ultralytics does"


@dataclass(frozen=True)
class _Layout:
    """What ``data.yaml`` says about a line: K, 2 or 3 values per keypoint, and the classes."""

    k: int
    dims: int
    classes: dict[int, str]

    @property
    def length(self) -> int:
        return 5 + self.k * self.dims


def is_yolo_pose(source: Path) -> bool:
    """Tell whether a source looks like an Ultralytics YOLO pose data set; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        path = _yaml_of(source)
    except (BadInputError, OSError):
        return False
    return "kpt_shape" in first_text(path)


def read_yolo_pose(source: Path, *, skip_bad: bool = False) -> AnnotationSet:
    """Read every image of every split, in the order of ``data.yaml`` and sorted by name within.

    ``path`` is used if it leads to a folder below that of ``data.yaml``, else that folder itself is the root (most
    exports name a folder of the machine that they were made on). With two values per keypoint, (0, 0) is absent and all
    others are visible. ``splits`` are the file's if it names at least two.

    Args:
        source: the folder with ``data.yaml``, or that file.
        skip_bad: skip bad images.

    Returns:
        The records, with every fault and every rule that was applied.

    Raises:
        BadInputError: ``data.yaml`` is missing or wrong, or a bad file and ``skip_bad`` is false.
    """
    path = _yaml_of(source)
    config = load_yaml(path)
    notes = Notes()
    layout, schema = _layout(config, path), _schema(config, path, notes)
    root = _root(config, path)
    reading = AnnotationSet(schema, notes=notes)
    folder = ImageFolder(root)
    splits: dict[Path, str] = {}
    keys = _split_keys(config, root, reading.notes)
    seen: dict[Path, str] = {}
    labels: dict[Path, Path] = {}
    for split in SPLITS:
        key = keys.get(split, split)
        for name, where in _names_of(config.get(key), key, root, path, reading.faults):
            try:
                image = folder.find(name, where)
                real = image.path.resolve()
                if real in seen:
                    raise BadInputError(
                        "image is listed twice", where=where, found=f"{name} in {seen[real]} too",
                        todo="name each image in one split; if there is no other, leave the second out of the file",
                    )  # fmt: skip
                seen[real] = split
                _check_label_file(root, image.path, labels, reading)
                _add(reading, image, root, layout)
                splits[image.path] = split
            except BadInputError as fault:
                reading.faults.append(fault)
    if not splits and not reading.faults:
        raise BadInputError(
            "names no images", where=str(path), expected="train, val or test with images", todo="add them"
        )
    reading.splits = true_division(splits)
    reading.notes.say(*folder.notes)
    return reading.settle(skip_bad)


def label_path(root: Path, image: Path) -> Path:
    """Find the label file of an image: the last folder ``images`` below ``root`` becomes ``labels``, the ending .txt.

    Args:
        root: of the data set.
        image: the image file.

    Returns:
        The label file, which may not exist.
    """
    parts = list(image.relative_to(root).with_suffix(".txt").parts)
    folders = [i for i, part in enumerate(parts[:-1]) if part == "images"]
    if folders:
        parts[folders[-1]] = "labels"
    return root.joinpath(*parts)


def labels_of(root: Path, image: Path) -> Path:
    """Find the label file of an image, also where only one of the two names is in macOS's Unicode form.

    Args:
        root: of the data set.
        image: the image file.

    Returns:
        The label file, which may not exist.
    """
    path = label_path(root, image)
    forms = (path.with_name(unicodedata.normalize(form, path.name)) for form in ("NFC", "NFD"))
    return path if path.is_file() else next((p for p in forms if p.is_file()), path)


def flip_pairs_of(flip_idx: Any, names: list[str], where: str) -> list[tuple[str, str]] | None:
    """Read pairs of names from Ultralytics' ``flip_idx``.

    Args:
        flip_idx: K indices, or ``None``.
        names: of the K keypoints.
        where: the file, for messages.

    Returns:
        The pairs; ``None`` for nothing, and for an index that exchanges nothing: it is what tools write that know no
        pairs, and the names may.

    Raises:
        BadInputError: not K indices, or exchanging twice does not lead back.
    """
    if flip_idx is None or flip_idx == []:
        return None
    k = len(names)
    if (
        not isinstance(flip_idx, list)
        or any(type(i) is not int for i in flip_idx)
        or sorted(flip_idx) != list(range(k))
        or any(flip_idx[flip_idx[i]] != i for i in range(k))
    ):
        raise BadInputError(
            "`flip_idx` does not exchange keypoints in pairs",
            where=where,
            expected=f"each of 0 … {k - 1} once, and flip_idx[flip_idx[i]] = i",
            found=repr(flip_idx)[:120],
            todo="give each keypoint the index of its mirrored partner, or its own",
        )
    return [(names[i], names[j]) for i, j in enumerate(flip_idx) if i < j] or None


def _yaml_of(source: Path) -> Path:
    if source.suffix in (".yaml", ".yml"):
        return source
    if (source / "data.yaml").is_file():
        return source / "data.yaml"
    files = sorted(p for p in source.glob("*.y*ml") if "kpt_shape" in first_text(p))
    if len(files) != 1:
        raise BadInputError(
            "no data.yaml here", where=str(source), expected="data.yaml or one *.yaml with kpt_shape",
            found=", ".join(p.name for p in files),
        )  # fmt: skip
    return files[0]


def _layout(config: dict[Any, Any], path: Path) -> _Layout:
    shape = config.get("kpt_shape")
    if (
        not isinstance(shape, list)
        or len(shape) != 2
        or any(type(v) is not int for v in shape)
        or not 1 <= shape[0] <= 10000
        or shape[1] not in (2, 3)
    ):
        raise BadInputError(
            "`kpt_shape` is wrong",
            where=f"{path}: kpt_shape",
            expected="[K, 2] or [K, 3]",
            found=repr(shape)[:80],
        )
    names = config.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or any(type(i) is not int for i in names):
        raise BadInputError(
            "`names` is wrong", where=f"{path}: names", expected="0: NAME …", found=repr(names)[:80]
        )
    return _Layout(shape[0], shape[1], {i: str(name) for i, name in names.items()})


def _schema(config: dict[Any, Any], path: Path, notes: Notes) -> KeypointSchema:
    k = config["kpt_shape"][0]
    names = config.get("kpt_names")
    if isinstance(names, dict):  # by class; the inner format has one set of keypoints
        different = [value for i, value in enumerate(names.values()) if value not in list(names.values())[:i]]
        names = different[0] if len(different) == 1 else different
    if names is None:
        names = numbered_names(k)
    if not isinstance(names, list) or len(names) != k or not all(isinstance(n, (str, int)) for n in names):
        raise BadInputError(
            "`kpt_names` is wrong", where=f"{path}: kpt_names", expected=f"{k} names, the same for every class",
            found=repr(names)[:120],
        )  # fmt: skip
    words = [str(name) for name in names]
    pairs = flip_pairs_of(config.get("flip_idx"), words, f"{path}: flip_idx")
    schema = infer_schema("yolo_pose", words, flip_pairs=pairs)
    if config.get("flip_idx") and not pairs and schema.flip_pairs:
        notes.say(
            f"{path}: flip_idx exchanges nothing, but the names state left and right, which are followed"
        )
    return schema


def _root(config: dict[Any, Any], path: Path) -> Path:
    """Return the folder that names are relative to; see ``read_yolo_pose``."""
    given = config.get("path")
    if isinstance(given, str):
        try:
            root = below(path.parent, given, str(path))
            return root if root.is_dir() else path.parent
        except (OSError, RuntimeError, ValueError):
            return path.parent
    return path.parent


def _split_keys(config: dict[Any, Any], root: Path, notes: Notes) -> dict[str, str]:
    """Return the key of each split, which may be called ``validation`` or ``valid``; note other keys with images."""
    keys: dict[str, str] = {}
    for word, split in SPLIT_WORDS.items():
        if config.get(word) is not None:
            keys.setdefault(split, word)
    for key, value in config.items():
        entries = value if isinstance(value, list) else [value]
        if key in ("path", "names", "kpt_names") or key in keys.values():
            continue
        images = sum(
            len(_names_of(e, str(key), root, root, []))
            for e in entries
            if isinstance(e, str) and e.strip("./")
        )
        if images:
            notes.say(f"key {str(key)[:40]!a} leads to images that are not read ({images}): it is no split")
    return keys


def _names_of(
    value: Any, split: str, root: Path, path: Path, faults: list[BadInputError]
) -> list[tuple[str, str]]:
    """List the image names of one split, relative to ``root``, each with the place that names it."""
    where = f"{path}: {split}"
    names: list[tuple[str, str]] = []
    for entry in value if isinstance(value, list) else [] if value is None else [value]:
        try:
            if not isinstance(entry, str):
                raise BadInputError("is not a path", where=where, found=repr(entry)[:80])
            if is_absolute(entry):  # of the machine that the set was made on
                entry = existing_end(root, entry) or entry
            while entry.startswith(("./", "../")):  # Roboflow writes ../train/images for a folder beside
                entry = entry.split("/", 1)[1]
            target = below(root, entry or ".", where)
            if target.is_dir():
                names += [(p.relative_to(root).as_posix(), where) for p in _images(target)]
                faults.extend(_orphans(target, root))
            elif target.suffix == ".txt":
                names += _listed(target, root)
            else:
                raise BadInputError(
                    "no such folder or list of images", where=where, expected=f"below {root}",
                    found=repr(entry)[:80], todo="put data.yaml beside the images and set `path: .`",
                )  # fmt: skip
        except BadInputError as fault:
            faults.append(fault)
        except (OSError, RuntimeError, ValueError) as error:
            faults.append(BadInputError(f"unusable path: {one_line(error)}", where=where))
    return names


def _images(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())


def _listed(path: Path, root: Path) -> list[tuple[str, str]]:
    """Read the lines of a list of images; ``./`` means the list's own folder, as in Ultralytics."""
    names = []
    for number, line in enumerate(read_text(path, may_be_empty=True).splitlines(), 1):
        name = line.strip()
        if name:
            folder = path.parent.relative_to(root).as_posix()
            name = f"{folder}/{name[2:]}" if name.startswith("./") else name
            names.append((name, f"{path}:{number}"))
    return names


def _orphans(folder: Path, root: Path) -> list[BadInputError]:
    """Return faults for label files without an image."""
    labels = label_path(root, folder / "a.jpg").parent
    if labels == folder:
        return []
    known = {labels_of(root, p) for p in _images(folder)}
    return [
        BadInputError(
            "label file without image",
            where=str(path),
            expected=f"{path.stem}.jpg (or .png, …) below {folder}",
            todo="restore the image or delete the labels",
        )
        for path in sorted(labels.rglob("*.txt"))
        if path not in known and path.name != "classes.txt"
    ]


def _check_label_file(root: Path, image: Path, labels: dict[Path, Path], reading: AnnotationSet) -> None:
    """Raise BadInputError if the image's label file is also that of another one, which is taken out again."""
    path = labels_of(root, image)
    other = labels.setdefault(path, image)
    if other != image and path.is_file():
        reading.without({other})
        raise BadInputError(
            "label file fits two images", where=str(path), expected="one image of that name",
            found=f"{other.name} and {image.name}", todo="delete or rename one of them",
        )  # fmt: skip


def _add(reading: AnnotationSet, image: ImageInfo, root: Path, layout: _Layout) -> None:
    """Add the records of one image; all or none."""
    path = labels_of(root, image.path)
    lines = read_text(path, may_be_empty=True).splitlines() if path.is_file() else []
    records = [
        _record(line.split(), image, layout, path, f"{path}:{number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    reading.records.extend(records)
    if not records:
        reading.backgrounds.append(image)
        reading.notes.count(_NO_FILE, not path.is_file())


def _record(tokens: list[str], image: ImageInfo, layout: _Layout, path: Path, where: str) -> PoseRecord:
    if len(tokens) != layout.length:
        raise BadInputError(
            "line has another number of values",
            where=where,
            expected=f"{layout.length}: class, box and {layout.k} keypoints of {layout.dims} values",
            found=str(len(tokens)),
            todo="correct the line or `kpt_shape`",
        )
    values = np.array([parse_number(token, "value", where) for token in tokens])
    if values[0] not in layout.classes:
        raise BadInputError(
            "unknown class", where=where, expected=f"one of {sorted(layout.classes)}"[:120], found=tokens[0]
        )
    size = np.array([image.width, image.height], dtype=np.float64)
    points = np.full((layout.k, 3), 2.0)
    points[:, : layout.dims] = values[5:].reshape(layout.k, layout.dims)
    if layout.dims == 2:
        points[(points[:, :2] == 0).all(axis=1), 2] = 0
    centre, sides = values[1:3], values[3:5]
    labelled = points[points[:, 2] > 0, :2]
    wrong = values[1:5].min() < -_SLACK or values[1:5].max() > 1 + _SLACK
    if wrong or (np.abs(labelled) > 2).any():
        raise BadInputError(
            "values are not fractions of the image",
            where=where,
            expected="numbers from 0 to 1",
            found=" ".join(tokens)[:80],
            todo="divide x by the image's width and y by its height",
        )
    points[:, :2] *= size
    box = np.concatenate([(centre - sides / 2) * size, (centre + sides / 2) * size])
    return build_record(
        image, points, source=path, where=where, box=box, category=layout.classes[int(values[0])]
    )
