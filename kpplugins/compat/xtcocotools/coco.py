"""Stand-in for ``xtcocotools.coco``: the index of one COCO annotation file, and of results for it.

Remove when the package ``kpplugins.compat.xtcocotools`` goes.
"""

from __future__ import annotations

import copy
import json
import logging
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.compat.xtcocotools import mask as mask_api

__all__ = ["COCO"]

logger = logging.getLogger(__name__)


def _as_collection(value: Any) -> Collection:
    """Return ``value`` itself if it is a list, array, set, …; a single id or name becomes a list of one."""
    return value if not isinstance(value, str) and hasattr(value, "__len__") else [value]


def _read_json(path: str | os.PathLike) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


class COCO:
    """Index of a COCO annotation file, with the interface of ``xtcocotools.coco.COCO``.

    Args:
        annotation_file: path of the JSON file, a dict with its content, or None for an empty index.
        test_index: keep these of the K keypoints of each annotation, in this order. None keeps all.
        ann_data: the content of ``annotation_file``, if it has been read already.

    Attributes:
        dataset: the content of the file. Annotations without ``iscrowd`` get ``iscrowd=False``.
        anns, imgs, cats: id -> annotation, image, category.
        imgToAnns: image id -> its annotations, in file order.
        catToImgs: category id -> image ids.
        anno_file: the paths (or objects) of the annotations and, after ``loadRes``, of the results.

    Raises:
        TypeError: the file does not hold one JSON object (for a result file, a list, see ``loadRes``).
    """

    def __init__(
        self,
        annotation_file: str | os.PathLike | dict | None = None,
        test_index: Sequence[int] | None = None,
        ann_data: dict | None = None,
    ) -> None:
        self.dataset: dict[str, Any] = {}
        self.anno_file: list[Any] = [annotation_file]
        self.test_index = test_index
        if annotation_file is not None:
            data: Any = ann_data
            if data is None:
                data = annotation_file if isinstance(annotation_file, dict) else _read_json(annotation_file)
            if not isinstance(data, dict):
                raise TypeError(
                    f"expected a COCO annotation file (one JSON object) in {annotation_file!r}, "
                    f"got a {type(data).__name__}; read a result list with COCO(...).loadRes(results)"
                )
            self.dataset = data
        for ann in self.dataset.get("annotations", []):
            if self.test_index is not None:
                kept = np.asarray(ann["keypoints"]).reshape(-1, 3)[self.test_index]
                ann["keypoints"] = kept.reshape(-1).tolist()
            ann.setdefault("iscrowd", False)
        self.createIndex()

    def createIndex(self) -> None:
        """Build the look-up tables from ``dataset``; call it after changing ``dataset``."""
        annotations = self.dataset.get("annotations", [])
        self.imgs = {image["id"]: image for image in self.dataset.get("images", [])}
        self.cats = {category["id"]: category for category in self.dataset.get("categories", [])}
        self.anns = {ann["id"]: ann for ann in annotations}
        self.imgToAnns: defaultdict[Any, list[dict]] = defaultdict(list)
        self.catToImgs: defaultdict[Any, list] = defaultdict(list)
        for ann in annotations:
            self.imgToAnns[ann["image_id"]].append(ann)
            if "categories" in self.dataset:
                self.catToImgs[ann["category_id"]].append(ann["image_id"])

    def info(self) -> None:
        """Log the ``info`` section of the file."""
        for key, value in self.dataset.get("info", {}).items():
            logger.info("%s: %s", key, value)

    def getAnnIds(
        self, imgIds: Any = (), catIds: Any = (), areaRng: Sequence[float] = (), iscrowd: bool | None = None
    ) -> list:
        """Return the ids of annotations of these images and categories, with lower <= area < upper, crowd or not.

        An empty filter matches everything. The order is that of ``imgIds``, then of the file.
        """
        images, categories = _as_collection(imgIds), _as_collection(catIds)
        anns: Iterable[dict] = self.dataset.get("annotations", [])
        if len(images):
            anns = [ann for image in images for ann in self.imgToAnns.get(image, ())]
        if len(categories):
            anns = [ann for ann in anns if ann["category_id"] in categories]
        if len(areaRng):
            anns = [ann for ann in anns if areaRng[0] <= ann["area"] < areaRng[1]]
        if iscrowd is not None:
            anns = [ann for ann in anns if ann["iscrowd"] == iscrowd]
        return [ann["id"] for ann in anns]

    def getCatIds(self, catNms: Any = (), supNms: Any = (), catIds: Any = ()) -> list:
        """Return the ids of categories with these names, super-categories and ids; an empty filter matches all."""
        filters = (("name", catNms), ("supercategory", supNms), ("id", catIds))
        cats: Iterable[dict] = self.dataset.get("categories", [])
        for key, wanted in filters:
            wanted = _as_collection(wanted)
            if len(wanted):
                cats = [cat for cat in cats if cat.get(key) in wanted]
        return [cat["id"] for cat in cats]

    def getImgIds(self, imgIds: Any = (), catIds: Any = ()) -> list:
        """Return the ids of images among ``imgIds`` that show every category of ``catIds``; both empty means all."""
        images, categories = _as_collection(imgIds), _as_collection(catIds)
        if not len(images) and not len(categories):
            return list(self.imgs)
        ids = set(images)
        for index, category in enumerate(categories):
            with_category = set(self.catToImgs.get(category, ()))
            ids = with_category if index == 0 and not ids else ids & with_category
        return list(ids)

    def loadAnns(self, ids: Any = ()) -> list[dict]:
        """Return the annotations with these ids (one id or several)."""
        return [self.anns[id_] for id_ in _as_collection(ids)]

    def loadCats(self, ids: Any = ()) -> list[dict]:
        """Return the categories with these ids (one id or several)."""
        return [self.cats[id_] for id_ in _as_collection(ids)]

    def loadImgs(self, ids: Any = ()) -> list[dict]:
        """Return the images with these ids (one id or several)."""
        return [self.imgs[id_] for id_ in _as_collection(ids)]

    def loadRes(self, resFile: Any, resData: list[dict] | None = None) -> COCO:
        """Index results for the images of this index.

        Args:
            resFile: path of a JSON list, the list itself, or an array [N, 7] of
                (image id, x, y, w, h, score, category id).
            resData: the content of ``resFile``, if it has been read already.

        Returns:
            An index of copies of the results, each with ``id`` (from 1), ``area`` and ``bbox`` (x, y, w, h): as given,
            from its mask, or around its keypoints.

        Raises:
            TypeError: ``resFile`` is none of these.
            ValueError: a result is for an image that is not in this index.
        """
        if resData is not None:
            results: Any = resData
        elif isinstance(resFile, (str, os.PathLike)):
            results = _read_json(resFile)
        else:
            results = self.loadNumpyAnnotations(resFile) if isinstance(resFile, np.ndarray) else resFile
        if not isinstance(results, list):
            raise TypeError(
                f"expected results as a list of dicts, [N, 7] array or path, got {type(results).__name__}"
            )
        unknown = sorted(
            {str(result["image_id"]) for result in results if result["image_id"] not in self.imgs}
        )
        if unknown:
            raise ValueError(
                f"{len(unknown)} image ids of the results are not in the annotations (first: {unknown[:5]}); "
                "evaluate against the annotation file that the results were made from"
            )
        if len(self.anno_file) == 1:
            self.anno_file.append(resFile)
        loaded = COCO()
        loaded.dataset["images"] = list(self.dataset.get("images", []))
        loaded.dataset["categories"] = copy.deepcopy(self.dataset.get("categories", []))
        loaded.dataset["annotations"] = _complete_results(results)
        loaded.createIndex()
        return loaded

    def loadNumpyAnnotations(self, data: np.ndarray) -> list[dict]:
        """Turn an array [N, 7] of (image id, x, y, w, h, score, category id) into a list of results."""
        if data.ndim != 2 or data.shape[1] != 7:
            raise ValueError(
                f"expected [N, 7] (image id, x, y, w, h, score, category id), got {list(data.shape)}"
            )
        return [
            {"image_id": int(image), "bbox": box, "score": score, "category_id": int(category)}
            for image, *box, score, category in data.tolist()
        ]

    def annToRLE(self, ann: dict) -> dict:
        """Return the RLE of an annotation's ``segmentation`` (polygons, plain or compressed RLE)."""
        segmentation = ann["segmentation"]
        image = self.imgs[ann["image_id"]]
        if isinstance(segmentation, list):
            return mask_api.merge(mask_api.frPyObjects(segmentation, image["height"], image["width"]))
        if isinstance(segmentation["counts"], list):
            return mask_api.frPyObjects(segmentation, image["height"], image["width"])
        return segmentation

    def annToMask(self, ann: dict) -> np.ndarray:
        """Return the mask [H, W] of an annotation."""
        return mask_api.decode(self.annToRLE(ann))


