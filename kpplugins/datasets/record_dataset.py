"""Base of the datasets whose annotations a converter reads."""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmpose.datasets.datasets import BaseCocoStyleDataset

from kpplugins.converters.pictures import read_picture
from kpplugins.structures import BadInputError, KeypointSchema, PoseRecord
from kpplugins.structures.geometry import xyxy_to_xywh

logger = logging.getLogger(__name__)


class RecordDataset(BaseCocoStyleDataset):
    """An MMPose dataset over ``PoseRecord``s; one sample a labelled instance.

    A subclass says what its points are (``full_schema_of``) and reads its records (``load_records``).

    Produced keys, beside those of ``BaseCocoStyleDataset``: ``img_path``, ``img_id`` (1-based number of the picture),
    ``id`` (1-based number of the record), ``bbox`` (1, 4) xyxy, ``keypoints`` (1, K, 2), ``keypoints_visible`` (1, K)
    0 or 1, ``area``, ``raw_ann_info`` (the COCO annotation, for metrics).

    Args:
        data_root: where the data are.
        keypoints: names of the points to use, in this order; ``None`` uses all of the schema.
        skip_bad: go on without bad files, saying how many and why.
        **kwargs: see ``BaseCocoStyleDataset``.

    Raises:
        BadInputError: see ``load_records``; or no instance carries any of the chosen points.
    """

    def __init__(
        self, data_root: str, keypoints: Sequence[str] | None = None, skip_bad: bool = False, **kwargs: Any
    ) -> None:
        full = self.full_schema_of({"data_root": data_root})
        self.schema = full.subset(keypoints)
        self.skip_bad = skip_bad
        self._chosen = full.indices_of(self.schema.keypoints)
        super().__init__(data_root=data_root, metainfo=self.schema.to_metainfo(), **kwargs)
        self._metainfo["sigmas_source"] = self.schema.sigmas_source

    @classmethod
    def schema_of(cls, cfg: dict) -> KeypointSchema:
        """The schema that a dataset built from ``cfg`` will have; reads no pictures."""
        return cls.full_schema_of(cfg).subset(cfg.get("keypoints"))

    @classmethod
    @abstractmethod
    def full_schema_of(cls, cfg: dict) -> KeypointSchema:
        """All points of the data at ``cfg['data_root']``."""

    @abstractmethod
    def load_records(self) -> list[PoseRecord]:
        """The records of this dataset's split, all points of the full schema, in order."""

    def picture(self, img_path: str) -> np.ndarray:
        """One of its pictures by the ``img_path`` of a sample, (H, W, 3) BGR uint8."""
        return read_picture(img_path)

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        records = self.load_records()
        numbers: dict[Path, int] = {}
        kinds = sorted({record.category for record in records})
        infos = [
            self._data_info(
                i,
                numbers.setdefault(record.image, len(numbers) + 1),
                kinds.index(record.category) + 1,
                record,
            )
            for i, record in enumerate(records, 1)
        ]
        self._say_what_is_left_out(infos)
        return infos, [{"img_id": n, "img_path": str(path)} for path, n in numbers.items()]

    def _say_what_is_left_out(self, infos: list[dict]) -> None:
        crowds = sum(info["iscrowd"] for info in infos)
        unlabelled = sum(info["num_keypoints"] == 0 for info in infos if not info["iscrowd"])
        boxless = sum(not self._is_valid_instance(info) for info in infos) - crowds - unlabelled
        if crowds + unlabelled + boxless == len(infos):
            raise BadInputError(
                "no instance carries any of the chosen points in a box",
                where=str(self.data_root),
                found=f"{len(infos)} instances",
                todo="choose other `keypoints`",
            )
        if crowds + unlabelled + boxless:
            logger.warning(
                "left out of %d instances: %d that carry none of the chosen points, %d crowds, "
                "%d with a box of no area",
                len(infos),
                unlabelled,
                crowds,
                boxless,
            )

    def _data_info(self, number: int, image: int, kind: int, record: PoseRecord) -> dict:
        points = record.keypoints[self._chosen]
        labelled = int((points[:, 2] > 0).sum())
        annotation = {
            "id": number,
            "image_id": image,
            "category_id": kind,
            "category": record.category,
            "iscrowd": int(record.crowd),
            "area": record.area,
            "bbox": xyxy_to_xywh(record.bbox).tolist(),
            "keypoints": points.reshape(-1).tolist(),
            "num_keypoints": labelled,
        }
        return {
            "img_id": image,
            "id": number,
            "img_path": str(record.image),
            "category_id": np.array(kind),
            "bbox": record.bbox.astype(np.float32)[None],
            "bbox_score": np.ones(1, np.float32),
            "keypoints": points[None, :, :2].astype(np.float32),
            "keypoints_visible": np.minimum(points[None, :, 2], 1).astype(np.float32),
            "num_keypoints": labelled,
            "area": np.array(record.area, np.float32),
            "iscrowd": int(record.crowd),
            "segmentation": None,
            "raw_ann_info": annotation,
        }
