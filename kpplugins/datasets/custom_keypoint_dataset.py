"""Any keypoints, in the inner format."""

import logging
from pathlib import Path
from typing import Any

from mmpose.registry import DATASETS

from kpplugins.converters.coco import read_coco, schema_of_file
from kpplugins.converters.splits import SPLITS
from kpplugins.datasets.record_dataset import RecordDataset
from kpplugins.structures import BadInputError, KeypointSchema, PoseRecord

logger = logging.getLogger(__name__)
CONVERT_COMMAND = "python tools/dataset.py convert SOURCE --out DIR"


@DATASETS.register_module()
class CustomKeypointDataset(RecordDataset):
    """A folder of ``images`` and ``annotations/{train,val,test}.json``, as ``tools/dataset.py convert`` makes it.

    The annotations are COCO keypoints, of any number K; names, skeleton, flip pairs and sigmas come from
    ``data_root/schema.json`` where it is there, else from the categories of the annotation files. Sizes of pictures
    are those of the annotation; a picture that is not there is a fault.

    Args:
        data_root: the folder.
        split: ``train``, ``val``, ``test`` or ``all``. Where there are no test pictures, ``test`` means ``val``, and
            says so.
        **kwargs: see ``RecordDataset``.

    Raises:
        BadInputError: no such folder, no annotations, a bad entry (unless ``skip_bad``), or a split without pictures.
    """

    def __init__(self, data_root: str, split: str = "train", **kwargs: Any) -> None:
        if split not in (*SPLITS, "all"):
            raise BadInputError(
                "unknown split", where="split", expected="train, val, test or all", found=repr(split)
            )
        self.split = split
        super().__init__(data_root=data_root, **kwargs)

    @classmethod
    def full_schema_of(cls, cfg: dict) -> KeypointSchema:
        """Read from the data."""
        root = Path(cfg["data_root"])
        if (root / "schema.json").is_file():
            return KeypointSchema.load(root / "schema.json")
        for split in SPLITS:
            if (root / "annotations" / f"{split}.json").is_file():
                return schema_of_file(root / "annotations" / f"{split}.json")
        raise BadInputError(
            "no annotations here",
            where=str(root),
            expected="annotations/train.json, val.json and test.json",
            todo=f"make them: {CONVERT_COMMAND}",
        )

    def load_records(self) -> list[PoseRecord]:
        """The instances of the split."""
        folder = Path(self.data_root) / "annotations"
        records = [
            r
            for split in (SPLITS if self.split == "all" else [self.split])
            for r in self._read(folder, split)
        ]
        if not records and self.split == "test":
            logger.warning(
                "%s has no test pictures: testing on val, which has chosen the checkpoint", self.data_root
            )
            records = self._read(folder, "val")
        if not records:
            raise BadInputError(
                f"the {self.split} split has no instances",
                where=str(folder),
                todo=f"divide anew: {CONVERT_COMMAND}",
            )
        return records

    def _read(self, folder: Path, split: str) -> list[PoseRecord]:
        path = folder / f"{split}.json"
        if not path.is_file():
            return []
        return read_coco(path, skip_bad=self.skip_bad, check_pictures=False).records
