"""What a data set asks of a recipe, in numbers."""

import inspect
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from mmpose.registry import DATASETS

import kpplugins.register  # noqa: F401
from kpplugins.curation.check import material_of
from kpplugins.curation.checks.images.duplicates import near_pairs
from kpplugins.curation.checks.images.looks import look_at
from kpplugins.curation.checks.images.videos import scenes
from kpplugins.curation.checks.material import Material
from kpplugins.curation.stats import opened
from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import images_of
from kpplugins.data.splits import SPLITS
from kpplugins.storage.files import is_file
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path, spelled
from kpplugins.structures.procrustes import as_shapes

LEAST_INSTANCES = 5
"""Labelled instances below which there is nothing to learn from."""
LOOKED_AT, BLOCK = 2000, 100
"""Of more images than this, blocks of neighbouring ones are compared."""
_LEAST_TURNED, _ROUNDS = 5, 5


@dataclass(frozen=True)
class DataFacts:
    """A data set in numbers; instances are those of the train split that are no crowds.

    Attributes:
        source: the folder.
        dataset_type: the dataset class that reads it.
        keypoints: K.
        categories: number of categories.
        images: of the train split.
        instances: with a labelled keypoint, of the train split.
        validated: the same of the val split; ``None`` where the dataset class divides the images itself.
        mean_instances: instances in an image that has any.
        crowded: share of these images with two or more instances.
        box_side: median of the boxes' longer sides, in pixels.
        small_side: the side that nine boxes in ten exceed.
        box_share: median of the boxes' longer sides as shares of the images' longer sides.
        whole_images: share of the instances whose box is the whole image.
        image_size: median (width, height) in pixels.
        turned: circular standard deviation of the instances' orientation in degrees; ``None`` if it is not known.
        alike: share of the images that look like another one.
        filmed: share of the images that are frames of one scene, filmed.
        unflipped: why nothing is mirrored in training; empty where it is.
        paired: a mirrored instance exchanges keypoints, left and right.
    """

    source: str
    dataset_type: str
    keypoints: int
    categories: int
    images: int
    instances: int
    validated: int | None
    mean_instances: float
    crowded: float
    box_side: float
    small_side: float
    box_share: float
    whole_images: float
    image_size: tuple[int, int]
    turned: float | None
    alike: float
    filmed: float
    unflipped: str
    paired: bool

    @property
    def different(self) -> int:
        """Return how many images of the train split look unlike the others, each group of alike ones counted once."""
        return max(1, round(self.images * (1 - self.alike / 2)))


def data_facts(source: str | Path, *, skip_bad: bool = False) -> DataFacts:
    """Read a data set and measure it; up to 2,000 images are decoded.

    Args:
        source: a folder that a dataset class reads: the output of ``kpplugins dataset convert``, Kaggle's faces, CAT,
            or COCO's persons as downloaded.
        skip_bad: skip bad entries.

    Returns:
        The facts.

    Raises:
        BadInputError: see ``open_source``; no dataset class reads the format; or fewer than five labelled instances to
            train on.
    """
    folder = as_path(source)
    with opened(folder, skip_bad=skip_bad) as (known, reading):
        kind = _dataset_type(folder, known.name)
        share = 1.0 if reading.splits else _train_share(kind)
        learnt = [r for r in _of_split(reading, "train") if not r.crowd]
        labelled = round(share * sum(r.num_labelled > 0 for r in learnt))
        _require_enough(labelled, spelled(source))
        held = sum(r.num_labelled > 0 and not r.crowd for r in _of_split(reading, "val"))
        looked = material_of(folder, known.name, reading, looks=look_at(_some(images_of(reading))))
        images = round(share * sum(reading.splits.get(i.path, "train") == "train" for i in looked.images))
        found = _measured(spelled(source), kind, reading, learnt, looked)
        return replace(
            found, images=images, instances=labelled, validated=held if reading.splits or share == 1 else None
        )