def _kind_of(result: dict) -> str:
    """Tell from its keys whether a result is a box, a mask or keypoints; a box takes precedence."""
    if "caption" in result:
        return "caption"
    if len(result.get("bbox", ())):
        return "bbox"
    return "segmentation" if "segmentation" in result else "keypoints"


def _complete_results(results: list[dict]) -> list[dict]:
    """Copy results and fill in ``id``, ``area`` and ``bbox``; the first result decides the kind of all."""
    if not results:
        return []
    kind = _kind_of(results[0])
    completed = []
    for number, result in enumerate(results, start=1):
        full = {**result, "id": number, "iscrowd": 0}
        if kind == "bbox":
            x, y, w, h = result["bbox"]
            full.setdefault("segmentation", [[x, y, x, y + h, x + w, y + h, x + w, y]])
            full["area"] = w * h
        elif kind == "segmentation":
            full["area"] = float(mask_api.area(result["segmentation"]))
            full.setdefault("bbox", [float(value) for value in mask_api.toBbox(result["segmentation"])])
        elif kind == "keypoints":
            xs, ys = result["keypoints"][0::3], result["keypoints"][1::3]
            x, y = min(xs), min(ys)
            w, h = max(xs) - x, max(ys) - y
            full["area"], full["bbox"] = w * h, [x, y, w, h]
        completed.append(full)
    return completed
