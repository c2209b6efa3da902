"""Any keypoints, in the inner format."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmpose.registry import DATASETS

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import REPORT_FILE
from kpplugins.data.coco.reader import read_coco
from kpplugins.data.coco.schema import (
    category_keypoints_of_file,
    category_names_of_file,
    schema_of_file,
)
from kpplugins.data.splits import SPLITS
from kpplugins.datasets.record_dataset import RecordDataset
from kpplugins.formats.open_source import SCHEMA_FILE
from kpplugins.schema import KeypointSchema
from kpplugins.storage.files import is_file, read_bytes, size_of
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path

logger = logging.getLogger(__name__)
CONVERT_COMMAND = "kpplugins dataset convert SOURCE --out DIR"
_WITHOUT_VAL = "; or train without one: val_dataloader = val_evaluator = val_cfg = None in the config"


@DATASETS.register_module()
class CustomKeypointDataset(RecordDataset):
    """A folder with ``images`` and ``annotations/{train,val,test}.json``, as ``kpplugins dataset convert`` writes it.

    The annotations are COCO keypoints, of any number K; names, skeleton, flip pairs and sigmas come from
    ``data_root/schema.json`` if it exists, else from the categories of the annotation files. Image sizes come from the
    annotation files; a missing image is an error. With ``skip_bad`` the header of every image is read and checked.

    Args:
        data_root: the folder.
        split: ``train``, ``val``, ``test`` or ``all``. If there are no test images, ``test`` means ``val``, with a
            warning.
        categories: only instances of these categories, with the keypoints that they have; ``None`` uses all.
        keypoints: names of the keypoints to use; ``None`` uses all of the categories.
        **kwargs: see ``RecordDataset``.

    Raises:
        BadInputError: no such folder, no annotations, a bad entry (unless ``skip_bad``), or a split without images.
    """

    def __init__(
        self,
        data_root: str,
        split: str = "train",
        categories: Sequence[str] | None = None,
        keypoints: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in (*SPLITS, "all"):
            raise BadInputError(
                "unknown split", where="split", expected="train, val, test or all", found=repr(split)
            )
        self.split = split
        self.categories = None if categories is None else tuple(categories)
        chosen = self._points_of({"data_root": data_root, "categories": categories, "keypoints": keypoints})
        super().__init__(data_root=data_root, keypoints=chosen, **kwargs)

    @classmethod
    def schema_of(cls, cfg: dict) -> KeypointSchema:
        """Return the schema of a dataset built from ``cfg``; reads no images."""
        return cls.full_schema_of(cfg).subset(cls._points_of(cfg))

    @classmethod
    def full_schema_of(cls, cfg: dict) -> KeypointSchema:
        """Read the schema of all keypoints from the data."""
        root = as_path(cfg["data_root"])
        if is_file(root / SCHEMA_FILE):
            return KeypointSchema.load(root / SCHEMA_FILE)
        return schema_of_file(_any_annotation(root))

    @classmethod
    def _points_of(cls, cfg: dict) -> Sequence[str] | None:
        """Return the names of the chosen keypoints: as given, or those of the chosen categories; ``None`` for all."""
        wanted = cfg.get("categories")
        if cfg.get("keypoints") is not None or wanted is None:
            return cfg.get("keypoints")
        path = _any_annotation(as_path(cfg["data_root"]))
        own = category_keypoints_of_file(path)
        unknown = [name for name in wanted if name not in own]
        if unknown or not wanted:
            raise BadInputError(
                "no such category", where="categories", expected=f"some of {', '.join(own)}",
                found=repr(unknown[0]) if unknown else "none",
            )  # fmt: skip
        return list(dict.fromkeys(point for name in wanted for point in own[name]))

    @classmethod
    def classes_of(cls, cfg: dict) -> list[str]:
        """Return the categories of the annotation file in the order of their ids, or the chosen ones among them."""
        known = category_names_of_file(_any_annotation(as_path(cfg["data_root"])))
        wanted = cfg.get("categories")
        return [name for name in known if wanted is None or name in wanted]

    def files_read(self) -> list[Path]:
        """Return the annotation files of all splits, the schema and the report."""
        root = as_path(self.data_root)
        return [root / "annotations" / f"{split}.json" for split in SPLITS] + [
            root / SCHEMA_FILE,
            root / REPORT_FILE,
        ]

    def load_records(self) -> list[PoseRecord]:
        """Read the instances of the split."""
        return self.load_split()[0]

    def load_split(self) -> tuple[list[PoseRecord], list[ImageInfo]]:
        """Read the instances of the split, and its images without an instance of the chosen categories."""
        folder = as_path(self.data_root) / "annotations"
        records, backgrounds = self._read(folder, SPLITS if self.split == "all" else [self.split])
        if not records and self.split == "test":
            logger.warning(
                "%s has no test images: testing on val, which has chosen the checkpoint", self.data_root
            )
            records, backgrounds = self._read(folder, ["val"])
        self._say_same_content(folder)
        if not records:
            raise BadInputError(
                f"the {self.split} split has no instances",
                where=str(folder),
                todo=f"split it again: {CONVERT_COMMAND}{_WITHOUT_VAL if self.split == 'val' else ''}",
            )
        return records, backgrounds

    def _say_same_content(self, folder: Path) -> None:
        """Warn of a split whose file is a copy of train's: scores on it say how well it was learnt by heart."""
        own, train = folder / f"{self.split}.json", folder / "train.json"
        if self.split in ("val", "test") and is_file(own) and is_file(train) and _alike(own, train):
            logger.warning("%s has the same content as train.json: scores on it are of no use", own)

    def _read(self, folder: Path, splits: Sequence[str]) -> tuple[list[PoseRecord], list[ImageInfo]]:
        records: list[PoseRecord] = []
        backgrounds: list[ImageInfo] = []
        for path in (folder / f"{split}.json" for split in splits):
            if is_file(path):
                reading = read_coco(path, skip_bad=self.skip_bad, check_images=self.skip_bad)
                reading.under(self.full_schema, str(path))  # files may list the keypoints in different orders
                records += reading.records
                backgrounds += reading.backgrounds
        if self.categories is None:
            return records, backgrounds
        chosen = [r for r in records if r.category in self.categories]
        empty = {r.image: ImageInfo(r.image, r.width, r.height) for r in records}
        for record in chosen:
            empty.pop(record.image, None)
        return chosen, backgrounds + list(empty.values())


def _alike(one: Path, other: Path) -> bool:
    """Tell whether two files have the same content."""
    return size_of(one) == size_of(other) and read_bytes(one) == read_bytes(other)


def _any_annotation(root: Path) -> Path:
    """Return the first annotation file of the folder; all have the same categories."""
    for split in SPLITS:
        if is_file(root / "annotations" / f"{split}.json"):
            return root / "annotations" / f"{split}.json"
    raise BadInputError(
        "no annotations here",
        where=str(root),
        expected="annotations/train.json, val.json and test.json",
        todo=f"make them: {CONVERT_COMMAND}",
    )
