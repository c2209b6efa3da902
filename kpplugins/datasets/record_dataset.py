"""Base of the datasets whose annotations a converter reads."""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmpose.datasets.datasets import BaseCocoStyleDataset

from kpplugins.structures import BadInputError, KeypointSchema, PoseRecord
from kpplugins.structures.geometry import xyxy_to_xywh

logger = logging.getLogger(__name__)


class RecordDataset(BaseCocoStyleDataset):
    """An MMPose dataset over ``PoseRecord``s; one instance a record.

    A subclass says what its points are (``full_schema``) and reads its records (``load_records``).

    Produced keys, beside those of ``BaseCocoStyleDataset``: ``img_path``, ``img_id`` and ``id`` (1-based place in the
    split), ``bbox`` (1, 4) xyxy, ``keypoints`` (1, K, 2), ``keypoints_visible`` (1, K) 0 or 1, ``area``,
    ``raw_ann_info`` (the COCO annotation, for metrics).

    Args:
        keypoints: names of the points to use, in this order; ``None`` uses all of the schema.
        skip_bad: go on without bad files, saying how many and why.
        **kwargs: see ``BaseCocoStyleDataset``.
    """

    full_schema: KeypointSchema

    def __init__(self, keypoints: Sequence[str] | None = None, skip_bad: bool = False, **kwargs: Any) -> None:
        self.schema = self.full_schema.subset(keypoints)
        self.skip_bad = skip_bad
        self._chosen = self.full_schema.indices_of(self.schema.keypoints)
        super().__init__(metainfo=self.schema.to_metainfo(), **kwargs)
        self._metainfo["sigmas_source"] = self.schema.sigmas_source

    @classmethod
    def schema_of(cls, cfg: dict) -> KeypointSchema:
        """The schema that a dataset built from ``cfg`` will have; reads no data."""
        return cls.full_schema.subset(cfg.get("keypoints"))

    @abstractmethod
    def load_records(self) -> list[PoseRecord]:
        """The records of this dataset's split, all points of ``full_schema``, in order."""

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        infos = [self._data_info(i, record) for i, record in enumerate(self.load_records(), 1)]
        unlabelled = sum(info["num_keypoints"] == 0 for info in infos)
        if unlabelled == len(infos):
            raise BadInputError(
                "no instance carries any of the chosen points",
                where=str(self.data_root),
                found=f"{len(infos)} instances",
                todo="choose other `keypoints`",
            )
        if unlabelled:
            logger.warning(
                "%d of %d instances carry none of the chosen points and are left out", unlabelled, len(infos)
            )
        images = [{"img_id": i["img_id"], "img_path": i["img_path"]} for i in infos]
        return infos, images

    def _data_info(self, number: int, record: PoseRecord) -> dict:
        points = record.keypoints[self._chosen]
        labelled = int((points[:, 2] > 0).sum())
        annotation = {
            "id": number,
            "image_id": number,
            "category_id": 1,
            "iscrowd": 0,
            "area": record.area,
            "bbox": xyxy_to_xywh(record.bbox).tolist(),
            "keypoints": points.reshape(-1).tolist(),
            "num_keypoints": labelled,
        }
        return {
            "img_id": number,
            "id": number,
            "img_path": str(record.image),
            "category_id": np.array(1),
            "bbox": record.bbox.astype(np.float32)[None],
            "bbox_score": np.ones(1, np.float32),
            "keypoints": points[None, :, :2].astype(np.float32),
            "keypoints_visible": np.minimum(points[None, :, 2], 1).astype(np.float32),
            "num_keypoints": labelled,
            "area": np.array(record.area, np.float32),
            "iscrowd": 0,
            "segmentation": None,
            "raw_ann_info": annotation,
        }
