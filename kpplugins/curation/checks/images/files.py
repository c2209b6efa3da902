"""Check that image files can be decoded."""

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material


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
