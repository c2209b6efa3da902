"""What a model takes from the data: numbers of keypoints and classes, their names, and whether it may be mirrored."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.config import Config, ConfigDict

from kpplugins.config.fit_parts import fit_parts
from kpplugins.config.parts import (
    LOADERS,
    Path,
    classes_of,
    codecs_of,
    datasets_of,
    is_detector,
    pipelines_of,
    step_paths,
)
from kpplugins.config.source import Layer
from kpplugins.config.values import dotted, is_type, same, value_at
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
_FLIPS = ("RandomFlip", "HandRandomFlip", "HorizontalFlip", "VerticalFlip", "Flip", "Transpose", "D4")
"""MMPose's, and those of albumentations."""
_KEYPOINTS: tuple[Path, ...] = (
    ("model", "head", "out_channels"),
    ("model", "head", "num_keypoints"),
    ("model", "head", "num_joints"),
    ("model", "num_keypoints"),
    ("model", "keypoint_names"),
)
_CLASSES: tuple[Path, ...] = (
    ("model", "head", "num_classes"),
    ("model", "bbox_head", "num_classes"),
    ("model", "num_classes"),
    ("model", "class_names"),
)


def fit_model(
    cfg: Config, layer: Layer, schema: KeypointSchema, classes: Sequence[str] | None = None
) -> None:
    """Set the model's numbers and names of keypoints and classes, or raise if it states other numbers.

    A value is set if it is ``None``, or if it comes from a base that was written for other data: for example, MMPose's
    17 under a file that replaces the data.

    Args:
        cfg: its ``out_channels``, ``num_keypoints``, ``num_joints``, ``num_classes`` and names of ``codec``,
            ``model``, ``model.head`` and ``model.bbox_head`` are set.
        layer: the topmost layer of the config.
        schema: the keypoints.
        classes: names of the classes; ``None`` asks the datasets if the model needs them.

    Raises:
        BadInputError: the numbers differ (it names both places), or no dataset names its classes.
    """
    foreign = _below_the_data(cfg, layer)
    own = (
        [("model", "backbone", "out_channels")]
        if is_type(value_at(cfg, ("model", "backbone")), "CPM")
        else []
    )
    for path in (*_KEYPOINTS, *own):
        if _has(cfg, path):
            _fit(cfg, path, "keypoints", schema.keypoints, layer.origin(*path) in foreign)
    if foreign:
        fit_parts(cfg, schema, lambda path: layer.origin(*path) in foreign)
    wanting = [p for p in (*_CLASSES, *_codec_classes(cfg)) if _has(cfg, p)]
    if wanting and classes is None:
        classes = classes_of(cfg)
    for path in wanting:
        if classes:
            _fit(cfg, path, "classes", classes, False)
        elif value_at(cfg, path) is None:
            raise BadInputError(
                "no dataset names its classes", where=", ".join(LOADERS), todo=f"set {dotted(path)}"
            )


def fit_weights(cfg: Config, schema: KeypointSchema) -> None:
    """Give the steps that weigh keypoints the names of all of them, in order.

    Args:
        cfg: changed in place.
        schema: the keypoints.

    Raises:
        BadInputError: ``keypoint_weights`` names another keypoint.
    """
    schema.indices_of(tuple(cfg.keypoint_weights))
    for _, step in step_paths(cfg):
        if is_type(step, "WeighKeypoints"):
            step.keypoints = list(schema.keypoints)


def forbid_flips(cfg: Config, schema: KeypointSchema) -> None:
    """Remove flips from training and test, with a warning, if the keypoints cannot be mirrored, or may not be.

    Flips are removed wherever training finds them: in pipelines, in steps inside other steps, in the pipelines that
    hooks switch to, and in mixed-up images. Detectors without keypoints keep them.

    Args:
        cfg: changed in place.
        schema: the keypoints.
    """
    if not schema.unflipped or is_detector(cfg):
        return
    removed = [_without_flips(cfg.get(part) or {}) for part in ("train_dataloader", "custom_hooks")]
    tested = (cfg.get("model") or {}).get("test_cfg") or {}
    if any(removed) or tested.get("flip_test"):
        logger.warning(
            "no flips in training or test: %s%s", schema.unflipped, "" if schema.unpaired else
            "; to flip, state the pairs: kpplugins dataset schema DIR --write --flip-pairs a:b … (or --no-flip-pairs)",
        )  # fmt: skip
    if tested.get("flip_test"):
        tested["flip_test"] = False


