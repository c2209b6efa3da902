"""Check that image files can be decoded and show something."""

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.data.images import FEWEST_LEVELS, read_pixels


def undecodable(material: Material) -> list[Finding]:
    """Report images with a valid header whose content cannot be decoded.

    Args:
        material: the data set.

    Returns:
        One finding per image.
    """
    return [
        Finding(
            "image-unreadable",
            "harmful",
            "The image cannot be decoded.",
            "fetch it again, or delete its annotations",
            path,
            path,
        )  # fmt: skip
        for path in material.looks.undecodable
    ]


def grey_levels(material: Material) -> list[Finding]:
    """Report images of which a network would see fewer than 32 of the 256 grey levels.

    Args:
        material: the data set.

    Returns:
        At most three findings: images of more than 8 bits that lose their range, such whose values do not suit the
        rule, and images of 8 bits.
    """
    looks = material.looks
    few, deep = looks.levels < FEWEST_LEVELS, looks.deep
    groups = (
        ("pixel-range", "harmful", few & deep & (looks.levels < 0)),
        ("few-grey-levels", "harmful", few & deep & (looks.levels >= 0)),
        ("few-grey-levels", "suspect", few & ~deep),
    )
    return [_of_levels(material, np.flatnonzero(chosen), *kind) for *kind, chosen in groups if chosen.any()]


def _of_levels(material: Material, chosen: np.ndarray, check: str, severity: str) -> Finding:
    looks = material.looks
    first = int(chosen[looks.levels[chosen].argmin()])
    path, of = looks.paths[first], f"{len(chosen)} of {len(looks.paths)} images"
    if severity == "suspect":
        what = f"{of} have fewer than {FEWEST_LEVELS} grey levels; {path.name} has {looks.levels[first]}."
        return Finding(check, severity, what, "see that they are the images that were annotated", path, path)
    pixels = read_pixels(path)
    values = pixels[..., :3] if pixels.ndim == 3 else pixels
    span = f"{path.name} has values from {np.nanmin(values):g} to {np.nanmax(values):g} ({values.dtype})"
    todo = (
        "train with --percentile 1 99 (each image by itself), or --pixel-range LOW HIGH (the camera's, the same for "
        "all images: 0 4095 for 12 bits), and check with the same"
    )
    if check == "pixel-range":
        return Finding(
            check, severity, f"{of} have values outside the range of their type; {span}.", todo, path, path
        )
    what = f"{of} have more than 8 bits and keep fewer than {FEWEST_LEVELS} of 256 grey levels; {span}, "
    return Finding(check, severity, f"{what}which leave {looks.levels[first]}.", todo, path, path)