def _measured(
    source: str, kind: str, reading: AnnotationSet, learnt: list[PoseRecord], looked: Material
) -> DataFacts:
    """Return the facts, but for the numbers of images and instances."""
    counts = np.array(list(Counter(r.image for r in learnt).values()))
    boxes = np.array([r.bbox for r in learnt], float).reshape(-1, 4)
    sides = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1), 1e-9)
    sizes = np.array([(r.width, r.height) for r in learnt], float)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) / sizes.prod(axis=1)
    points = np.array([r.keypoints for r in learnt], float).reshape(-1, reading.schema.num_keypoints, 3)
    alike = len(np.unique(np.concatenate(near_pairs(looked)))) if len(looked.looks.paths) > 1 else 0
    seen = max(len(looked.looks.paths), 1)
    schema = reading.schema
    return DataFacts(
        source=source,
        dataset_type=kind,
        keypoints=schema.num_keypoints,
        categories=len({r.category for r in learnt}),
        images=0,
        instances=0,
        validated=None,
        mean_instances=float(counts.mean()),
        crowded=float((counts > 1).mean()),
        box_side=float(np.median(sides)),
        small_side=float(np.percentile(sides, 10)),
        box_share=float(np.median(sides / sizes.max(axis=1))),
        whole_images=float((area > _WHOLE).mean()),
        image_size=(round(float(np.median(sizes[:, 0]))), round(float(np.median(sizes[:, 1])))),
        turned=turn_spread(points[..., :2], points[..., 2] > 0),
        alike=alike / seen,
        filmed=len(scenes(looked)) / seen,
        unflipped=schema.unflipped,
        paired=bool(schema.flip_pairs),
    )


_WHOLE = 0.9
"""Share of its image that a box must fill to count as the whole image."""


def turn_spread(points: np.ndarray, labelled: np.ndarray) -> float | None:
    """Measure how differently instances are turned in their images.

    Each instance is turned onto the mean shape of all, which is the mean of the turned instances; an instance counts as
    much as it resembles that shape.

    Args:
        points: (N, K, 2) x, y in pixels.
        labelled: (N, K) boolean.

    Returns:
        The circular standard deviation of the turns in degrees, 0 if all are turned alike; ``None`` if fewer than five
        instances have two labelled keypoints that lie apart.
    """
    usable = labelled.sum(axis=1) >= 2
    shapes, has = as_shapes(points[usable], labelled[usable]), labelled[usable]
    apart = np.abs(shapes).max(axis=1, initial=0) > 0.5
    shapes, has = shapes[apart], has[apart]
    if len(shapes) < _LEAST_TURNED:
        return None
    mean = shapes[has.sum(axis=1).argmax()]
    for _ in range(_ROUNDS):
        turn = (shapes * mean.conj()).sum(axis=1)
        unit = turn / np.maximum(np.abs(turn), 1e-9)
        mean = (shapes * unit.conj()[:, None]).sum(axis=0) / np.maximum(has.sum(axis=0), 1)
    turn = (shapes * mean.conj()).sum(axis=1) / has.sum(axis=1)
    resultant = float(np.abs(turn.sum()) / max(np.abs(turn).sum(), 1e-9))
    return float(np.degrees(np.sqrt(-2 * np.log(np.clip(resultant, 1e-6, 1)))))


def _dataset_type(folder: Path, format_name: str) -> str:
    """Return the dataset class that reads a folder as it is."""
    if format_name in _READ_AS_IT_IS:
        return _READ_AS_IT_IS[format_name]
    converted = any(is_file(folder / "annotations" / f"{split}.json") for split in SPLITS)
    if format_name == "coco" and converted:
        return "CustomKeypointDataset"
    if format_name == "coco" and any(is_file(folder / "annotations" / name) for name in _COCO_FILES):
        return "CocoPersonDataset"
    raise BadInputError(
        "no dataset reads this as it is", where=str(folder), found=f"format {format_name}",
        todo=f"convert it first: kpplugins dataset convert {folder} --out DIR, and give DIR",
    )  # fmt: skip


def _train_share(kind: str) -> float:
    """Return the share of the images that a dataset class trains on, if it divides them itself."""
    ratios = inspect.signature(DATASETS.get(kind).__init__).parameters.get("ratios")
    return 1.0 if ratios is None else ratios.default[0] / sum(ratios.default)


_READ_AS_IT_IS = {"kaggle": "KaggleFacialDataset", "cat": "CatDataset"}
_COCO_FILES = ("person_keypoints_train2017.json", "person_keypoints_val2017.json")


def _require_enough(labelled: int, source: str) -> None:
    if labelled < LEAST_INSTANCES:
        raise BadInputError(
            "too few labelled instances to learn from", where=source,
            expected=f"{LEAST_INSTANCES} or more to train on, 100 to 200 for a first result",
            found=str(labelled), todo="label more images; kpplugins dataset stats DIR counts the splits",
        )  # fmt: skip


def _of_split(reading: AnnotationSet, split: str) -> list[PoseRecord]:
    return [r for r in reading.records if reading.splits.get(r.image, "train") == split]


def _some(images: list[ImageInfo]) -> list[ImageInfo]:
    """Return all images, or blocks of neighbours from everywhere in the set."""
    if len(images) <= LOOKED_AT:
        return images
    starts = np.linspace(0, len(images) - BLOCK, LOOKED_AT // BLOCK).astype(int)
    return [image for start in starts for image in images[start : start + BLOCK]]
