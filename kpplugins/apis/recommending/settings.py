"""Batch size, boxes, augmentation, flips, validation: one function each."""

import math
from collections.abc import Collection
from typing import Any

from kpplugins.apis.recommending.advice import Advice, caution
from kpplugins.apis.recommending.choice import Choice
from kpplugins.apis.recommending.data_facts import DataFacts
from kpplugins.apis.recommending.machine_facts import MachineFacts
from kpplugins.apis.recommending.shipped_recipe import TOP_DOWN
from kpplugins.config.config_text import Code

STEPS, LEAST_BATCH = 600, 8
"""Steps of the optimizer that a training should have, and the smallest batch for batch normalisation."""
PASSES = 5
"""Passes over the data below which it is the number of images that counts, of which larger batches take more."""
STACKED_PASSES, STACKED = 100, 500
"""Passes over the data that one small hourglass makes, and instances, from which on two in a row learn more in the same
time (docs/recipes/coco_persons.md)."""
ANY_WAY = 60.0
"""Circular standard deviation in degrees from which on instances count as turned any way."""
UPRIGHT = 30
"""Least rotation of boxes in training, in degrees: cameras and heads tilt."""
FEW = 50
"""Validated instances below which they cannot tell whether a checkpoint is better than the last one."""


def settings_of(
    data: DataFacts, machine: MachineFacts, choice: Choice, stated: Collection[str], fps: float | None = None
) -> list[Advice]:
    """Make every decision but the schedule.

    Args:
        data: what is learnt.
        machine: where.
        choice: the recipe.
        stated: names that the recipe's own config has made a decision of, for data like these.
        fps: images a second that prediction should reach.

    Returns:
        The decisions.
    """
    found = [batch(data, choice), stacks(data, choice, fps), precision(machine), validation(data)]
    if "box_augment" in stated:
        found.append(Advice("augmentation: the recipe's own, which is made for these files"))
    else:
        found += [padding(data, choice), augmentation(data, choice)]
    return [one for one in [*found, flips(data)] if one is not None]


