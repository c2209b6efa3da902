"""COCO's persons, straight from the downloaded folder."""

import logging
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mmpose.registry import DATASETS

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import REPORT_FILE, AnnotationSet
from kpplugins.data.coco.reader import read_coco
from kpplugins.data.splits import SPLITS
from kpplugins.datasets.record_dataset import RecordDataset
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import COCO_SIGMAS, infer_schema
from kpplugins.storage.files import files_in, is_file
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path

logger = logging.getLogger(__name__)

LOWER_BODY = tuple(f"{side}_{joint}" for joint in ("hip", "knee", "ankle") for side in ("left", "right"))
_SIDES = [
    (f"{side}_{a}", f"{side}_{b}")
    for a, b in (
        ("ankle", "knee"), ("knee", "hip"), ("hip", "shoulder"), ("shoulder", "elbow"), ("elbow", "wrist"),
        ("shoulder", "ear"), ("ear", "eye"),
    )
    for side in ("left", "right")
]  # fmt: skip
_ACROSS = [(f"left_{joint}", f"right_{joint}") for joint in ("hip", "shoulder", "eye")]
_NOSE = [("nose", "left_eye"), ("nose", "right_eye")]
PERSON_SCHEMA = infer_schema("person", tuple(COCO_SIGMAS), skeleton=_SIDES + _ACROSS + _NOSE)
"""COCO's 17 keypoints with COCO's own sigmas; skeleton as in its annotation files."""


