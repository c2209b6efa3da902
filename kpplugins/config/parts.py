"""The parts of a config that datasets and models share: where they are, and what they say of the data."""

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config, ConfigDict

from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
STEPS = {
    "box_augment": ("RandomBoxTransform", "RandomBBoxTransform"),
    "box_padding": ("GetBBoxCenterScale",),
    "image_augment": ("RandomImageAffine",),
}
"""Top-level names and the types of the steps that they go to."""


def datasets_of(cfg: Config) -> Iterator[tuple[str, ConfigDict]]:
    """Every dataset config with its dotted place, wrappers and their parts included."""
    for loader in LOADERS:
        if cfg.get(loader) and cfg[loader].get("dataset"):
            yield from _walk(f"{loader}.dataset", cfg[loader]["dataset"])


def pipelines_of(part: Any) -> Iterator[list]:
    """Every pipeline of a loader, those of wrapped datasets included."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "pipeline" and isinstance(value, list):
                yield value
            else:
                yield from pipelines_of(value)
    elif isinstance(part, list):
        for item in part:
            yield from pipelines_of(item)


def steps_of(cfg: Config) -> Iterator[Any]:
    """Every step of every pipeline of the config's loaders."""
    for loader in LOADERS:
        for pipeline in pipelines_of(cfg.get(loader) or {}):
            yield from pipeline


def is_detector(cfg: Config) -> bool:
    """Whether the model is one of MMDetection's, which finds boxes and no points."""
    return cfg.get("default_scope") == "mmdet" or (cfg.get("model") or {}).get("_scope_") == "mmdet"


def schema_of(cfg: Config) -> KeypointSchema:
    """The schema that all datasets of the config share.

    Raises:
        BadInputError: two datasets differ; it names both places and numbers.
    """
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    first: tuple[str, KeypointSchema] | None = None
    for place, dataset in datasets_of(cfg):
        cls = _class_of(place, dataset)
        if hasattr(cls, "schema_of"):
            schema = cls.schema_of(dataset)
        elif dataset.get("metainfo") or getattr(cls, "METAINFO", None):
            schema = KeypointSchema.from_metainfo(
                parse_pose_metainfo(dict(dataset.get("metainfo") or cls.METAINFO))
            )
        else:
            continue
        if first and first[1].keypoints != schema.keypoints:
            raise BadInputError(
                "datasets with different keypoints",
                where=f"{first[0]} and {place}",
                found=f"{first[1].num_keypoints} ({', '.join(first[1].keypoints)}) and "
                f"{schema.num_keypoints} ({', '.join(schema.keypoints)})",
                todo="choose the same `keypoints` for all",
            )
        first = first or (place, schema)
    if first is None:
        raise BadInputError("no dataset says what its keypoints are", where=", ".join(LOADERS))
    return first[1]


def classes_of(cfg: Config) -> list[str]:
    """The names of the classes that all datasets of the config share; none where they say nothing of it.

    Raises:
        BadInputError: two datasets differ; it names both places.
    """
    first: tuple[str, list[str]] | None = None
    for place, dataset in datasets_of(cfg):
        cls = _class_of(place, dataset)
        if not hasattr(cls, "classes_of"):
            continue
        classes = cls.classes_of(dataset)
        if first and first[1] != classes:
            raise BadInputError(
                "datasets with different classes", where=f"{first[0]} and {place}",
                found=f"{', '.join(first[1])} and {', '.join(classes)}",
                todo="choose the same `categories` for all, with the same ids in all annotation files",
            )  # fmt: skip
        first = first or (place, classes)
    return first[1] if first else []


def _class_of(place: str, dataset: ConfigDict) -> Any:
    from mmpose.registry import DATASETS

    named = dataset.get("type")
    cls = DATASETS.get(named) if isinstance(named, str) else named
    if cls is None:
        raise BadInputError(f"unknown dataset {named!r}", where=place, todo="see kpplugins.datasets")
    return cls


def _walk(place: str, dataset: ConfigDict) -> Iterator[tuple[str, ConfigDict]]:
    parts = dataset.get("datasets")
    if parts:
        for i, part in enumerate(parts):
            yield from _walk(f"{place}.datasets[{i}]", part)
    elif isinstance(dataset.get("dataset"), dict):
        yield from _walk(f"{place}.dataset", dataset["dataset"])
    else:
        yield place, dataset
