"""Loading a config, and settling in it everything that follows from something else.

MMEngine's inheritance copies values when a base is read: a child that changes the base's ``data_root`` or ``codec``
does not change the places the base had put them. Here the named values at the top of a config go where they belong:

======================  ====================================================================================
top-level name          goes to
======================  ====================================================================================
``data_root``           ``data_root`` of every dataset, and paths of evaluators below the old one
``keypoints``           ``keypoints`` of every dataset that can choose some of its points
``input_size``          ``codec.input_size``; ``codec.heatmap_size`` and ``codec.sigma`` keep their proportion
``codec``               ``encoder`` and ``input_size`` in the pipelines, ``decoder`` of the head
======================  ====================================================================================

and the dataset's schema gives ``model.head.out_channels`` where it is ``None``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

import kpplugins.register  # noqa: F401
from kpplugins.apis.config_names import known_names, reject_unknown_names, reject_unknown_options
from kpplugins.structures import BadInputError, KeypointSchema

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


def load_config(
    path: str | Path,
    *,
    data: str | Path | None = None,
    work_dir: str | Path | None = None,
    cfg_options: dict[str, Any] | None = None,
    skip_bad: bool = False,
) -> Config:
    """Read a config and settle it (see the module's table).

    Args:
        path: the config file.
        data: points every dataset at this folder.
        work_dir: where the run is kept. Default: the config's own, else ``work_dirs/NAME``.
        cfg_options: values by dotted key that go over the file's.
        skip_bad: datasets go on without bad files.

    Raises:
        BadInputError: a missing or unreadable file, an unknown key, or numbers of keypoints that do not agree.
    """
    path = Path(path)
    cfg = _read(path)
    if cfg_options:
        reject_unknown_options(cfg_options, set(cfg.keys()))
        cfg.merge_from_dict(cfg_options)
    if work_dir is not None:
        cfg.work_dir = str(work_dir)
    elif cfg.get("work_dir") is None:
        cfg.work_dir = str(Path("work_dirs") / path.stem)
    for name in set(cfg.keys()) - known_names():
        cfg.pop(name)  # it has served to build others; the config that is kept with the run does without
    _spread_data_root(cfg, data)
    _spread_keypoints(cfg)
    _spread_codec(cfg)
    if skip_bad:
        for _, dataset in datasets_of(cfg):
            dataset.skip_bad = True
    if next(datasets_of(cfg), None) is not None:
        fit_model(cfg, schema_of(cfg))
    return cfg


def datasets_of(cfg: Config) -> Iterator[tuple[str, ConfigDict]]:
    """Every dataset config with its dotted place, wrappers and their parts included."""
    for loader in LOADERS:
        if cfg.get(loader) and cfg[loader].get("dataset"):
            yield from _walk(f"{loader}.dataset", cfg[loader]["dataset"])


def schema_of(cfg: Config) -> KeypointSchema:
    """The schema that all datasets of the config share.

    Raises:
        BadInputError: two datasets differ; it names both places and numbers.
    """
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    from mmpose.registry import DATASETS

    first: tuple[str, KeypointSchema] | None = None
    for place, dataset in datasets_of(cfg):
        cls = (
            DATASETS.get(dataset.get("type")) if isinstance(dataset.get("type"), str) else dataset.get("type")
        )
        if cls is None:
            raise BadInputError(
                f"unknown dataset {dataset.get('type')!r}", where=place, todo="see kpplugins.datasets"
            )
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


def fit_model(cfg: Config, schema: KeypointSchema) -> None:
    """Give the head its number of keypoints, or stop where it states another.

    Raises:
        BadInputError: naming both places and both numbers.
    """
    head = (cfg.get("model") or {}).get("head")
    if not head or "out_channels" not in head:
        return
    if head.out_channels is None:
        head.out_channels = schema.num_keypoints
    elif head.out_channels != schema.num_keypoints:
        place = next(datasets_of(cfg))
        raise BadInputError(
            "the head and the data have different numbers of keypoints",
            where=f"model.head.out_channels and {place[0]}",
            found=f"{head.out_channels} ({head.type}) and {schema.num_keypoints} ({place[1].type}: "
            f"{', '.join(schema.keypoints)})",
            todo="set model.head.out_channels = None to take it from the data",
        )


def _read(path: Path) -> Config:
    if not path.is_file():
        raise BadInputError("no such config", where=str(path), todo="see the files in configs/")
    try:
        reject_unknown_names(path)
        return Config.fromfile(str(path))
    except BadInputError:
        raise
    except SyntaxError as error:
        raise BadInputError(
            f"not Python: {error.msg}", where=f"{error.filename or path}:{error.lineno}"
        ) from error
    except (OSError, KeyError, TypeError, ValueError, AttributeError, ImportError, NameError) as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInputError(f"config cannot be read: {message}", where=str(path)) from error


def _walk(place: str, dataset: ConfigDict) -> Iterator[tuple[str, ConfigDict]]:
    parts = dataset.get("datasets")
    if parts:
        for i, part in enumerate(parts):
            yield from _walk(f"{place}.datasets[{i}]", part)
    elif isinstance(dataset.get("dataset"), dict):
        yield from _walk(f"{place}.dataset", dataset["dataset"])
    else:
        yield place, dataset


def _spread_data_root(cfg: Config, data: str | Path | None) -> None:
    """The top-level ``data_root``, or ``--data``, to every dataset, and evaluators' paths below the old root."""
    everything = [dataset for _, dataset in datasets_of(cfg)]
    old = {str(dataset.get("data_root")) for dataset in everything}
    if data is not None:
        cfg.data_root = str(data)
        for dataset in everything:
            dataset.data_root = str(data)
    elif cfg.get("data_root") is None or not _spread(cfg, "data_root", everything):
        return
    for name in ("val_evaluator", "test_evaluator"):
        evaluators = cfg.get(name) or []
        for evaluator in evaluators if isinstance(evaluators, list) else [evaluators]:
            for before in old:
                if str(evaluator.get("ann_file") or "").startswith(before):
                    below = str(evaluator.ann_file)[len(before) :].lstrip("/")
                    evaluator.ann_file = str(Path(cfg.data_root) / below)


def _spread_keypoints(cfg: Config) -> None:
    from mmpose.registry import DATASETS

    if "keypoints" in cfg:
        _spread(
            cfg, "keypoints", [d for _, d in datasets_of(cfg) if hasattr(DATASETS.get(d.type), "schema_of")]
        )


def _spread(cfg: Config, key: str, datasets: list[ConfigDict]) -> bool:
    """Give datasets the top-level value of ``key``, unless the config gives them different ones on purpose.

    Returns:
        Whether they have it now.

    Raises:
        BadInputError: they differ, and the top-level value is none of theirs.
    """
    values = [dataset.get(key) for dataset in datasets]
    if any(value != values[0] for value in values):
        if cfg[key] in values:
            return False
        raise BadInputError(
            f"{key} would go to datasets that have different ones",
            where=key,
            found=", ".join(sorted({str(v) for v in values})),
            todo=f"set {key} of each dataset",
        )
    for dataset in datasets:
        dataset[key] = cfg[key]
    return True


def _spread_codec(cfg: Config) -> None:
    codec = cfg.get("codec")
    if not isinstance(codec, dict):
        return
    if cfg.get("input_size"):
        _resize(codec, tuple(cfg.input_size))
    for loader in LOADERS:
        for step in ((cfg.get(loader) or {}).get("dataset") or {}).get("pipeline") or []:
            if step.type == "TopdownAffine":
                step.input_size = codec["input_size"]
                step.use_udp = codec["type"] == "UDPHeatmap"
            if step.type == "GenerateTarget" and isinstance(step.get("encoder"), dict):
                step.encoder = codec
    head = (cfg.get("model") or {}).get("head")
    if head and isinstance(head.get("decoder"), dict):
        head.decoder = codec


def _resize(codec: ConfigDict, size: tuple[int, int]) -> None:
    """Another input size (w, h), with heatmaps and their sigma in the same proportion to it."""
    before = tuple(codec["input_size"])
    codec["input_size"] = size
    if codec.get("heatmap_size"):
        scale = [new / old for new, old in zip(size, before, strict=True)]
        codec["heatmap_size"] = tuple(round(n * s) for n, s in zip(codec["heatmap_size"], scale, strict=True))
        if isinstance(codec.get("sigma"), (int, float)):
            codec["sigma"] = round(codec["sigma"] * scale[0], 4)
