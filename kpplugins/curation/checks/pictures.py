"""Picture files that do not fit their annotation."""

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material


def undecodable(material: Material) -> list[Finding]:
    """Pictures with a good header whose content cannot be decoded."""
    return [
        Finding(
            "picture-unreadable",
            "harmful",
            "The picture cannot be decoded.",
            "fetch it again, or delete its annotations",
            path,
            path,
        )  # fmt: skip
        for path in material.looks.undecodable
    ]


def sizes(material: Material) -> list[Finding]:
    """Pictures of another size than the annotation states: the points were made for another picture."""
    found = []
    for file in material.raw:
        for entry, picture in file.images:
            stated = entry.get("width"), entry.get("height")
            if picture is None or None in stated or stated == (picture.width, picture.height):
                continue
            turned = stated == (picture.height, picture.width)
            found.append(
                Finding(
                    "picture-size",
                    "harmful",
                    f"The annotation says {stated[0]}×{stated[1]} pixels, the picture has"
                    f" {picture.width}×{picture.height}{' (width and height exchanged)' if turned else ''}.",
                    "restore the picture that was annotated"
                    + (", or remove its EXIF orientation" if turned else ", or scale its points and boxes")
                    + f" (image {entry.get('id')})",
                    file.path,
                    picture.path,
                )  # fmt: skip
            )
    return found
