"""``image_augment``: how whole images are moved, scaled and turned in training."""

from kpplugins.config.rules.step_arguments import StepArguments


class ImageAugment(StepArguments):
    """Arguments of the steps that augment whole images."""

    name = "image_augment"
    goes_to = "arguments of every `RandomImageAffine`: `dict(degrees=30)`"
    needs = "a RandomImageAffine step"
    types = ("RandomImageAffine",)
    example = "dict(degrees=30)"
