"""What is to be written: labelled or predicted instances, and the names that their pictures will have."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from kpplugins.converters.coco_writer import names_below, pictures_of
from kpplugins.converters.reading import Reading
from kpplugins.structures import Picture, PoseRecord


@dataclass(frozen=True)
class Content:
    """Instances of pictures as an annotation tool is to have them.

    Attributes:
        reading: schema, records, pictures without records, splits and faults.
        scores: score of each record of ``reading``, in its order, where they are predictions; ``None`` for labels.
        origin: name of the predictions' file or folder; empty for labels.
        counts: how often each rule was applied to predictions, in words.
    """

    reading: Reading
    scores: tuple[float, ...] | None = None
    origin: str = ""
    counts: Counter[str] = field(default_factory=Counter)

    @cached_property
    def pictures(self) -> list[Picture]:
        """Every picture once."""
        return pictures_of(self.reading)

    @cached_property
    def names(self) -> dict[Path, str]:
        """Name of each picture, with /, relative to the folder that all share."""
        return names_below([picture.path for picture in self.pictures])

    @cached_property
    def categories(self) -> list[str]:
        """Names of the categories, sorted; ``object`` where there are no records."""
        return sorted({record.category for record in self.reading.records}) or ["object"]

    @cached_property
    def split_names(self) -> dict[Path, str]:
        """``train``, ``val`` or ``test`` of each picture; empty where it has none."""
        return {picture.path: self.reading.splits.get(picture.path, "") for picture in self.pictures}

    @cached_property
    def _places(self) -> dict[Path, list[int]]:
        places: dict[Path, list[int]] = {}
        for i, record in enumerate(self.reading.records):
            places.setdefault(record.image, []).append(i)
        return places

    def records_of(self, picture: Picture) -> list[PoseRecord]:
        """The records of one picture, in the order of the source."""
        return [self.reading.records[i] for i in self._places.get(picture.path, [])]

    def scores_of(self, picture: Picture) -> list[float]:
        """The scores of ``records_of``; empty for labels."""
        return [self.scores[i] for i in self._places.get(picture.path, [])] if self.scores is not None else []
