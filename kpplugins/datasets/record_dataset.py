"""The base class of the datasets."""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import Compose, force_full_init
from mmengine.logging import MessageHub
from mmpose.datasets.datasets import BaseCocoStyleDataset

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.images import SHOWN, read_image
from kpplugins.datasets.kept_arrays import kept_arrays
from kpplugins.datasets.lost_samples import LostSamples, failing_image, require_finite_sample
from kpplugins.datasets.own_copy import own_copy
from kpplugins.datasets.quick.quick_pipeline import QuickPipeline
from kpplugins.datasets.sample_index import SampleIndex, arrays_of, paths_in, rows_of
from kpplugins.datasets.whole_samples import whole_image, whole_instance
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)

_LATER = {
    "pipeline", "filter_cfg", "_indices", "serialize_data", "max_refetch", "data_list", "sample_interval", "_metainfo",
    "_quick",
}  # fmt: skip
"""Attributes that do not matter to what an index has."""
_FACTS = (
    "dataset_name", "upper_body_ids", "lower_body_ids", "flip_pairs", "dataset_keypoint_weights", "flip_indices",
    "skeleton_links",
)  # fmt: skip
"""What a sample has of the metainfo, as in MMPose."""


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
        skip_bad: skip bad files, with a message that counts them and names the faults; also images that cannot be
            read any more later: another sample is learnt in their place, and a test leaves them out.
        backgrounds: train on images without any instance, too, with ``data_mode="bottomup"``; a test always uses them.
        unlabelled_is_absent: in a labelled instance, a keypoint without a label is absent (outside the image, or not to
            be seen); ``False``: perhaps nobody looked for it, so that nothing is learnt from it about visibility.
            ``None`` takes what the class knows.
        **kwargs: see ``BaseCocoStyleDataset``.

    Raises:
        BadInputError: see ``load_records``; no instance has any of the chosen keypoints; or an instance of an
            image has a category without a name.
    """

    UNLABELLED_IS_ABSENT = True
    """See ``unlabelled_is_absent``."""
    categories: tuple[str, ...] | None = None
    """Only instances of these categories, where a subclass can choose."""
    _quick: QuickPipeline | None = None
    lost: LostSamples | None = None
    """With ``skip_bad``, the samples that could not be read any more."""

    def __init__(
        self,
        data_root: str,
        keypoints: Sequence[str] | None = None,
        skip_bad: bool = False,
        backgrounds: bool = True,
        unlabelled_is_absent: bool | None = None,
        **kwargs: Any,
    ) -> None:
        full = self.full_schema_of({"data_root": data_root})
        self.full_schema, self.schema = full, full.subset(keypoints)
        self.skip_bad, self.backgrounds = skip_bad, backgrounds
        self._chosen = full.indices_of(self.schema.keypoints)
        self.classes: list[str] = []
        self._kinds: list[str] = []
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
            "unlabelled_is_absent": self.UNLABELLED_IS_ABSENT
            if unlabelled_is_absent is None
            else bool(unlabelled_is_absent),
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

    def files_read(self) -> list[Path]:
        """Return the files that the records come from, beside the images; none if an index of them is not to be kept.

        With them and the dataset's arguments everything must be said that the records depend on.
        """
        return []

    def _choices(self) -> dict[str, str]:
        """Return everything that was set, but for what happens to samples later."""
        chosen = {key: repr(value) for key, value in vars(self).items() if key not in _LATER}
        return {**chosen, "class": repr(type(self)), "folder": str(Path(self.data_root).absolute())}

    def image(self, img_path: str) -> np.ndarray:
        """Read an image by the ``img_path`` of a sample, to be looked at: (H, W, 3) BGR uint8."""
        return read_image(img_path, SHOWN)

    def load_data_list(self) -> SampleIndex | list[dict]:
        """Load an index of the samples, which ``get_data_info`` completes; with a ``bbox_file``, MMPose's list."""
        if self.bbox_file:
            return super().load_data_list()
        images = self.data_mode != "topdown"
        build = self._image_arrays if images else self._instance_arrays
        ours = type(self).__module__.startswith(__name__.split(".")[0] + ".")  # others may read other things
        files = (
            self.files_read() if ours and not self.skip_bad else []
        )  # what was skipped may be there next time
        arrays = kept_arrays(self._choices(), files, build, paths_in) if files else build()
        index = SampleIndex(arrays, images)
        self._kinds = index.kinds
        return index

    def filter_data(self) -> SampleIndex | list[dict]:
        """Filter as MMPose does; an index is kept as it is, where MMEngine would pickle every sample of a list."""
        kept = super().filter_data()
        self.serialize_data &= not isinstance(kept, SampleIndex)
        return kept

    def full_init(self) -> None:
        """Load the samples."""
        super().full_init()
        if self.skip_bad and self.lost is None:
            self.lost = LostSamples(len(self))

    def __getitem__(self, idx: int) -> Any:
        """Return a sample after the pipeline; with ``skip_bad``, ``None`` for a lost one of a test."""
        return self.prepare_data(idx) if self.test_mode and self.skip_bad else super().__getitem__(idx)

    @force_full_init
    def prepare_data(self, idx: int) -> Any:
        """Return a sample after the pipeline; with ``skip_bad``, ``None`` if its image cannot be read any more."""
        info = self.get_data_info(idx)
        info["dataset"], image = self, str(info["img_path"])  # for transforms that mix samples, as in MMPose
        try:
            packed = self._quick_pipeline()(info)
        except Exception as error:
            if self.lost is not None and failing_image(error) == image:
                self.lost.add(idx, error)
                return None
            require_finite_sample(info, image)
            raise
        require_finite_sample(info, image)  # codecs leave such keypoints out without a word
        return packed

    def _quick_pipeline(self) -> Any:
        """Return what runs the steps of the pipeline, as they are now."""
        if type(self.pipeline) is not Compose:
            return self.pipeline
        steps = self.pipeline.transforms
        if self._quick is None or not self._quick.is_of(steps):
            self._quick = QuickPipeline(steps)
        return self._quick

    def get_data_info(self, idx: int) -> dict:
        """Return the complete sample."""
        if not self._fully_initialized:
            self.full_init()
        if not isinstance(self.data_list, SampleIndex):
            return super().get_data_info(idx)
        whole = whole_instance if self.data_mode == "topdown" else whole_image
        info = whole(self.data_list[idx], self.schema.num_keypoints, self._kinds)
        facts = {key: own_copy(self._metainfo[key]) for key in _FACTS}
        return {**info, "sample_idx": idx if idx >= 0 else len(self) + idx, **facts}

    def _get_unserialized_subset(self, indices: Sequence[int] | int) -> SampleIndex | list[dict]:
        if isinstance(self.data_list, SampleIndex) and not isinstance(indices, int):
            return self.data_list.take(indices)
        return super()._get_unserialized_subset(indices)

    def _image_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays of an index with one sample per image, backgrounds last."""
        records, backgrounds = self.load_split()
        if not (self.backgrounds or self.test_mode):
            backgrounds = []
        nameless = next((record for record in records if record.category not in self.classes), None)
        if nameless is not None:
            raise BadInputError(
                f"instance of {nameless.category!r}, which is not a category of the annotation file",
                where=str(nameless.source), expected=f"one of {', '.join(self.classes)}", found=str(nameless.image),
                todo="add it to the file's categories, with its id",
            )  # fmt: skip
        rows = rows_of(records, self._chosen, self.classes)
        images, paths = _numbered(records, backgrounds)
        crowds, unlabelled = _not_learnt(rows)
        learnt = len(records) - crowds
        if learnt == unlabelled and not (learnt and self.test_mode):  # a test still scores the AP of boxes
            raise BadInputError(
                "no instance has any of the chosen keypoints", where=str(self.data_root),
                found=f"{len(records)} instances", todo="choose other `keypoints`",
            )  # fmt: skip
        if crowds or unlabelled or backgrounds:
            logger.warning(
                "%d instances in %d images, %d of them without any; not learnt: %d crowds, the keypoints of %d that "
                "have none of the chosen ones",
                len(records), len(paths), len(backgrounds), crowds, unlabelled,
            )  # fmt: skip
        return arrays_of(rows, images, paths, self.classes, whole_images=True)

    def _instance_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays of an index with one sample per instance that is learnt and scored."""
        records = self.load_records()
        kinds = sorted({record.category for record in records})
        rows = rows_of(records, self._chosen, kinds)
        images, paths = _numbered(records, [])
        crowds, unlabelled = _not_learnt(rows)
        if crowds + unlabelled == len(rows):
            raise BadInputError(
                "no instance has any of the chosen keypoints",
                where=str(self.data_root),
                found=f"{len(rows)} instances",
                todo="choose other `keypoints`",
            )
        if crowds + unlabelled:
            logger.warning(
                "left out of %d instances: %d that have none of the chosen keypoints, %d crowds",
                len(rows),
                unlabelled,
                crowds,
            )
        used = (rows["crowd"] == 0) & rows["shown"].any(axis=1)
        return arrays_of(rows[used], images[used], paths, kinds, whole_images=False)


def _numbered(
    records: Sequence[PoseRecord], backgrounds: Sequence[ImageInfo]
) -> tuple[np.ndarray, list[Path]]:
    """Number the images in the order of their first instances, backgrounds last: (N,) of the records, and the paths."""
    numbers: dict[Path, int] = {}
    images = np.array([numbers.setdefault(record.image, len(numbers)) for record in records], np.int64)
    for image in backgrounds:
        numbers.setdefault(image.path, len(numbers))
    return images, list(numbers)


def _not_learnt(rows: np.ndarray) -> tuple[int, int]:
    """Count crowds, and others that have none of the keypoints."""
    crowd = rows["crowd"] > 0
    return int(crowd.sum()), int((~crowd & ~rows["shown"].any(axis=1)).sum())
