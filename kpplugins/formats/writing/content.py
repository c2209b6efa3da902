"""What is to be written: labelled or predicted instances, and the names that their images will have."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import images_of, names_below


@dataclass(frozen=True)
class Content:
    """Instances of images, to be written for an annotation tool.

    Attributes:
        reading: schema, records, images without records, splits and faults.
        scores: score of each record of ``reading``, in its order, if they are predictions; ``None`` for labels.
        origin: name of the predictions' file or folder; empty for labels.
        counts: how often each rule was applied to predictions, in words.
    """

    reading: AnnotationSet
    scores: tuple[float, ...] | None = None
    origin: str = ""
    counts: Counter[str] = field(default_factory=Counter)

    @cached_property
    def images(self) -> list[ImageInfo]:
        """Return every image once."""
        return images_of(self.reading)

    @cached_property
    def names(self) -> dict[Path, str]:
        """Return the name of each image, with /, relative to their common folder."""
        return names_below([image.path for image in self.images])

    @cached_property
    def categories(self) -> list[str]:
        """Return the names of the categories, sorted; ``object`` if there are no records."""
        return sorted({record.category for record in self.reading.records}) or ["object"]

    @cached_property
    def split_names(self) -> dict[Path, str]:
        """Return ``train``, ``val`` or ``test`` of each image; empty if it has none."""
        return {image.path: self.reading.splits.get(image.path, "") for image in self.images}

    @cached_property
    def _places(self) -> dict[Path, list[int]]:
        places: dict[Path, list[int]] = {}
        for i, record in enumerate(self.reading.records):
            places.setdefault(record.image, []).append(i)
        return places

    def records_of(self, image: ImageInfo) -> list[PoseRecord]:
        """Return the records of one image, in the order of the source."""
        return [self.reading.records[i] for i in self._places.get(image.path, [])]

    def scores_of(self, image: ImageInfo) -> list[float]:
        """Return the scores of ``records_of``; empty for labels."""
        return [self.scores[i] for i in self._places.get(image.path, [])] if self.scores is not None else []
