"""``input_size``: width and height of the network's input."""

import copy
from typing import Any

from mmengine.config import ConfigDict

from kpplugins.config.parts import codecs_of, step_paths
from kpplugins.config.rules.rule import Replaced, Rule
from kpplugins.config.values import is_type, name_of, same
from kpplugins.structures import BadInputError

_SIZES = ("input_size", "img_scale", "scale", "size", "crop_size")
"""Names of the steps' arguments for a size (width, height)."""
_OF_DETECTORS = {"RandomResize": "scale", "Resize": "scale", "RandomCrop": "crop_size", "Pad": "size"}
_STRIDE = 32
"""Sides of a detector's input must be multiples of this, the stride of its coarsest features."""


class InputSize(Rule):
    """The size of the input, and what a codec derives from it.

    A codec's ``heatmap_size`` and ``sigma`` are scaled in proportion, and so are the sizes to which batches are resized
    at random; steps of whole-image pipelines that have the old size get the new one. Keypoint R-CNN resizes images
    itself, to fit into the size with their aspect ratio kept.
    """

    name = "input_size"
    goes_to = (
        "`codec.input_size` (`heatmap_size` and `sigma` keep their proportion) and steps that have the old size; of a "
        "detector, the steps that resize, cut and pad; of Keypoint R-CNN, `model.min_size` and `max_size`"
    )
    needs = "a codec, a step of MMDetection's that has a size, or KeypointRCNN"
    opt_in = False

    def check(self) -> None:
        """Raise if it is not two whole numbers, for a detector multiples of 32."""
        size, divisor = self.value, _STRIDE if self._detector_steps() and not codecs_of(self.cfg) else 1
        pair = isinstance(size, (list, tuple)) and len(size) == 2
        if not pair or not all(isinstance(v, int) and v > 0 and v % divisor == 0 for v in size):
            raise BadInputError(
                "not a size", where="input_size", found=repr(size),
                expected="(width, height) in pixels" + (f", multiples of {divisor}" if divisor > 1 else ""),
            )  # fmt: skip

    def apply(self) -> None:
        """Set it in the codec, and in steps and models that state it."""
        size = tuple(self.value)
        old = self._resize_codecs(size)
        if not codecs_of(self.cfg):
            for path, key in self._detector_steps():
                if self.inherited((*path, key), *self.before):
                    self.put((*path, key), size)
        for path, step in step_paths(self.cfg):
            for key in _SIZES:
                if old is not None and step.get(key) is not None and same(step[key], old):
                    self.put((*path, key), size)
        if old is not None:
            self._resize_batches(old[1], size[1])
        if is_type(self.cfg.get("model"), "KeypointRCNN"):
            self._resize_rcnn(size)

    def _resize_codecs(self, size: tuple[int, int]) -> tuple[int, int] | None:
        """Set the size in the codecs; return the one that they had, if they follow."""
        codecs = codecs_of(self.cfg)
        if not codecs or not codecs[0].get("input_size"):
            return None
        several = isinstance(self.cfg.codec, (list, tuple))
        before, old = copy.deepcopy(self.cfg.codec), tuple(codecs[0]["input_size"])
        path: tuple[str | int, ...] = ("codec", 0, "input_size") if several else ("codec", "input_size")
        if same(old, size):
            self.reached = True
            return None
        if not self.inherited(path, *self.before):
            return None
        for i, codec in enumerate(codecs):
            for key, value in resized_codec(codec, size).items():
                self.put(("codec", i, key) if several else ("codec", key), value)
        self.replaced["codec"] = Replaced(before, self.stated_by)
        return old

    def _resize_batches(self, old: int, new: int) -> None:
        """Scale the range of heights to which batches are resized, such as RTMO's 480 to 800 around 640."""
        where = ("model", "data_preprocessor", "batch_augments")
        for i, step in enumerate((self.cfg.model.get("data_preprocessor") or {}).get("batch_augments") or []):
            if is_type(step, "BatchSyncRandomResize"):
                unit = step.get("size_divisor", _STRIDE)
                heights = [max(unit, round(h * new / old / unit) * unit) for h in step.random_size_range]
                self.put((*where, i, "random_size_range"), tuple(heights))

    def _detector_steps(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Find MMDetection's steps that state a size."""
        return [
            (path, _OF_DETECTORS[name_of(step.type)])
            for path, step in step_paths(self.cfg)
            if str(step.get("type")).startswith("mmdet.")
            and step.get(_OF_DETECTORS.get(name_of(step.type), "")) is not None
        ]

    def _resize_rcnn(self, size: tuple[int, int]) -> None:
        self.put(("model", "min_size"), min(size))
        self.put(("model", "max_size"), max(size))
        for path, step in step_paths(self.cfg):
            if is_type(step, "RandomImageAffine"):
                self.put((*path, "input_size"), size)


def resized_codec(codec: ConfigDict, size: tuple[int, ...]) -> dict[str, Any]:
    """Return what changes in a codec with the input size: heatmaps and their sigma, in proportion.

    Args:
        codec: its config.
        size: (w, h) of the new input.

    Returns:
        New values by name.
    """
    scale = [new / old for new, old in zip(size, codec["input_size"], strict=True)]
    found: dict[str, Any] = {"input_size": size}
    if is_type(codec, "SimCCLabel") and isinstance(codec.get("sigma"), (list, tuple)):
        pairs = zip(codec["sigma"], scale, strict=True)  # MMPose's are the root of an eighth of each side
        found["sigma"] = tuple(round(sigma * s**0.5, 4) for sigma, s in pairs)
    if codec.get("heatmap_size"):
        found["heatmap_size"] = tuple(round(n * s) for n, s in zip(codec["heatmap_size"], scale, strict=True))
        if isinstance(codec.get("sigma"), (int, float)):
            found["sigma"] = round(codec["sigma"] * scale[0], 4)
    return found
