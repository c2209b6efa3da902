"""``box_augment``: how boxes are moved, scaled and turned in training."""

from kpplugins.config.rules.step_arguments import StepArguments


class BoxAugment(StepArguments):
    """Arguments of the steps that augment boxes."""

    name = "box_augment"
    goes_to = "arguments of every `RandomBoxTransform` and `RandomBBoxTransform`: `dict(rotate_factor=30)`"
    needs = "a RandomBoxTransform step"
    types = ("RandomBoxTransform", "RandomBBoxTransform")
    example = "dict(rotate_factor=30)"
