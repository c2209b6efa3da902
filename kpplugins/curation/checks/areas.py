"""Check COCO's ``area``, the s² by which OKS scales every error."""

from collections import Counter

import numpy as np

from kpplugins.curation.checks.corners import corner_files
from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.curation.checks.raw_coco import RawAnnotation, RawFile

_SLACK = 1.1
_LEAST = 3
_SHARE = 0.5
_TODO = "write the area of the object's outline, or delete area: then 0.53 of the box's area is used"


def areas(material: Material) -> list[Finding]:
    """Report areas that were copied between boxes of different sizes, or that exceed their box.

    Args:
        material: the data set.

    Returns:
        One finding per file for copied areas, else one per annotation whose area exceeds its box.
    """
    found, skipped = [], corner_files(material)
    for file in material.raw:
        sized = [a for a in file.annotations if a.area is not None and _box_area(a) > 0]
        copied = _copied(file, sized)
        if copied is not None:
            found.append(copied)
        elif file.path not in skipped:
            found += [_too_large(file, a) for a in sized if (a.area or 0) > _SLACK * _box_area(a) + 1]
    return found


def _copied(file: RawFile, sized: list[RawAnnotation]) -> Finding | None:
    if not sized:
        return None
    area, count = Counter(a.area for a in sized).most_common(1)[0]
    shapes = {tuple(np.round(a.box[2:], 1)) for a in sized if a.area == area and a.box is not None}
    if count < max(_LEAST, _SHARE * len(sized)) or len(shapes) < max(_LEAST, _SHARE * count):
        return None
    return Finding(
        "area-copied", "harmful",
        f"{count} of {len(sized)} annotations have the same area {area:g} though their boxes have {len(shapes)}"
        " different sizes; OKS would be wrong.",
        _TODO, file.path,
    )  # fmt: skip


def _too_large(file: RawFile, a: RawAnnotation) -> Finding:
    what = f"Its area {a.area:g} is larger than its box ({_box_area(a):g} square pixels)."
    image = None if a.image is None else a.image.path
    return Finding("area-larger-than-box", "suspect", what, _TODO, file.path, image, a.name, a.instance)


def _box_area(a: RawAnnotation) -> float:
    return 0.0 if a.box is None or a.box[2:].min() <= 0 else float(a.box[2] * a.box[3])
