"""Turn what the reader could not read into findings, in the reader's own words."""

import re
from pathlib import Path

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.storage.files import exists
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path, spelled

_KINDS = (
    ("image is missing", "image-missing"),
    ("image has another size", "image-size"),
    ("image is listed twice", "image-twice"),
    ("image is annotated twice", "image-twice"),
    ("image has two rows", "image-twice"),
    ("label file fits two images", "image-twice"),
    ("two images have one name", "image-twice"),
    ("image is in two splits", "image-in-two-splits"),
    ("image is in two files", "image-in-two-files"),
    ("files share images", "image-in-two-files"),
    ("two splits have the same content", "image-in-two-splits"),
    ("image is too large", "image-unreadable"),
    ("image is empty", "image-unreadable"),
    ("image is truncated", "image-unreadable"),
    ("image cannot be", "image-unreadable"),
    ("image in its archive", "image-unreadable"),
    ("not an image", "image-unreadable"),
    ("keypoints are fractions", "fractions"),
    ("number of keypoints differs", "keypoint-count"),
    ("bbox must be x", "box-without-size"),
    ("box has no area in its image", "box-outside-image"),
    ("box has no size", "box-without-size"),
    ("visibility must be", "visibility-value"),
    ("image id twice", "id-twice"),
    ("annotation id twice", "id-twice"),
    ("a category_id that has no name", "category-unknown"),
    ("annotation of an unknown image", "annotation-without-image"),
)
_IN_FILE = re.compile(r"(.*?\.\w+): ?(?:annotation |image )?(.*)$")
_IMAGE_KINDS = ("image-missing", "image-unreadable")


def unread(material: Material) -> list[Finding]:
    """Report every fault of the reader: entries it left out are missing from training.

    Args:
        material: the data set.

    Returns:
        One finding per fault.
    """
    return [fault_finding(fault, material.source) for fault in material.reading.faults]


def fault_finding(fault: BadInputError, source: Path) -> Finding:
    """Turn a fault of the reader into a finding.

    Args:
        fault: the fault.
        source: the file to name where the fault names none.

    Returns:
        A harmful finding.
    """
    kind = next((k for words, k in _KINDS if fault.what.startswith(words)), "unreadable")
    file, place = _place(fault.where, source)
    what = fault.what[:1].upper() + fault.what[1:]
    what += f"; expected {fault.expected}" if fault.expected else ""
    what += f"; found {fault.found}" if fault.found else ""
    image = file if kind in _IMAGE_KINDS and fault.where == spelled(file) else None
    todo = fault.todo or "correct the file, or leave the entry out with --skip-bad"
    return Finding(kind, "harmful", what + ".", todo, file, image, place)


def _place(where: str, source: Path) -> tuple[Path, str]:
    """Return the file that a fault names, and the annotation or line in it."""
    cut = _IN_FILE.match(where)
    if cut and _is_there(cut[1]):
        return as_path(cut[1]), cut[2]
    if where and Path(where).is_absolute() == source.is_absolute() and Path(where).suffix:
        return Path(where), ""
    return source, where


def _is_there(name: str) -> bool:
    try:
        return exists(as_path(name))
    except (OSError, ValueError):  # a name that is too long, a damaged archive
        return False