def batch(data: DataFacts, choice: Choice) -> Advice:
    """Choose the batch size: small enough for many steps, and for the number of images.

    Args:
        data: what is learnt.
        choice: the recipe.

    Returns:
        The decision.
    """
    size = choice.recipe.batch
    samples = data.instances if choice.recipe.kind == TOP_DOWN else data.images
    hurried = choice.seen < PASSES * samples
    while size > LEAST_BATCH and ((choice.seen / size < STEPS and not hurried) or samples < 4 * size):
        size //= 2
    size = min(size, max(2, samples // 2))
    steps = f"batches of {size}: about {choice.seen / size:,.0f} steps"
    if size == choice.recipe.batch:
        return Advice(f"{steps}, as the recipe has them")
    why = (
        f"{samples} samples"
        if samples < 4 * choice.recipe.batch
        else f"{STEPS} steps or more need small batches"
    )
    return Advice(f"{steps} ({why})", {"batch_size": size})


def stacks(data: DataFacts, choice: Choice, fps: float | None = None) -> Advice | None:
    """Put two small hourglasses in a row where one would see the same images very often.

    Args:
        data: what is learnt.
        choice: the recipe.
        fps: images a second that prediction should reach; two take longer, so that one stays where this is asked.

    Returns:
        The decision; ``None`` for other recipes, where there is less time, and where there are few instances.
    """
    small = choice.recipe.name == "custom_hourglass_small" and data.dataset_type not in choice.recipe.own
    if not small or fps is not None or data.instances < STACKED:
        return None
    passes = choice.seen / data.instances
    if passes < STACKED_PASSES:
        return None
    reason = f"two hourglasses in a row: one would see every instance {passes:.0f} times, and learn no more"
    return Advice(reason, {"num_stacks": 2})


def precision(machine: MachineFacts) -> Advice | None:
    """Train in half precision on a GPU.

    Args:
        machine: where.

    Returns:
        The decision; ``None`` on a CPU, where it depends on the processor whether that is faster.
    """
    if machine.device != "cuda":
        return None
    return Advice(f"half precision: {machine.device_name} is about twice as fast with it", {"amp": True})


def validation(data: DataFacts) -> Advice | None:
    """Use the last checkpoint where the val split cannot tell which is best, and no val split where there is none.

    Args:
        data: what is learnt.

    Returns:
        The decision; ``None`` if there is nothing to say.
    """
    if data.validated is None or data.validated >= FEW:
        return None
    if data.validated:
        return Advice(
            f"the last checkpoint is used: {data.validated} validated instances cannot tell which is better",
            {"default_hooks": {"checkpoint": {"save_best": None}}},
        )
    return Advice(
        "no validation: the val split has 0 labelled instances, so the last checkpoint is used",
        {
            "val_dataloader": None,
            "val_evaluator": None,
            "val_cfg": None,
            "default_hooks": {"checkpoint": {"save_best": None}},
        },
    )


def padding(data: DataFacts, choice: Choice) -> Advice | None:
    """Look at no more than the box where it is the whole image.

    Args:
        data: what is learnt.
        choice: the recipe.

    Returns:
        The decision; ``None`` if there is nothing to say.
    """
    if choice.recipe.kind != TOP_DOWN or data.whole_images <= 0.5:
        return None
    return Advice(
        f"crops are the boxes, as {data.whole_images:.0%} of them are the whole image", {"box_padding": 1.0}
    )


def augmentation(data: DataFacts, choice: Choice) -> Advice | None:
    """Turn instances in training about as much as they are turned in the data.

    Args:
        data: what is learnt.
        choice: the recipe.

    Returns:
        The decision; ``None`` if the recipe's own is as good as any.
    """
    if data.turned is None:
        return None
    any_way = data.turned >= ANY_WAY
    degrees = 180 if any_way else max(UPRIGHT, 10 * math.ceil(data.turned / 5))
    how = "any way" if any_way else f"by {data.turned:.0f}° (standard deviation)"
    if choice.recipe.kind == TOP_DOWN:
        turns: dict[str, Any] = {"rotate_factor": degrees, "rotate_prob": 0.8}
        if data.whole_images > 0.5:
            turns = {"shift_factor": 0.08, "scale_factor": (0.8, 1.25), **turns}
        elif not choice.recipe.pretrained:
            turns = {"scale_factor": (0.75, 1.25), **turns}
        return Advice(
            f"boxes turn by up to {degrees}° in training: instances are turned {how}", {"box_augment": turns}
        )
    return _mirrored_any_way(data) if any_way else None


def _mirrored_any_way(data: DataFacts) -> Advice | None:
    """Mirror whole images in every direction; turned boxes are only estimates."""
    if data.unflipped:
        return None
    # half a turn exchanges no left and right, as the step would
    ways = ["horizontal", "vertical"] if data.paired else ["horizontal", "vertical", "diagonal"]
    step = f'dict(type="RandomFlip", prob={0.5 if data.paired else 0.75}, direction={ways!r})'.replace(
        "'", '"'
    )
    return Advice(
        f"images are mirrored in {len(ways)} directions: instances are turned any way "
        f"({data.turned:.0f}° standard deviation)",
        {"train_dataloader": {"dataset": {"pipeline": Code("train_pipeline")}}},
        ("train_pipeline = list(_base_.train_pipeline)", f"train_pipeline[1] = {step}"),
    )


def flips(data: DataFacts) -> Advice:
    """Say whether images are mirrored.

    Args:
        data: what is learnt.

    Returns:
        The decision.
    """
    if data.unflipped:
        words = f"nothing is mirrored: {data.unflipped}"
        return caution(f"{words} (kpplugins dataset schema DIR --flip-pairs a:b … states the pairs)")
    sides = "the pairs of left and right are known" if data.paired else "none of them has a left or right one"
    return Advice(f"images are mirrored: of the {data.keypoints} keypoints {sides}")
