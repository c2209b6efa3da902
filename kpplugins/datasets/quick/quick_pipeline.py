"""A pipeline whose steps are replaced by quick ones."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mmpose.datasets.transforms import (
    GenerateTarget,
    GetBBoxCenterScale,
    PackPoseInputs,
    RandomBBoxTransform,
    RandomFlip,
    RandomHalfBody,
    TopdownAffine,
)

from kpplugins.datasets.quick.quick_affine import QuickAffine
from kpplugins.datasets.quick.quick_flip import QuickFlip
from kpplugins.datasets.quick.quick_pack import QuickPack
from kpplugins.datasets.quick.quick_target import QuickTarget
from kpplugins.datasets.transforms.image_affine import ImageAffine
from kpplugins.datasets.transforms.load_cached_image import LoadCachedImage
from kpplugins.datasets.transforms.pack_image_inputs import PackImageInputs
from kpplugins.datasets.transforms.random_box_transform import RandomBoxTransform
from kpplugins.datasets.transforms.random_image_affine import RandomImageAffine

Step = Callable[[dict], Any]
_BLIND = (GetBBoxCenterScale, RandomBBoxTransform, RandomBoxTransform, RandomHalfBody)
"""Steps that do not look at the image."""
_WARPS = (TopdownAffine, ImageAffine, RandomImageAffine)
"""Steps that make a new image out of the one that is there, which they leave as it is."""


class QuickPipeline:
    """The steps of a pipeline, each replaced by its quick one if it has one; called like MMEngine's ``Compose``.

    Args:
        steps: of the pipeline, which stay as they are; those that keep something, such as images, are shared.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self._made_from = tuple(steps)
        self._steps = [_quick(steps, place) for place in range(len(steps))]

    def is_of(self, steps: Sequence[Step]) -> bool:
        """Tell whether a pipeline still has the steps that this one was made from."""
        return len(steps) == len(self._made_from) and all(map(_same, steps, self._made_from))

    def __call__(self, sample: dict) -> Any:
        """Run the steps.

        Args:
            sample: changed in place.

        Returns:
            What the last step returns; ``None`` as soon as one returns ``None``.
        """
        for step in self._steps:
            result = step(sample)
            if result is None:
                return None
            sample = result
        return sample


def _quick(steps: Sequence[Step], place: int) -> Step:
    """Return what is done in place of a step."""
    step = steps[place]
    kind: Any = type(step)
    if kind is LoadCachedImage:
        return _quick_load(step, _then(steps, place, (*_BLIND, RandomFlip)))
    if kind is RandomFlip:
        return QuickFlip(step, later=type(_then(steps, place, _BLIND)) in _WARPS)
    if kind is TopdownAffine:
        return QuickAffine(step)
    if kind is GenerateTarget and QuickTarget.can(step):
        return QuickTarget(step)
    if kind in (PackPoseInputs, PackImageInputs):
        return QuickPack(step)
    return step


def _quick_load(load: Any, reader: Step | None) -> Step:
    """Return what reads images for a step."""
    if isinstance(reader, ImageAffine) and type(reader) in _WARPS:
        return partial(load.reduced, affine=reader)
    return load.shared if type(reader) in _WARPS else load


def _then(steps: Sequence[Step], place: int, skipped: Sequence[type]) -> Step | None:
    """Return the next step after those of the classes ``skipped``."""
    return next((step for step in steps[place + 1 :] if type(step) not in skipped), None)


def _same(one: Step, other: Step) -> bool:
    return one is other
