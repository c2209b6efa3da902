"""The parts of a config that concern datasets and models: where they are, and what they say about the data."""

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config, ConfigDict

from kpplugins.config.values import dotted
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
EVALUATORS = ("val_evaluator", "test_evaluator")
Path = tuple[str | int, ...]


def dataset_paths(cfg: Config) -> Iterator[tuple[Path, ConfigDict]]:
    """Find every dataset with its place; for a wrapper, those that it wraps.

    Args:
        cfg: the config.

    Yields:
        Place and dataset.
    """
    for loader in LOADERS:
        if cfg.get(loader) and cfg[loader].get("dataset"):
            yield from _walk((loader, "dataset"), cfg[loader]["dataset"])


def datasets_of(cfg: Config) -> Iterator[tuple[str, ConfigDict]]:
    """Find every dataset with its dotted place; for a wrapper, those that it wraps.

    Args:
        cfg: the config.

    Yields:
        Dotted place and dataset.
    """
    for path, dataset in dataset_paths(cfg):
        yield dotted(path), dataset


def evaluators_of(cfg: Config) -> Iterator[tuple[Path, ConfigDict]]:
    """Find every metric of the evaluators with its place.

    Args:
        cfg: the config.

    Yields:
        Place and metric.
    """
    for name in EVALUATORS:
        some = cfg.get(name) or []
        if isinstance(some, dict):
            yield (name,), some
        else:
            for i, metric in enumerate(some):
                yield (name, i), metric


def pipeline_paths(part: Any, path: Path = ()) -> Iterator[tuple[Path, list]]:
    """Find every pipeline in a part of a config with its place, including those of wrapped datasets and hooks.

    Args:
        part: the part, nested dicts and lists.
        path: place of the part.

    Yields:
        Place and pipeline.
    """
    if isinstance(part, dict):
        for key, value in part.items():
            if str(key).endswith("pipeline") and isinstance(value, list):
                yield (*path, key), value
            else:
                yield from pipeline_paths(value, (*path, key))
    elif isinstance(part, (list, tuple)):
        for i, item in enumerate(part):
            yield from pipeline_paths(item, (*path, i))


def pipelines_of(part: Any) -> Iterator[list]:
    """Find every pipeline in a part of a config.

    Args:
        part: the part, nested dicts and lists.

    Yields:
        The pipelines.
    """
    for _, pipeline in pipeline_paths(part):
        yield pipeline


def step_paths(cfg: Config) -> Iterator[tuple[Path, ConfigDict]]:
    """Find every step of the loaders' pipelines, and of those that hooks switch to, with its place.

    Args:
        cfg: the config.

    Yields:
        Place and step.
    """
    for name in (*LOADERS, "custom_hooks"):
        for path, pipeline in pipeline_paths(cfg.get(name) or {}, (name,)):
            for i, step in enumerate(pipeline):
                if isinstance(step, dict):
                    yield (*path, i), step


def steps_of(cfg: Config) -> Iterator[ConfigDict]:
    """Find every step of every pipeline.

    Args:
        cfg: the config.

    Yields:
        The steps.
    """
    for _, step in step_paths(cfg):
        yield step


def codecs_of(cfg: Config) -> list[ConfigDict]:
    """List the codecs at the top of a config: none, one, or several (as for MSPN).

    Args:
        cfg: the config.

    Returns:
        The codecs.
    """
    named = cfg.get("codec")
    some = named if isinstance(named, (list, tuple)) else [named]
    return [codec for codec in some if isinstance(codec, dict)]


def is_detector(cfg: Config) -> bool:
    """Tell whether the model is one of MMDetection's, which predict boxes but no keypoints.

    Args:
        cfg: the config.

    Returns:
        Whether it is.
    """
    return cfg.get("default_scope") == "mmdet" or (cfg.get("model") or {}).get("_scope_") == "mmdet"


def class_of(place: str, dataset: ConfigDict) -> Any:
    """Look up the class of a dataset.

    Args:
        place: of the dataset, for the message.
        dataset: its config.

    Returns:
        The class.

    Raises:
        BadInputError: its ``type`` is unknown.
    """
    named = dataset.get("type")
    cls = _class(named)
    if cls is None:
        raise BadInputError(f"unknown dataset {named!r}", where=place, todo="see kpplugins.datasets")
    return cls


