"""The base class of the datasets."""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import MessageHub
from mmpose.datasets.datasets import BaseCocoStyleDataset

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.images import SHOWN, read_image
from kpplugins.datasets.image_samples import small_images, whole_image
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import xyxy_to_xywh

logger = logging.getLogger(__name__)


class RecordDataset(BaseCocoStyleDataset):
    """An MMPose dataset over ``PoseRecord``s; a sample is a labelled instance, with ``data_mode="bottomup"`` an image.

    A subclass defines its keypoints (``full_schema_of``) and reads its records (``load_records``, or ``load_split`` if
    its data have images without instances).

    Added keys, besides those of ``BaseCocoStyleDataset``: ``img_path``, ``img_id`` (1-based number of the image),
    ``id`` (1-based number of the record), ``bbox`` (1, 4) xyxy, ``keypoints`` (1, K, 2), ``keypoints_visible`` (1, K)
    0 or 1, ``area``, ``raw_ann_info`` (the COCO annotation, for metrics).

    A sample of an image has all N of its instances, including crowds and instances without labelled keypoints, in
    training and testing; N is 0 for a background. ``id`` is a list of N; the arrays are ``category_id`` (1-based index
    in ``metainfo["classes"]``), ``iscrowd`` (N,) int64, ``bbox`` (N, 4), ``bbox_score``, ``area`` (N,), ``keypoints``
    (N, K, 2), ``keypoints_visible`` (N, K) float32; ``raw_ann_info`` is a list of N annotations.

    Args:
        data_root: where the data are.
        keypoints: names of the keypoints to use, in this order; ``None`` uses all of the schema.
        skip_bad: skip bad files, with a message that counts them and names the faults.
        backgrounds: train on images without any instance, too, with ``data_mode="bottomup"``; a test always uses them.
        **kwargs: see ``BaseCocoStyleDataset``.

    Raises:
        BadInputError: see ``load_records``; no instance has any of the chosen keypoints; or an instance of an
            image has a category without a name.
    """

    categories: tuple[str, ...] | None = None
    """Only instances of these categories, where a subclass can choose."""

    def __init__(
        self,
        data_root: str,
        keypoints: Sequence[str] | None = None,
        skip_bad: bool = False,
        backgrounds: bool = True,
        **kwargs: Any,
    ) -> None:
        full = self.full_schema_of({"data_root": data_root})
        self.full_schema, self.schema = full, full.subset(keypoints)
        self.skip_bad, self.backgrounds = skip_bad, backgrounds
        self._chosen = full.indices_of(self.schema.keypoints)
        self.classes: list[str] = []
        if kwargs.get("data_mode") == "bottomup":
            self.classes = self.classes_of({"data_root": data_root, "categories": self.categories})
        super().__init__(data_root=data_root, metainfo=self.schema.to_metainfo(), **kwargs)
        if (
            self.test_mode and not self.ann_file
        ):  # MMPose's CocoMetric would look for it in the current folder
            hub, name = MessageHub.get_current_instance(), self.metainfo["dataset_name"]
            hub.update_info(f"{name}_ann_file", None)
        self._metainfo |= {
            "sigmas_source": self.schema.sigmas_source,
            "flips": self.schema.flips,
            "unpaired": list(self.schema.unpaired),
        }
        names = self.classes or [full.name]
        # MMPose's CocoMetric writes these into the annotation file that it builds from the samples
        self._metainfo["CLASSES"] = [{"id": i, "name": name} for i, name in enumerate(names, 1)]
        if self.classes:
            self._metainfo["classes"] = self.classes

    @classmethod
    def schema_of(cls, cfg: dict) -> KeypointSchema:
        """Return the schema of a dataset built from ``cfg``; reads no images."""
        return cls.full_schema_of(cfg).subset(cfg.get("keypoints"))

    @classmethod
    def classes_of(cls, cfg: dict) -> list[str]:
        """Return the category names of a dataset built from ``cfg``; the same for all of its splits."""
        return [cls.full_schema_of(cfg).name]

    @classmethod
    @abstractmethod
    def full_schema_of(cls, cfg: dict) -> KeypointSchema:
        """Return the schema of all keypoints of the data at ``cfg['data_root']``."""

    @abstractmethod
    def load_records(self) -> list[PoseRecord]:
        """Read the records of this dataset's split, with all keypoints of the full schema, in its order."""

    def load_split(self) -> tuple[list[PoseRecord], list[ImageInfo]]:
        """Read the records, and the split's images without any instance."""
        return self.load_records(), []

    def image(self, img_path: str) -> np.ndarray:
        """Read an image by the ``img_path`` of a sample, to be looked at: (H, W, 3) BGR uint8."""
        return read_image(img_path, SHOWN)

    def load_data_list(self) -> list[dict]:
        """Load compact samples, which ``get_data_info`` completes.

        With 100,000 instances this halves the memory of complete samples and takes a third off the loading time.
        """
        if self.bbox_file:
            return super().load_data_list()
        if self.data_mode != "topdown":
            return self._images()
        return [small for small in self._instances() if _is_usable(small)]

    def get_data_info(self, idx: int) -> dict:
        """Return the complete sample."""
        info = super().get_data_info(idx)
        if "rows" in info:
            return whole_image(info, self.schema.num_keypoints, self.classes)
        return _whole(info) if "points" in info else info

    def _images(self) -> list[dict]:
        """Return one dict of plain values per image."""
        records, backgrounds = self.load_split()
        if not (self.backgrounds or self.test_mode):
            backgrounds = []
        samples, counts = small_images(records, backgrounds, self._chosen, self.classes)
        learnt = len(records) - counts["crowd"]
        if learnt == counts["unlabelled"] and not (
            learnt and self.test_mode
        ):  # a test still scores the AP of boxes
            raise BadInputError(
                "no instance has any of the chosen keypoints", where=str(self.data_root),
                found=f"{len(records)} instances", todo="choose other `keypoints`",
            )  # fmt: skip
        if counts.total() or backgrounds:
            logger.warning(
                "%d instances in %d images, %d of them without any; not learnt: %d crowds, the keypoints of %d that "
                "have none of the chosen ones",
                len(records), len(samples), len(backgrounds), counts["crowd"], counts["unlabelled"],
            )  # fmt: skip
        return samples

    def _instances(self) -> list[dict]:
        """Return one dict of plain values per record."""
        records = self.load_records()
        numbers: dict[Path, int] = {}
        kinds = {name: i for i, name in enumerate(sorted({record.category for record in records}), 1)}
        smalls = []
        for i, record in enumerate(records, 1):
            points = record.keypoints[self._chosen]
            smalls.append({
                "id": i, "img_id": numbers.setdefault(record.image, len(numbers) + 1), "img_path": str(record.image),
                "category_id": kinds[record.category], "category": record.category, "iscrowd": int(record.crowd),
                "area": record.area, "num_keypoints": int(np.count_nonzero(points[:, 2])),
                "points": points.tobytes(), "box": tuple(record.bbox.tolist()), "bbox_score": 1.0,
            })  # fmt: skip
        self._say_what_is_left_out(smalls)
        return smalls

    def _say_what_is_left_out(self, smalls: list[dict]) -> None:
        crowds = sum(small["iscrowd"] for small in smalls)
        unlabelled = sum(small["num_keypoints"] == 0 for small in smalls if not small["iscrowd"])
        if crowds + unlabelled == len(smalls):
            raise BadInputError(
                "no instance has any of the chosen keypoints",
                where=str(self.data_root),
                found=f"{len(smalls)} instances",
                todo="choose other `keypoints`",
            )
        if crowds + unlabelled:
            logger.warning(
                "left out of %d instances: %d that have none of the chosen keypoints, %d crowds",
                len(smalls),
                unlabelled,
                crowds,
            )