@DATASETS.register_module()
class CocoPersonDataset(RecordDataset):
    """COCO person keypoints (Lin et al.: Microsoft COCO, ECCV 2014), 17 keypoints, with the annotated boxes.

    Reads ``data_root/annotations/person_keypoints_{train,val}2017.json`` with the images in ``train2017`` and
    ``val2017``, as downloaded from cocodataset.org; also the output of ``curation.crop``
    (``annotations/{train,val,test}.json`` with ``images``). Nothing is written.

    Crowds and persons without a labelled keypoint are neither learnt nor scored, and a message counts them: the
    top-down protocol with ground-truth boxes. With ``data_mode="bottomup"`` they stay in their images, and
    ``min_keypoints`` has no effect: a person left out would be learnt as background. Image sizes come from the
    annotation file; a missing image is an error. With ``skip_bad`` the header of every image is read and checked.

    Added keys, besides those of ``RecordDataset``: ``upper_body_ids`` and ``lower_body_ids``, which MMPose's
    ``RandomHalfBody`` needs.

    Args:
        data_root: the folder.
        split: ``train``, ``val`` or ``test``. COCO's test images have no public labels: if there is no annotation file
            for them, ``test`` means ``val``, with a warning.
        ann_file: read this file whatever the split, absolute or below ``data_root``; ``None`` finds it by the split.
        min_keypoints: persons with fewer labelled keypoints (of those chosen) are left out of training. Testing still
            scores them, as COCO does.
        keypoints: names of the keypoints to use, of the 17; ``None`` uses all.
        **kwargs: see ``RecordDataset``.

    Raises:
        BadInputError: an unknown split, no annotation file for it, other keypoints, a bad entry (unless ``skip_bad``),
            or no labelled person.
    """

    METAINFO = PERSON_SCHEMA.to_metainfo()

    def __init__(
        self,
        data_root: str,
        split: str = "train",
        ann_file: str | None = None,
        min_keypoints: int = 1,
        keypoints: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in SPLITS:
            raise BadInputError(
                "unknown split", where="split", expected="train, val or test", found=repr(split)
            )
        if min_keypoints < 1:
            raise BadInputError(
                "out of range", where="min_keypoints", expected="1 or more", found=str(min_keypoints)
            )
        self.split, self.min_keypoints = split, min_keypoints
        super().__init__(data_root=data_root, keypoints=keypoints, ann_file=ann_file or "", **kwargs)
        halves: dict[str, list[int]] = {"upper_body_ids": [], "lower_body_ids": []}
        for i, name in enumerate(self.schema.keypoints):
            halves["lower_body_ids" if name in LOWER_BODY else "upper_body_ids"].append(i)
        self._metainfo.update(halves)

    @classmethod
    def full_schema_of(cls, cfg: dict) -> KeypointSchema:
        """Return the schema of the 17 keypoints without reading COCO's training file, which is 450 MB large."""
        return PERSON_SCHEMA

    def files_read(self) -> list[Path]:
        """Return the annotation files that the split may be in, and the report."""
        root = as_path(self.data_root)
        splits = {self.split, "val"} if self.split == "test" else {self.split}
        named = [root / "annotations" / f"{split}.json" for split in sorted(splits)]
        found = [file for s in sorted(splits) for file in _downloaded(root / "annotations", s)]
        return [*([as_path(self.ann_file)] if self.ann_file else [*named, *found]), root / REPORT_FILE]

    def load_records(self) -> list[PoseRecord]:
        """Read the persons of the split, including crowds and unlabelled ones."""
        return self.load_split()[0]

    def load_split(self) -> tuple[list[PoseRecord], list[ImageInfo]]:
        """Read the persons of the split, and its images without any."""
        file = self._annotation_file()
        where, reading = str(file), self._read(file)
        if set(reading.schema.keypoints) != set(PERSON_SCHEMA.keypoints):
            raise BadInputError(
                "not COCO's persons", where=where, expected=f"the keypoints {', '.join(PERSON_SCHEMA.keypoints)}",
                found=", ".join(reading.schema.keypoints), todo='use dataset_type = "CustomKeypointDataset"',
            )  # fmt: skip
        records, backgrounds = reading.under(PERSON_SCHEMA, where).records, reading.backgrounds
        if not any(record.num_labelled and not record.crowd for record in records):
            raise BadInputError(
                "no labelled persons", where=where, found=f"{len(records)} boxes without keypoints and crowds",
                todo="use COCO's person_keypoints_*.json",
            )  # fmt: skip
        if self.test_mode or self.min_keypoints == 1 or self.data_mode == "bottomup":
            return records, backgrounds
        return self._labelled_enough(records), backgrounds

    def _labelled_enough(self, records: list[PoseRecord]) -> list[PoseRecord]:
        counts = [int((record.keypoints[self._chosen, 2] > 0).sum()) for record in records]
        kept = [r for r, n in zip(records, counts, strict=True) if n == 0 or n >= self.min_keypoints]
        if len(kept) < len(records):
            logger.warning(
                "left out of %d instances: %d with fewer than %d labelled keypoints",
                len(records), len(records) - len(kept), self.min_keypoints,
            )  # fmt: skip
        return kept

    def _annotation_file(self) -> Path:
        if self.ann_file:
            return as_path(self.ann_file)
        found = self._file_of(self.split)
        if found is None and self.split == "test":
            found = self._file_of("val")
            if found is not None:
                logger.warning(
                    "%s has no labelled test images: testing on val, which has chosen the checkpoint",
                    self.data_root,
                )
        if found is None:
            raise BadInputError(
                f"no annotations of the {self.split} split", where=str(as_path(self.data_root) / "annotations"),
                expected=f"person_keypoints_{self.split}2017.json or {self.split}.json",
                todo="unpack COCO's annotations_trainval2017.zip there, or set data_root",
            )  # fmt: skip
        return found

    def _file_of(self, split: str) -> Path | None:
        """Find the split's annotation file, of the newest year; a test file without annotations does not count."""
        folder = as_path(self.data_root) / "annotations"
        named = [folder / f"{split}.json"] if is_file(folder / f"{split}.json") else []
        files = named or _downloaded(folder, split)
        if not files or (split == "test" and not self._read(files[-1]).records):
            return None
        return files[-1]

    def _read(self, file: Path) -> AnnotationSet:
        return read_coco(file, skip_bad=self.skip_bad, check_images=self.skip_bad)


def _downloaded(folder: Path, split: str) -> list[Path]:
    """Return COCO's annotation files of a split, the newest year last."""
    return [file for file in files_in(folder) if fnmatchcase(file.name, f"person_keypoints_{split}*.json")]
