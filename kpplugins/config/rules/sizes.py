"""The top-level ``input_size`` where there is no codec that has it: of MMDetection's detectors and Keypoint R-CNN."""

from typing import Any

from mmengine.config import Config

from kpplugins.config.parts import steps_of
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


def spread_size(cfg: Config) -> None:
    """Bring ``input_size`` to every step of MMDetection's that has a size; of Keypoint R-CNN, to the model.

    Keypoint R-CNN resizes images itself, so that they fit into it with their aspect kept; a ``RandomImageAffine``
    in front of it, which makes them small in training, gets the same size.

    A config with a ``codec``, which has the size of keypoint models, stays as it is.

    Raises:
        BadInputError: not two numbers of pixels; of a detector, not multiples of 32.
    """
    size = cfg.get("input_size")
    if size is None or isinstance(cfg.get("codec"), dict):
        return
    steps, rcnn = _sized_steps(cfg), _is_rcnn(cfg)
    divisor = _STRIDE if steps else 1
    fitting = isinstance(size, (list, tuple)) and len(size) == 2
    if (steps or rcnn) and not (
        fitting and all(isinstance(v, int) and v > 0 and v % divisor == 0 for v in size)
    ):
        raise BadInputError(
            "not a size of a detector's input", where="input_size", found=repr(size),
            expected="(width, height) in pixels" + (f", multiples of {divisor}" if steps else ""),
        )  # fmt: skip
    for step in steps:
        step[_KEYS[str(step.type).removeprefix("mmdet.")]] = tuple(size)
    if rcnn:
        cfg.model.min_size, cfg.model.max_size = min(size), max(size)
        for step in steps_of(cfg):
            if step.type == "RandomImageAffine":
                step.input_size = tuple(size)


def takes_size(cfg: Config) -> bool:
    """Whether ``input_size`` has a place in this config."""
    return isinstance(cfg.get("codec"), dict) or _is_rcnn(cfg) or bool(_sized_steps(cfg))


def _is_rcnn(cfg: Config) -> bool:
    return (cfg.get("model") or {}).get("type") == "KeypointRCNN"


def _sized_steps(cfg: Config) -> list[Any]:
    """MMDetection's steps that state a size."""
    own = [step for step in steps_of(cfg) if str(step.type).startswith("mmdet.")]
    return [
        step for step in own if step.get(_KEYS.get(str(step.type).removeprefix("mmdet."), "")) is not None
    ]