def _is_usable(small: dict) -> bool:
    """Tell whether an instance is learnt and scored: it is not a crowd and has a labelled keypoint."""
    return bool(not small["iscrowd"] and small["num_keypoints"])


def _whole(small: dict) -> dict:
    """Unpack a compact sample for MMPose's pipelines and metrics."""
    rest = dict(small)
    points, box = np.frombuffer(rest.pop("points")).reshape(-1, 3), rest.pop("box")
    annotation = {
        "id": small["id"],
        "image_id": small["img_id"],
        "category_id": small["category_id"],
        "category": small["category"],
        "iscrowd": small["iscrowd"],
        "area": small["area"],
        "bbox": xyxy_to_xywh(np.array(box)).tolist(),
        "keypoints": points.reshape(-1).tolist(),
        "num_keypoints": small["num_keypoints"],
    }
    return {
        **rest,
        "category_id": np.array(small["category_id"]),
        "bbox": np.array([box], np.float32),
        "bbox_score": np.ones(1, np.float32),
        "keypoints": points[None, :, :2].astype(np.float32),
        "keypoints_visible": np.minimum(points[None, :, 2], 1).astype(np.float32),
        "area": np.array(small["area"], np.float32),
        "segmentation": None,
        "raw_ann_info": annotation,
    }
