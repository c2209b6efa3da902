"""The top-level ``input_size`` of a detector's config, carried to the steps of MMDetection in its pipelines."""

from typing import Any

from mmengine.config import Config

from kpplugins.apis.config_parts import LOADERS, pipelines_of
from kpplugins.structures import BadInputError

_KEYS = {
    "RandomResize": "scale",
    "Resize": "scale",
    "RandomCrop": "crop_size",
    "Pad": "size",
}
"""Steps that know a size, and what they call it: (width, height) everywhere."""
_STRIDE = 32
"""Sides must be multiples of it, that of the coarsest features."""


def spread_detector_size(cfg: Config) -> None:
    """Bring ``input_size`` to every step of MMDetection's that has a size.

    A config with a ``codec``, which has the size of keypoint models, stays as it is.

    Raises:
        BadInputError: not two multiples of 32.
    """
    size = cfg.get("input_size")
    if size is None or isinstance(cfg.get("codec"), dict):
        return
    pipelines = [p for loader in LOADERS for p in pipelines_of(cfg.get(loader) or {})]
    steps: list[Any] = [step for pipeline in pipelines for step in pipeline]
    steps = [step for step in steps if str(step.type).startswith("mmdet.")]
    fitting = isinstance(size, (list, tuple)) and len(size) == 2
    if steps and not (fitting and all(isinstance(v, int) and v > 0 and v % _STRIDE == 0 for v in size)):
        raise BadInputError(
            "not a size of a detector's input", where="input_size",
            expected=f"(width, height) in pixels, multiples of {_STRIDE}", found=repr(size),
        )  # fmt: skip
    for step in steps:
        key = _KEYS.get(str(step.type).removeprefix("mmdet."))
        if key is not None and step.get(key) is not None:
            step[key] = tuple(size)
