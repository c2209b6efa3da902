"""Parts of MMPose's models that depend on a keypoint set by more than its number."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from mmengine.config import Config

from kpplugins.config.parts import Path, codecs_of, pipeline_paths, step_paths
from kpplugins.config.values import dotted, is_type, value_at
from kpplugins.schema import KeypointSchema

logger = logging.getLogger(__name__)
_BY_FILE = {"OKSLoss": "SchemaOKSLoss", "PoseOKS": "SchemaPoseOKS"}
"""Parts that read sigmas from a file of MMPose's, and our versions that take them as arguments."""


def fit_parts(cfg: Config, schema: KeypointSchema, is_foreign: Callable[[Path], bool]) -> None:
    """Adapt parts that are written for MMPose's keypoints to others; each change is logged.

    Losses and assigners that read sigmas from a file use the schema's; associative embedding decodes keypoints in their
    order; DEKR loses its rescoring network, which was trained on persons; ``RandomHalfBody`` is removed, as a schema
    does not define an upper and a lower body.

    Args:
        cfg: changed in place.
        schema: the keypoints.
        is_foreign: tells whether the value at a place comes from a config for other data.
    """
    for path, part in _parts(("model",), cfg.get("model")):
        for theirs, ours in _BY_FILE.items():
            if is_type(part, theirs) and is_foreign(path):
                part.pop("metainfo", None)
                part.update(type=ours, sigmas=list(schema.sigmas))
                logger.info("%s: %s with the sigmas of the data, %s before", dotted(path), ours, theirs)
        if is_type(part, "KeypointOHKMMSELoss") and part.get("topk", 8) > schema.num_keypoints:
            part.topk = schema.num_keypoints
            logger.info("%s.topk: %d, the number of keypoints", dotted(path), schema.num_keypoints)
    order = list(range(schema.num_keypoints))
    for place, codec in _codecs(cfg):
        if "decode_keypoint_order" in codec and is_foreign(place):
            codec.decode_keypoint_order = order
            logger.info("%s.decode_keypoint_order: the order of the data", dotted(place))
    head = value_at(cfg, ("model", "head"))
    if isinstance(head, dict) and head.get("rescore_cfg") and is_foreign(("model", "head", "rescore_cfg")):
        head.pop("rescore_cfg")
        logger.info("model.head.rescore_cfg: left out, as it scores persons")
    for path, pipeline in pipeline_paths(cfg.get("train_dataloader") or {}, ("train_dataloader",)):
        if is_foreign(path) and any(is_type(step, "RandomHalfBody") for step in pipeline):
            pipeline[:] = [step for step in pipeline if not is_type(step, "RandomHalfBody")]
            logger.info("train_dataloader: RandomHalfBody left out, as it needs an upper and a lower body")


def _parts(path: Path, part: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(part, dict):
        yield path, part
        for key, inner in part.items():
            yield from _parts((*path, key), inner)
    elif isinstance(part, (list, tuple)):
        for i, inner in enumerate(part):
            yield from _parts((*path, i), inner)


def _codecs(cfg: Config) -> Iterator[tuple[Path, Any]]:
    yield from (((("codec",), codec)) for codec in codecs_of(cfg))
    places = [*((*path, "encoder") for path, _ in step_paths(cfg)), ("model", "head", "decoder")]
    for place in places:
        codec = value_at(cfg, place)
        if isinstance(codec, dict):
            yield place, codec