def _class(named: Any) -> Any:
    from mmpose.registry import DATASETS

    return DATASETS.get(named) if isinstance(named, str) else named


def own_datasets(cfg: Config) -> list[tuple[Path, ConfigDict]]:
    """List the datasets of ``kpplugins.datasets``, whose keypoints come from the data.

    Args:
        cfg: the config.

    Returns:
        Places and datasets.
    """
    return [(path, dataset) for path, dataset in dataset_paths(cfg) if is_own(dataset.get("type"))]


def is_own(named: Any) -> bool:
    """Tell whether a ``type`` is a dataset of ``kpplugins.datasets``, whose keypoints come from the data.

    Args:
        named: the ``type``, a name or a class.

    Returns:
        Whether it is.
    """
    return hasattr(_class(named), "schema_of")


def schema_of(cfg: Config) -> KeypointSchema:
    """Read the schema that all datasets of the config share.

    A wrapper's own keypoints take precedence: MMPose's ``CombinedDataset`` converts those that it wraps.

    Args:
        cfg: the config.

    Returns:
        The schema.

    Raises:
        BadInputError: two datasets differ in keypoints or flip pairs (it names both places), or none names its
            keypoints.
    """
    first: tuple[str, KeypointSchema] | None = None
    for loader in LOADERS:
        dataset = (cfg.get(loader) or {}).get("dataset")
        for place, schema in _schemas(f"{loader}.dataset", dataset) if dataset else ():
            if first and first[1].keypoints != schema.keypoints:
                raise BadInputError(
                    "datasets with different keypoints", where=f"{first[0]} and {place}",
                    found=f"{first[1].num_keypoints} ({', '.join(first[1].keypoints)}) and "
                    f"{schema.num_keypoints} ({', '.join(schema.keypoints)})",
                    todo="choose the same `keypoints` for all",
                )  # fmt: skip
            if (
                first
                and not (first[1].unflipped or schema.unflipped)
                and first[1].flip_indices != schema.flip_indices
            ):
                raise BadInputError(
                    "datasets with different flip pairs", where=f"{first[0]} and {place}",
                    found=f"{_pairs(first[1])}; and {_pairs(schema)}", todo="state the same for all, in schema.json",
                )  # fmt: skip
            if first is None or (
                schema.unflipped and not first[1].unflipped
            ):  # one that may not be flipped rules
                first = place, schema
    if first is None:
        raise BadInputError("no dataset names its keypoints", where=", ".join(LOADERS))
    return first[1]


def _pairs(schema: KeypointSchema) -> str:
    return ", ".join(f"{a}/{b}" for a, b in schema.flip_pairs) or "none"


def _schemas(place: str, dataset: ConfigDict) -> Iterator[tuple[str, KeypointSchema]]:
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    cls = class_of(place, dataset)
    if hasattr(cls, "schema_of"):
        yield place, cls.schema_of(dataset)
        return
    stated = dataset.get("metainfo")
    if not stated and ("datasets" in dataset or isinstance(dataset.get("dataset"), dict)):
        for inner, part in _parts(place, dataset):
            yield from _schemas(inner, part)
        return
    stated = stated or getattr(cls, "METAINFO", None)
    if stated:
        yield place, KeypointSchema.from_metainfo(parse_pose_metainfo(dict(stated)))


def classes_of(cfg: Config) -> list[str]:
    """Read the class names that all datasets of the config share.

    Args:
        cfg: the config.

    Returns:
        The names; none if no dataset has any.

    Raises:
        BadInputError: two datasets differ; it names both places.
    """
    first: tuple[str, list[str]] | None = None
    for place, dataset in datasets_of(cfg):
        cls = class_of(place, dataset)
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


def _parts(place: str, dataset: ConfigDict) -> Iterator[tuple[str, ConfigDict]]:
    if "datasets" in dataset:
        for i, part in enumerate(dataset["datasets"]):
            yield f"{place}.datasets[{i}]", part
    else:
        yield f"{place}.dataset", dataset["dataset"]


def _walk(path: Path, dataset: ConfigDict) -> Iterator[tuple[Path, ConfigDict]]:
    if dataset.get("datasets"):
        for i, part in enumerate(dataset["datasets"]):
            yield from _walk((*path, "datasets", i), part)
    elif isinstance(dataset.get("dataset"), dict):
        yield from _walk((*path, "dataset"), dataset["dataset"])
    else:
        yield path, dataset
