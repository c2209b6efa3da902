"""Base of the datasets whose annotations a converter reads."""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmpose.datasets.datasets import BaseCocoStyleDataset

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import DERIVED_NOTE
from kpplugins.data.corner_votes import are_corners, corner_votes
from kpplugins.data.images import read_image
from kpplugins.datasets.image_samples import small_images, whole_image
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import xyxy_to_xywh

logger = logging.getLogger(__name__)
_ASKED = 5000
"""So many boxes or fewer, of all over the set, are asked whether they are corners."""


class RecordDataset(BaseCocoStyleDataset):
    """An MMPose dataset over ``PoseRecord``s; a sample is a labelled instance, with ``data_mode="bottomup"`` an image.

    A subclass says what its points are (``full_schema_of``) and reads its records (``load_records``; ``load_split``
    where its data have images without instances).

    Produced keys, beside those of ``BaseCocoStyleDataset``: ``img_path``, ``img_id`` (1-based number of the image),
    ``id`` (1-based number of the record), ``bbox`` (1, 4) xyxy, ``keypoints`` (1, K, 2), ``keypoints_visible`` (1, K)
    0 or 1, ``area``, ``raw_ann_info`` (the COCO annotation, for metrics).

    A sample of an image has all N of its instances, crowds and boxes without labelled points among them, in training
    as in testing; N is 0 for a background. Its arrays: ``id``, ``category_id`` (1-based place in
    ``metainfo["classes"]``), ``iscrowd`` (N,) int64, ``bbox`` (N, 4) cut to the image, ``bbox_score``, ``area`` (N,),
    ``keypoints`` (N, K, 2), ``keypoints_visible`` (N, K) float32; ``raw_ann_info`` is a list of N annotations, with
    the boxes as they were read. A box that has no area within its image is left out of both.

    Args:
        data_root: where the data are.
        keypoints: names of the points to use, in this order; ``None`` uses all of the schema.
        skip_bad: go on without bad files, saying how many and why.
        backgrounds: whether images without any instance are trained on, with ``data_mode="bottomup"``; a test has
            them always.
        **kwargs: see ``BaseCocoStyleDataset``.

    Raises:
        BadInputError: see ``load_records``; no instance carries any of the chosen points; boxes that are corners (see
            ``corner_votes``); or one of an image's instances is of a category without a name.
    """

    categories: tuple[str, ...] | None = None
    """Only objects of these, where a subclass can choose."""

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
        self._metainfo["sigmas_source"] = self.schema.sigmas_source
        if self.classes:
            self._metainfo["classes"] = self.classes

    @classmethod
    def schema_of(cls, cfg: dict) -> KeypointSchema:
        """The schema that a dataset built from ``cfg`` will have; reads no images."""
        return cls.full_schema_of(cfg).subset(cfg.get("keypoints"))

    @classmethod
    def classes_of(cls, cfg: dict) -> list[str]:
        """What the objects of a dataset built from ``cfg`` can be, by name; the same for all of its splits."""
        return [cls.full_schema_of(cfg).name]

    @classmethod
    @abstractmethod
    def full_schema_of(cls, cfg: dict) -> KeypointSchema:
        """All points of the data at ``cfg['data_root']``."""

    @abstractmethod
    def load_records(self) -> list[PoseRecord]:
        """The records of this dataset's split, all points of the full schema, in order."""

    def load_split(self) -> tuple[list[PoseRecord], list[ImageInfo]]:
        """The records, and the split's images without any instance."""
        return self.load_records(), []

    def image(self, img_path: str) -> np.ndarray:
        """One of its images by the ``img_path`` of a sample, (H, W, 3) BGR uint8."""
        return read_image(img_path)

    def load_data_list(self) -> list[dict]:
        """Small samples, which ``get_data_info`` completes.

        So 100,000 instances take half the memory that whole samples would, and two thirds of the time.
        """
        if self.bbox_file:
            return super().load_data_list()
        if self.data_mode != "topdown":
            return self._images()
        return [small for small in self._instances() if _is_usable(small)]

    def get_data_info(self, idx: int) -> dict:
        """The sample, with all its keys."""
        info = super().get_data_info(idx)
        if "rows" in info:
            return whole_image(info, self.schema.num_keypoints, self.classes)
        return _whole(info) if "points" in info else info

    def _images(self) -> list[dict]:
        """One dict of plain values an image."""
        records, backgrounds = self.load_split()
        self._require_boxes(records)
        if not (self.backgrounds or self.test_mode):
            backgrounds = []
        samples, counts = small_images(records, backgrounds, self._chosen, self.classes)
        learnt = len(records) - counts["crowd"] - counts["outside"]
        if learnt == counts["unlabelled"] and not (learnt and self.test_mode):  # a test has the AP of boxes
            raise BadInputError(
                "no instance carries any of the chosen points in a box", where=str(self.data_root),
                found=f"{len(records)} instances", todo="choose other `keypoints`",
            )  # fmt: skip
        if counts.total() or backgrounds:
            logger.warning(
                "%d instances in %d images, %d of them without any; not learnt: %d crowds, the points of %d that "
                "carry none of the chosen ones, %d left out with a box that has no area in its image",
                len(records), len(samples), len(backgrounds),
                counts["crowd"], counts["unlabelled"], counts["outside"],
            )  # fmt: skip
        if counts["cut"]:
            logger.warning(
                "%d of %d boxes lie more than half beyond their image and are cut to it",
                counts["cut"],
                learnt,
            )
        return samples

    def _require_boxes(self, records: Sequence[PoseRecord]) -> None:
        """Stop, or with ``skip_bad`` warn, where boxes make sense only as corners that were stored in a wrong field."""
        told = [r for r in records if not r.crowd and DERIVED_NOTE not in r.notes]
        told = told[:: len(told) // _ASKED + 1]
        if not told:
            return
        boxes = xyxy_to_xywh(np.array([r.bbox for r in told]))  # as they were written
        sizes = np.array([(r.width, r.height) for r in told], float)
        votes = corner_votes(boxes, np.array([r.keypoints for r in told]), sizes, by_cover=False)
        if not are_corners(votes):
            return
        fault = BadInputError(
            "boxes that are two corners in the field for x, y, width, height", where=str(told[0].source),
            found=f"{(votes > 0).sum()} of {np.count_nonzero(votes)} boxes lie within their image and around their "
            f"points only so, e.g. {boxes[votes.argmax()].round(1).tolist()} in {told[votes.argmax()].image.name}",
            todo="kpplugins dataset convert SOURCE --out DIR --box-format xyxy, or --skip-bad to go on so",
        )  # fmt: skip
        if not self.skip_bad:
            raise fault
        logger.warning("%s", fault)

    def _instances(self) -> list[dict]:
        """One dict of plain values a record."""
        records = self.load_records()
        self._require_boxes(records)
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
        boxless = sum(not _is_usable(small) for small in smalls) - crowds - unlabelled
        if crowds + unlabelled + boxless == len(smalls):
            raise BadInputError(
                "no instance carries any of the chosen points in a box",
                where=str(self.data_root),
                found=f"{len(smalls)} instances",
                todo="choose other `keypoints`",
            )
        if crowds + unlabelled + boxless:
            logger.warning(
                "left out of %d instances: %d that carry none of the chosen points, %d crowds, "
                "%d with a box of no area",
                len(smalls),
                unlabelled,
                crowds,
                boxless,
            )


def _is_usable(small: dict) -> bool:
    """Whether an instance is learnt and scored: no crowd, a labelled point, a box with an area."""
    x1, y1, x2, y2 = small["box"]
    return bool(not small["iscrowd"] and small["num_keypoints"] and x2 > x1 and y2 > y1)


def _whole(small: dict) -> dict:
    """What MMPose's pipelines and metrics take."""
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
