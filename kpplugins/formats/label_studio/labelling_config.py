"""Label Studio's labelling configuration, as far as keypoints and boxes go."""

from dataclasses import dataclass
from xml.etree import ElementTree

from kpplugins.data.parsing.documents import parse_xml
from kpplugins.formats.label_studio.regions import OCCLUDED, Tags
from kpplugins.structures import BadInputError

_LONGEST = 1_000_000
"""Characters of a configuration; one with two thousand keypoints has two hundred thousand."""


@dataclass(frozen=True)
class LabellingConfig:
    """What a project can be told of an image.

    Attributes:
        tags: the names of its tags.
        data_key: the key of a task's ``data`` under which the image's address is.
        keypoints: the labels of its keypoints.
        categories: the labels of its boxes.
    """

    tags: Tags
    data_key: str
    keypoints: tuple[str, ...]
    categories: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, where: str) -> "LabellingConfig":
        """Read a configuration.

        Args:
            text: XML.
            where: for messages.

        Returns:
            The first ``KeyPointLabels``, and what belongs to the same ``Image``.

        Raises:
            BadInputError: it is not XML, has a document type or entities, or no keypoints on an image.
        """
        if len(text) > _LONGEST or "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise BadInputError(
                "labelling configuration is not read", where=where, expected="plain elements",
                found="a document type or entities" if len(text) <= _LONGEST else f"{len(text)} characters",
            )  # fmt: skip
        root = parse_xml(text, where)
        points = next(iter(root.iter("KeyPointLabels")), None)
        image = next((i for i in root.iter("Image") if points is not None and _name(i) == _to(points)), None)
        if points is None or image is None:
            raise BadInputError(
                "labelling configuration has no keypoints on an image", where=where,
                expected="<Image name=… value=…> and <KeyPointLabels toName=…> with a <Label> for each keypoint",
                todo="paste the label_config.xml that `kpplugins dataset export --to labelstudio` writes",
            )  # fmt: skip
        own = [tag for tag in root.iter() if _to(tag) == _name(image)]
        boxes = next((tag for tag in own if tag.tag == "RectangleLabels"), None)
        choices = next((tag for tag in own if tag.tag == "Choices" and _says_occluded(tag)), None)
        return cls(
            Tags(
                _name(image), "" if boxes is None else _name(boxes), _name(points),
                "" if choices is None else _name(choices),
            ),
            image.get("value", "$image").removeprefix("$"),
            _labels(points),
            () if boxes is None else _labels(boxes),
        )  # fmt: skip


def _name(tag: ElementTree.Element) -> str:
    return tag.get("name", "")


def _to(tag: ElementTree.Element) -> str:
    return tag.get("toName", "")


def _labels(tag: ElementTree.Element) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label.get("value", "") for label in tag.iter("Label")))


def _says_occluded(tag: ElementTree.Element) -> bool:
    of_region = tag.get("perRegion", "").lower() == "true"
    return of_region and any(choice.get("value") == OCCLUDED for choice in tag.iter("Choice"))
