"""What a model takes from the data: numbers of keypoints and classes, their names, and whether it may be mirrored."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.config import Config, ConfigDict

from kpplugins.config.parts import LOADERS, classes_of, datasets_of, is_detector, pipelines_of
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
_KEYPOINTS = ("model.head.out_channels", "model.num_keypoints", "model.keypoint_names")
_CLASSES = ("model.head.num_classes", "model.bbox_head.num_classes", "model.num_classes", "model.class_names")


def fit_model(cfg: Config, schema: KeypointSchema, classes: Sequence[str] | None = None) -> None:
    """Give the model its numbers and names of keypoints and classes, or stop where it states other numbers.

    Args:
        cfg: its ``model.head.out_channels``, ``model.num_keypoints``, ``model.keypoint_names``, ``num_classes`` of
            ``codec``, ``model``, ``model.head`` and ``model.bbox_head``, and ``model.class_names`` are filled where
            they are there and ``None``.
        schema: the keypoints.
        classes: names of the classes; ``None`` asks the datasets, where the model wants to know.

    Raises:
        BadInputError: naming both places and both numbers; or datasets that do not say what their classes are.
    """
    for holder, key, place in _slots(cfg, _KEYPOINTS):
        _fit(cfg, holder, key, place, "keypoints", schema.keypoints)
    wanting = [
        *_slots(cfg, _CLASSES),
        *((c, "num_classes", p) for c, p in _codecs(cfg) if "num_classes" in c),
    ]
    if wanting and classes is None:
        classes = classes_of(cfg)
    for holder, key, place in wanting:
        if classes:
            _fit(cfg, holder, key, place, "classes", classes)
        elif holder[key] is None:
            raise BadInputError(
                "no dataset says what its classes are", where=", ".join(LOADERS), todo=f"set {place}"
            )


def forbid_flips(cfg: Config, schema: KeypointSchema) -> None:
    """No ``RandomFlip`` and no flip test for a set of points that cannot be mirrored; says so. Boxes alone can be."""
    if not schema.unpaired or is_detector(cfg):
        return
    logger.warning(
        "no flips in training or test: %s without partners cannot be mirrored", ", ".join(schema.unpaired)
    )
    for pipeline in pipelines_of(cfg.get("train_dataloader") or {}):
        pipeline[:] = [step for step in pipeline if step.type != "RandomFlip"]
    if cfg.model.get("test_cfg"):
        cfg.model.test_cfg.flip_test = False


def tell_unflipped(cfg: Config) -> None:
    """Say so where the flip test would show the model what its training never has."""
    trained = list(pipelines_of(cfg.get("train_dataloader") or {}))
    flips = any(step.type == "RandomFlip" and step.get("prob") != 0 for steps in trained for step in steps)
    tested: Any = (cfg.get("model") or {}).get("test_cfg") or {}
    if trained and not flips and tested.get("flip_test"):
        logger.warning(
            "no RandomFlip in training, and model.test_cfg.flip_test mirrors what is tested: leave it out, as a model "
            "that has never seen mirrored images is likely to be wrong on them"
        )


def _slots(cfg: Config, places: Sequence[str]) -> Iterator[tuple[ConfigDict, str, str]]:
    """Those of the dotted places that the config has: what holds the value, the last key, and the place."""
    for place in places:
        *path, key = place.split(".")
        holder: Any = cfg
        for part in path:
            holder = holder.get(part) if isinstance(holder, (Config, ConfigDict)) else None
        if isinstance(holder, ConfigDict) and key in holder:
            yield holder, key, place


def _codecs(cfg: Config) -> Iterator[tuple[ConfigDict, str]]:
    """The codec at every place that it was carried to."""
    if isinstance(cfg.get("codec"), dict):
        yield cfg.codec, "codec.num_classes"
    for loader in LOADERS:
        for step in (step for pipeline in pipelines_of(cfg.get(loader) or {}) for step in pipeline):
            if isinstance(step.get("encoder"), dict):
                yield step.encoder, f"num_classes of the encoder in {loader}"
    decoder = ((cfg.get("model") or {}).get("head") or {}).get("decoder")
    if isinstance(decoder, dict):
        yield decoder, "model.head.decoder.num_classes"


def _fit(cfg: Config, holder: ConfigDict, key: str, place: str, what: str, names: Sequence[str]) -> None:
    """Fill one place, or compare what it says."""
    stated, named = holder[key], key.endswith("names")
    if stated is None:
        holder[key] = list(names) if named else len(names)
        return
    number = len(stated) if named else stated
    if number != len(names):
        where, dataset = next(datasets_of(cfg))
        raise BadInputError(
            f"the model and the data have different numbers of {what}",
            where=f"{place} and {where}",
            found=f"{number} ({holder.get('type', 'model')}) and {len(names)} ({dataset.type}: {', '.join(names)})",
            todo=f"set {place} = None to take it from the data",
        )
