"""Check that image files can be decoded and match their annotation."""

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


def sizes(material: Material) -> list[Finding]:
    """Report images whose size differs from the annotated size: their keypoints were made for another image.

    Args:
        material: the data set.

    Returns:
        One finding per image.
    """
    found = []
    for file in material.raw:
        for entry, image in file.images:
            stated = entry.get("width"), entry.get("height")
            if image is None or None in stated or stated == (image.width, image.height):
                continue
            turned = stated == (image.height, image.width)
            found.append(
                Finding(
                    "image-size",
                    "harmful",
                    f"The annotation says {stated[0]}×{stated[1]} pixels, the image has"
                    f" {image.width}×{image.height}{' (width and height exchanged)' if turned else ''}.",
                    "restore the image that was annotated"
                    + (", or remove its EXIF orientation" if turned else ", or scale its keypoints and boxes")
                    + f" (image {entry.get('id')})",
                    file.path,
                    image.path,
                )  # fmt: skip
            )
    return found
