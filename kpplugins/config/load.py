"""Loading a config, and settling the values that follow from others.

MMEngine's inheritance copies values when a base is read: a child that changes the base's ``data_root`` or ``codec``
does not change the copies that the base made of them. Here the special names at the top of a config are copied to
where they belong (``rules``), and the model gets the numbers and names of keypoints and classes from the data
(``fit``). A config without these names is returned as ``Config.fromfile`` reads it.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

import kpplugins.register  # noqa: F401
from kpplugins.config.fit import fit_model, fit_weights, forbid_flips, tell_unflipped
from kpplugins.config.names import (
    reject_near_misses,
    reject_options,
    require_effect,
    require_rate,
    require_use,
    used_names,
)
from kpplugins.config.parts import classes_of, dataset_paths, datasets_of, own_datasets, schema_of
from kpplugins.config.rules import RULES, Replaced, Rule
from kpplugins.config.source import DATA, OPTIONS, Layer, over, read_config
from kpplugins.schema import KeypointSchema
from kpplugins.structures.addresses import spelled

__all__ = ["classes_of", "datasets_of", "environment_of", "load_config", "schema_of", "work_dir_of"]


def load_config(
    config: str | Path | Config,
    *,
    data: str | Path | None = None,
    work_dir: str | Path | None = None,
    cfg_options: dict[str, Any] | None = None,
    skip_bad: bool = False,
    schema: KeypointSchema | None = None,
    classes: Sequence[str] | None = None,
) -> Config:
    """Read a config and settle it.

    Args:
        config: the file, in any form that MMEngine reads (``.py`` of either style, YAML, JSON); or a ``Config``, which
            is not modified.
        data: folder for every dataset.
        work_dir: the work dir, instead of the config's.
        cfg_options: values by dotted key that override the file's.
        skip_bad: let datasets skip bad files.
        schema: the keypoints, if the data are not available; ``None`` reads them from the datasets.
        classes: class names, likewise; with a schema alone there is one class, named after the schema.

    Returns:
        The settled config.

    Raises:
        BadInputError: a missing or unreadable file, a near miss of a known name, one that would change nothing, or
            numbers of keypoints or classes that disagree.
    """
    cfg, layer = read_config(config)
    reject_near_misses(layer)
    require_use(layer)
    options, own = cfg_options or {}, [layer]
    if options:
        reject_options(options, layer)
        cfg.merge_from_dict(options)
        layer = over(cfg, layer, OPTIONS)
        own.append(layer)
    if data is not None:
        cfg.data_root = spelled(data)
        layer = over(cfg, layer, DATA)
    if work_dir is not None:
        cfg.work_dir = str(work_dir)
    require_effect(_settle(cfg, layer, options, data is not None), own)
    require_rate(cfg, own)
    if skip_bad:
        for _, dataset in dataset_paths(cfg):
            dataset.skip_bad = True
    if cfg.get("keypoint_weights"):
        fit_weights(cfg, schema or schema_of(cfg))
    if own_datasets(cfg):
        if schema is not None and classes is None:
            classes = (schema.name,)
        schema = schema or schema_of(cfg)
        fit_model(cfg, layer, schema, classes)
        forbid_flips(cfg, schema)
        tell_unflipped(cfg)
    return cfg


def environment_of(config: str | Path | Config, options: dict[str, Any] | None = None) -> dict[str, Any]:
    """Read the ``env_cfg`` of a config without settling it (no data are needed).

    Args:
        config: the file, or a ``Config``.
        options: values by dotted key that override the file's.

    Returns:
        MMEngine's settings of the process.

    Raises:
        BadInputError: a missing or unreadable file.
    """
    cfg = Config(dict(env_cfg=read_config(config)[0].get("env_cfg") or {}))
    cfg.merge_from_dict({key: v for key, v in (options or {}).items() if key.split(".")[0] == "env_cfg"})
    return dict(cfg.env_cfg)


def work_dir_of(config: str | Path | Config) -> Path:
    """Find the work dir of a config without settling it (no data are needed).

    Args:
        config: the file, or a ``Config``.

    Returns:
        The config's ``work_dir``, else ``work_dirs/NAME``.

    Raises:
        BadInputError: a missing or unreadable file.
    """
    cfg = config if isinstance(config, Config) else read_config(config)[0]
    return Path(cfg.get("work_dir") or Path("work_dirs") / Path(str(cfg.filename or "config")).stem)


def _settle(cfg: Config, layer: Layer, options: Collection[str], force_data: bool) -> list[Rule]:
    """Apply the rules of the names that the config has, and return them."""
    replaced: dict[str, Replaced] = {}
    applied = []
    for kind in RULES:
        if cfg.get(kind.name) is None:
            continue
        rule = kind(cfg, layer, replaced, options)
        rule.forced = force_data and kind.name == "data_root"
        by = rule.stated_by
        rule.own_use = by.is_installed or (not kind.over_use and kind.name in used_names(by.name))
        rule.check()
        rule.apply()
        applied.append(rule)
    return applied
