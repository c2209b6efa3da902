"""Loading a config, and settling in it everything that follows from something else.

MMEngine's inheritance copies values when a base is read: a child that changes the base's ``data_root`` or ``codec``
does not change the places the base had put them. Here the named values at the top of a config go where they belong:

======================  ====================================================================================
top-level name          goes to
======================  ====================================================================================
``data_root``           ``data_root`` of every dataset; ``ann_file`` and ``bbox_file`` below the old one move along
``dataset_type``        ``type`` of every dataset
``dataset_args``        a dict of further arguments, to every dataset: ``dict(subset="all")``
``keypoints``           ``keypoints`` of every dataset that can choose some of its points
``input_size``          ``codec.input_size``; ``codec.heatmap_size`` and ``codec.sigma`` keep their proportion
``input_size``          of a detector: the steps of its pipelines that resize, cut and pad; of Keypoint R-CNN:
                        ``model.min_size`` and ``max_size``, and its ``RandomImageAffine``
``max_epochs``          ``train_cfg.max_epochs``; epochs of ``param_scheduler`` keep their proportion to it
``amp``                 ``True``: half precision, ``optim_wrapper.type``
``num_stacks``          ``num_stacks`` of the model's head and backbone, where they are stacked
``box_padding``         ``padding`` of every ``GetBBoxCenterScale``: how much more than the box is looked at
``box_augment``         arguments of every ``RandomBoxTransform``: ``dict(rotate_factor=30)``
``image_augment``     arguments of every ``RandomImageAffine``: ``dict(degrees=30)``
``codec``               ``encoder``, ``input_size`` and ``use_udp`` in the pipelines, ``decoder`` (and ``input_size``)
                        of the head, ``test_cfg.shift_heatmap``; whole images have ``input_size`` alone
======================  ====================================================================================

and the data give the model the numbers and names of keypoints and classes, where they are ``None`` (``fit_model``).
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmengine.config import Config, ConfigDict

import kpplugins.register  # noqa: F401
from kpplugins.config.fit import fit_model, forbid_flips, tell_unflipped
from kpplugins.config.parts import STEPS, datasets_of, schema_of, steps_of
from kpplugins.config.rules.epochs import spread_epochs
from kpplugins.config.rules.precision import spread_amp
from kpplugins.config.rules.reach import require_reach
from kpplugins.config.rules.sizes import spread_size
from kpplugins.config.rules.stacks import spread_stacks
from kpplugins.config.source import (
    assigned_values,
    known_names,
    reject_unknown_names,
    reject_unknown_options,
)
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)


def load_config(
    path: str | Path | Config,
    *,
    data: str | Path | None = None,
    work_dir: str | Path | None = None,
    cfg_options: dict[str, Any] | None = None,
    skip_bad: bool = False,
    schema: KeypointSchema | None = None,
    classes: Sequence[str] | None = None,
) -> Config:
    """Read a config and settle it (see the module's table).

    Args:
        path: the config file; or a settled config, to change it by what follows.
        data: points every dataset at this folder.
        work_dir: where the run is kept. Default: the config's own, else ``work_dirs/NAME``.
        cfg_options: values by dotted key that go over the file's.
        skip_bad: datasets go on without bad files.
        schema: the keypoints, where the data are not at hand; ``None`` reads them from the datasets.
        classes: names of the classes of things, likewise; with a schema alone there is one, called as it is.

    Raises:
        BadInputError: a missing or unreadable file, an unknown key, one that would change nothing, or numbers of
            keypoints or classes that do not agree.
    """
    if isinstance(path, Config):
        with TemporaryDirectory() as folder:  # as the file that a run keeps
            file = Path(folder) / f"{Path(path.filename or 'settled').stem}.py"
            path.dump(file)
            return load_config(
                file, data=data, work_dir=work_dir, cfg_options=cfg_options, skip_bad=skip_bad, schema=schema,
                classes=classes,
            )  # fmt: skip
    path = Path(path)
    cfg = _read(path)
    if cfg_options:
        reject_unknown_options(cfg_options)
        cfg.merge_from_dict(cfg_options)
    cfg.work_dir = str(work_dir or cfg.get("work_dir") or Path("work_dirs") / path.stem)
    for name in set(cfg.keys()) - known_names():
        cfg.pop(name)  # it has served to build others; the config that is kept with the run does without
    if cfg.get("dataset_type") is not None:
        _spread(cfg, "type", [dataset for _, dataset in datasets_of(cfg)], name="dataset_type")
    _spread_dataset_args(cfg)
    _spread_data_root(cfg, data)
    _spread_keypoints(cfg)
    _spread_boxes(cfg)
    spread_stacks(cfg, cfg_options or {})
    spread_amp(cfg)
    _spread_codec(cfg)
    spread_size(cfg)
    spread_epochs(cfg, path, cfg_options or {})
    require_reach(cfg, path, cfg_options or {})
    if skip_bad:
        for _, dataset in datasets_of(cfg):
            dataset.skip_bad = True
    if next(datasets_of(cfg), None) is not None:
        if schema is not None and classes is None:
            classes = (schema.name,)
        schema = schema or schema_of(cfg)
        fit_model(cfg, schema, classes)
        forbid_flips(cfg, schema)
    tell_unflipped(cfg)
    return cfg


def work_dir_of(path: Path) -> Path:
    """Where the runs of a config are kept, without settling it (no data are needed)."""
    return Path(_read(path).get("work_dir") or Path("work_dirs") / path.stem)


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


def _spread_data_root(cfg: Config, data: str | Path | None) -> None:
    """The top-level ``data_root``, or ``--data``, to every dataset, and evaluators' paths below the old root."""
    everything = [dataset for _, dataset in datasets_of(cfg)]
    before = [dataset.get("data_root") for dataset in everything]
    if data is not None:
        cfg.data_root = str(data)
        for dataset in everything:
            dataset.data_root = str(data)
    elif cfg.get("data_root") is None or not _spread(cfg, "data_root", everything):
        return
    moved = [
        (d, old) for d, old in zip(everything, before, strict=True) if old and d.data_root == cfg.data_root
    ]
    evaluators = [cfg.get(name) or [] for name in ("val_evaluator", "test_evaluator")]
    roots = {old for _, old in moved}
    moved += [
        (e, old) for some in evaluators for e in (some if isinstance(some, list) else [some]) for old in roots
    ]
    for holder, old in moved:
        for key in ("ann_file", "bbox_file"):
            if holder.get(key) and Path(holder[key]).is_relative_to(old):
                holder[key] = str(Path(cfg.data_root) / Path(holder[key]).relative_to(old))


def _spread_dataset_args(cfg: Config) -> None:
    """Further arguments to every dataset; one that has another value of its own keeps it."""
    arguments = cfg.get("dataset_args") or {}
    if not isinstance(arguments, dict):
        raise BadInputError(
            "must be a dict of arguments",
            where="dataset_args",
            expected='dict(subset="all")',
            found=repr(arguments),
        )
    stated = [v for v in assigned_values(Path(cfg.filename), "dataset_args") if isinstance(v, dict)]
    for key, value in arguments.items():
        inherited = [None, value, *(v[key] for v in stated if key in v)]
        for _, dataset in datasets_of(cfg):
            if dataset.get(key) in inherited:
                dataset[key] = value


def _spread_keypoints(cfg: Config) -> None:
    from mmpose.registry import DATASETS

    if "keypoints" in cfg:
        _spread(
            cfg, "keypoints", [d for _, d in datasets_of(cfg) if hasattr(DATASETS.get(d.type), "schema_of")]
        )


def _spread(cfg: Config, key: str, datasets: list[ConfigDict], name: str | None = None) -> bool:
    """Give datasets as their ``key`` the top-level value of that name, or of ``name``.

    A dataset that has none, or what the file or a base of it says at its top, gets the new value; one that has another
    was given it on purpose, and keeps it.

    Returns:
        Whether any has the top-level value now.

    Raises:
        BadInputError: none of them would take it.
    """
    top, values = cfg[name or key], [dataset.get(key) for dataset in datasets]
    everywhere = all(value == values[0] for value in values)
    stated = assigned_values(Path(cfg.filename), name or key)
    taking = [
        d for d, value in zip(datasets, values, strict=True) if everywhere or value in [None, top, *stated]
    ]
    if datasets and not taking:
        raise BadInputError(
            f"{name or key} would go to datasets that have different ones",
            where=name or key,
            found=", ".join(sorted({str(v) for v in values})),
            todo=f"set {key} of each dataset",
        )
    for dataset in taking:
        dataset[key] = top
    return bool(taking)


def _spread_boxes(cfg: Config) -> None:
    augment, padding = cfg.get("box_augment") or {}, cfg.get("box_padding")
    whole = cfg.get("image_augment") or {}
    if not isinstance(augment, dict) or not isinstance(padding, (int, float, type(None))):
        raise BadInputError(
            "not a number, or not a dict of arguments", where="box_padding, box_augment",
            expected="1.25 and dict(rotate_factor=30)", found=f"{padding!r} and {augment!r}",
        )  # fmt: skip
    if not isinstance(whole, dict):
        raise BadInputError(
            "not a dict of arguments", where="image_augment", expected="dict(degrees=30)", found=repr(whole)
        )
    for step in steps_of(cfg):
        if step.type in STEPS["box_padding"] and padding is not None:
            step.padding = padding
        if step.type in STEPS["box_augment"]:
            step.update(augment)
        if step.type in STEPS["image_augment"]:
            step.update(whole)


def _spread_codec(cfg: Config) -> None:
    codec = cfg.get("codec")
    if not isinstance(codec, dict):
        return
    if cfg.get("input_size"):
        size = cfg.input_size
        if (
            not isinstance(size, (list, tuple))
            or len(size) != 2
            or not all(isinstance(v, int) and v > 0 for v in size)
        ):
            raise BadInputError(
                "not a size", where="input_size", expected="(width, height) in pixels", found=repr(size)
            )
        _resize(codec, tuple(size))
    udp = codec["type"] == "UDPHeatmap"
    for step in steps_of(cfg):
        if step.type in ("TopdownAffine", "CropAroundKeypoints"):
            step.input_size, step.use_udp = codec["input_size"], udp
        if step.type in ("ImageAffine", "RandomImageAffine"):
            step.input_size = codec["input_size"]
        if step.type == "GenerateTarget" and isinstance(step.get("encoder"), dict):
            step.encoder = codec
    model: Any = cfg.get("model") or {}
    head = model.get("head")
    if head and isinstance(head.get("decoder"), dict):
        head.decoder = codec
        _resize_head(head, tuple(codec["input_size"]))
    if (model.get("backbone") or {}).get("img_size"):  # transformers have a position for every patch
        model.backbone.img_size = tuple(codec["input_size"])[::-1]
    if (model.get("test_cfg") or {}).get("shift_heatmap") is not None:
        model.test_cfg.shift_heatmap = not udp  # other heatmaps are half a pixel off when mirrored


def _resize_head(head: ConfigDict, size: tuple[int, int]) -> None:
    """Heads that state the input's and the features' size, as SimCC's do."""
    before = head.get("input_size")
    if before and tuple(before) != size:
        head.input_size = size
        if head.get("in_featuremap_size"):
            pairs = zip(head.in_featuremap_size, size, before, strict=True)
            head.in_featuremap_size = tuple(round(n * new / old) for n, new, old in pairs)


def _resize(codec: ConfigDict, size: tuple[int, int]) -> None:
    """Another input size (w, h), with heatmaps and their sigma in the same proportion to it."""
    before = tuple(codec["input_size"])
    codec["input_size"] = size
    scale = [new / old for new, old in zip(size, before, strict=True)]
    if codec["type"] == "SimCCLabel" and isinstance(codec.get("sigma"), (list, tuple)):
        pairs = zip(codec["sigma"], scale, strict=True)  # MMPose's are the root of an eighth of each side
        codec["sigma"] = tuple(round(sigma * s**0.5, 4) for sigma, s in pairs)
    if codec.get("heatmap_size"):
        codec["heatmap_size"] = tuple(round(n * s) for n, s in zip(codec["heatmap_size"], scale, strict=True))
        if isinstance(codec.get("sigma"), (int, float)):
            codec["sigma"] = round(codec["sigma"] * scale[0], 4)
