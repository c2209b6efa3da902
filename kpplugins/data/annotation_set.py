"""What a reader returns: the records, and an account of everything that was left out."""

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kpplugins.data.faults import settle_faults
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.parsing.notes import Notes
from kpplugins.data.placement.orientation import turn_like_the_others
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.rule import AppliedRule
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import renamed_schema
from kpplugins.schema.keypoint_schema import NOT_KNOWN
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
UNLABELLED = "image that nobody labelled, left out"
"""Said of images (``AnnotationSet.notes``) that are no backgrounds either: nobody says that they are empty."""
ORIGINS_FILE = "crops.csv"
"""File that tells where each crop in a folder of crops came from."""
REPORT_FILE = "report.json"
"""Report that ``convert`` writes into the folder that it makes."""
SCHEMA_FILE = "schema.json"
"""Keypoint schema that a source folder may have; it overrides what the annotation says."""
SPLITS_FILE = "splits.json"
"""The same for the split of each image."""
PRELABELS_FILE = "prelabels.json"
"""What a model had predicted, in a folder that people then corrected."""


@dataclass(frozen=True)
class SourceFile:
    """One annotation file that was used, in a format whose sources may have several.

    Attributes:
        path: the file.
        images: the image of each of its entries of images; ``None`` for a bad one.
        corners: its boxes were read as x1, y1, x2, y2.
    """

    path: Path
    images: tuple[Path | None, ...]
    corners: bool = False


@dataclass
class AnnotationSet:
    """Records read from a source, with every fault and every rule that was applied.

    Attributes:
        schema: what the K keypoints of every record are.
        records: one per instance, in the order of the source.
        faults: one BadInputError per image or annotation that could not be read.
        backgrounds: images that the source says have no instance.
        category_keypoints: names of the keypoints that a category has, if categories have different ones; a category
            that is not listed has all.
        flips_stated: somebody has decided on the flips, in ``schema.json`` or in the command. Otherwise the pairs come
            from the names or from a file of another program, and the labelled keypoints are asked.
        files: the annotation files that were used, in the reader's order.
        splits: ``train``, ``val`` or ``test`` by image path, where the source divides its images itself.
        predicted: what a model had predicted before people corrected it, by image path, where the source says so; the
            keypoints are those of ``schema``.
        image_keys: what else the source says of an image, by its path: single values, ``video_id`` or ``license``.
        notes: what the reader left out, assumed or found elsewhere, e.g. ``UNLABELLED``, and how often.
    """

    schema: KeypointSchema
    records: list[PoseRecord] = field(default_factory=list)
    faults: list[BadInputError] = field(default_factory=list)
    backgrounds: list[ImageInfo] = field(default_factory=list)
    splits: dict[Path, str] = field(default_factory=dict)
    category_keypoints: dict[str, tuple[str, ...]] = field(default_factory=dict)
    flips_stated: bool = False
    files: tuple[SourceFile, ...] = ()
    predicted: dict[Path, list[PoseRecord]] = field(default_factory=dict)
    image_keys: dict[Path, dict[str, Any]] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)

    @property
    def rules(self) -> Counter[AppliedRule]:
        """Return how often each rule was applied, e.g. to keypoints outside their image."""
        return Counter(rule for record in self.records for rule in record.rules)

    def under(self, schema: KeypointSchema, where: str) -> "AnnotationSet":
        """Return the same set under another schema of the same keypoints, which may be in another order.

        Args:
            schema: its names, flip pairs, skeleton and sigmas override those that were read.
            where: the file it comes from, for the message.

        Raises:
            BadInputError: it has other keypoints.
        """
        if set(schema.keypoints) != set(self.schema.keypoints):
            raise BadInputError(
                "other keypoints than the annotation's", where=where, expected=", ".join(self.schema.keypoints),
                found=", ".join(schema.keypoints), todo="give both the same names",
            )  # fmt: skip
        if schema.keypoints != self.schema.keypoints:
            order = self.schema.indices_of(schema.keypoints)
            self.records = [replace(record, keypoints=record.keypoints[order]) for record in self.records]
            self.predicted = {
                path: [replace(record, keypoints=record.keypoints[order]) for record in records]
                for path, records in self.predicted.items()
            }
        self.schema, self.flips_stated = schema, schema.flips != NOT_KNOWN
        return self

    def name_keypoints(self, names: Sequence[str], where: str) -> None:
        """Give the keypoints other names, in the same order; flip pairs that were not given follow from these.

        Args:
            names: K names.
            where: where they come from, for the message.

        Raises:
            BadInputError: not K different names, or categories whose keypoints differ.
        """
        old = self.schema.keypoints
        if len(names) != len(old) or self.category_keypoints:
            raise BadInputError(
                "wrong number of names" if len(names) != len(old) else "categories have different keypoints",
                where=where, expected=f"{len(old)} names, for {', '.join(old)}"[:160],
                found=f"{len(names)}: {', '.join(names)}"[:120],
            )  # fmt: skip
        if tuple(names) == old:
            return
        known = self.schema.flips != NOT_KNOWN and not self.schema.unpaired
        self.schema = renamed_schema(self.schema, names, self.flips_stated or known)
        pairs = ", ".join(f"{a} is {b}" for a, b in zip(old, names, strict=True))
        self.notes.say(f"keypoints named as asked: {pairs}")

    def rename(self, category: str) -> None:
        """Set the category of every instance, and the name of the keypoint set, to ``category``."""
        self.records = [replace(record, category=category) for record in self.records]
        self.schema, self.category_keypoints = replace(self.schema, name=category), {}

    def without(self, images: Collection[Path]) -> "AnnotationSet":
        """Take images out, with all that was read of them.

        Args:
            images: their paths.

        Returns:
            This set.
        """
        if images:
            self.records = [r for r in self.records if r.image not in images]
            self.backgrounds = [b for b in self.backgrounds if b.path not in images]
            self.splits = {path: split for path, split in self.splits.items() if path not in images}
            self.predicted = {path: found for path, found in self.predicted.items() if path not in images}
            self.image_keys = {path: keys for path, keys in self.image_keys.items() if path not in images}
        return self

    def settle(self, skip_bad: bool) -> "AnnotationSet":
        """Raise at faults, or skip the bad files; log what was left out and which rules were applied.

        Args:
            skip_bad: see ``settle_faults``.

        Raises:
            BadInputError: there are faults and ``skip_bad`` is false.
        """
        settle_faults(self.faults, skip_bad, len(self.records))
        self.records = turn_like_the_others(self.records)
        said = {**{rule.value: count for rule, count in self.rules.items()}, **self.notes.counts}
        for words, count in sorted(said.items()):
            logger.warning("%d × %s", count, words)
        for note in self.notes.lines:
            logger.warning("%s", note)
        return self