def _without_flips(part: Any) -> bool:
    """Remove every mirroring step from the pipelines of a part of a config; tell whether there was one."""
    found = False
    for pipeline in pipelines_of(part):
        found |= _drop_flips(pipeline)
    return found


def _drop_flips(steps: list) -> bool:
    kept = [step for step in steps if not is_type(step, *_FLIPS)]
    found = len(kept) < len(steps)
    steps[:] = kept
    for step in steps:
        if isinstance(step, list):  # one of a RandomChoice
            found |= _drop_flips(step)
        elif isinstance(step, dict):
            if is_type(step, "YOLOXMixUp") and step.get("flip_ratio", 0.5):
                step["flip_ratio"], found = 0.0, True
            for key in ("transforms", "pre_transform"):
                if isinstance(step.get(key), list):
                    found |= _drop_flips(step[key])
    steps[:] = [step for step in steps if not (isinstance(step, dict) and step.get("transforms") == [])]
    return found


def tell_unflipped(cfg: Config) -> None:
    """Warn about a flip test of a model that is trained without flips.

    Args:
        cfg: the settled config.
    """
    trained = list(pipelines_of(cfg.get("train_dataloader") or {}))
    flips = any(is_type(s, "RandomFlip") and s.get("prob") != 0 for steps in trained for s in steps)
    tested: Any = (cfg.get("model") or {}).get("test_cfg") or {}
    if trained and not flips and tested.get("flip_test"):
        logger.warning(
            "no RandomFlip in training, but model.test_cfg.flip_test mirrors the test images: leave it out, as a model "
            "that has never seen mirrored images is likely to be wrong on them"
        )


def _below_the_data(cfg: Config, layer: Layer) -> frozenset[Layer]:
    """Return the layers below the one that set our data; their values are meant for other data."""
    for loader in LOADERS:
        path = (loader, "dataset", "type")
        if (cfg.get(loader) or {}).get("dataset"):
            by_rule = not same(value_at(layer.values, path), value_at(cfg, path))
            return layer.origin(*(("dataset_type",) if by_rule else path)).below
    return frozenset()


def _has(cfg: Config, path: Path) -> bool:
    holder = value_at(cfg, path[:-1])
    return isinstance(holder, ConfigDict) and path[-1] in holder


def _codec_classes(cfg: Config) -> Iterator[Path]:
    """Yield the places where the codec, or a copy of it, has a number of classes."""
    places: list[Path] = [("codec",)] if len(codecs_of(cfg)) == 1 else []
    places += [(*path, "encoder") for path, _ in step_paths(cfg)]
    for path in (*places, ("model", "head", "decoder")):
        yield (*path, "num_classes")


def _fit(cfg: Config, path: Path, what: str, names: Sequence[str], foreign: bool) -> None:
    """Set one value, or compare it with the data."""
    holder, key = value_at(cfg, path[:-1]), path[-1]
    stated, named = holder[key], str(key).endswith("names")
    value = list(names) if named else len(names)
    if stated is None or (foreign and stated != value):
        if stated is not None:
            logger.info("%s: %s, %s before (from the data)", dotted(path), value, stated)
        holder[key] = value
        return
    number = len(stated) if named else stated
    if number != len(names):
        where, dataset = next(datasets_of(cfg))
        raise BadInputError(
            f"the model and the data have different numbers of {what}",
            where=f"{dotted(path)} and {where}",
            found=f"{number} ({holder.get('type', 'model')}) and {len(names)} ({dataset.type}: {', '.join(names)})",
            todo=f"set {dotted(path)} = None to take it from the data",
        )
