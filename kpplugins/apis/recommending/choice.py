"""Which kind of model, which recipe, and which size of its input."""

from collections.abc import Collection
from dataclasses import dataclass

from kpplugins.apis.recommending.advice import Advice, caution
from kpplugins.apis.recommending.data_facts import DataFacts
from kpplugins.apis.recommending.machine_facts import MachineFacts
from kpplugins.apis.recommending.shipped_recipe import ONE_STAGE, SHIPPED, TOP_DOWN, ShippedRecipe, Size
from kpplugins.structures import BadInputError

CROWDED = 0.05
"""Share of images with several instances from which on a model must find them by itself."""
UNIT = 64
"""Sides of an input are multiples of this, as the hourglasses halve a quarter of it four times."""
AREAS = tuple(side**2 for side in (512, 448, 384, 320, 256, 192, 160, 128))
"""Areas of an input of whole images, in pixels."""
ENOUGH = 4_000
"""Augmented images from which on a small CenterNet from scratch finds most instances (docs/recommend.md)."""
LEAST_SIDE, MOST_SIDE = 32, 160
"""Pixels in the input that the median instance's longer side should at least have, and needs at most: CenterNet's maps
have a cell for four pixels, and features see about so far."""
LARGER = ((256, 120_000), (192, 60_000))
"""Sides of the small hourglass's input, and the instances that it must see for it to be worth while."""
PREDICTED = 3.0
"""Times faster than training that prediction is, an image: no backward pass, but a flip test and no batch."""


@dataclass(frozen=True)
class Choice:
    """A recipe and the size of its input.

    Attributes:
        recipe: the recipe.
        input_size: (width, height).
        seen: augmented images that it sees in the time, as estimated.
        advice: the decisions so far.
    """

    recipe: ShippedRecipe
    input_size: Size
    seen: float
    advice: tuple[Advice, ...]


def choose(
    data: DataFacts,
    machine: MachineFacts,
    *,
    boxes: bool = False,
    at_hand: Collection[str] = (),
    fps: float | None = None,
) -> Choice:
    """Choose one recipe.

    Args:
        data: what is learnt.
        machine: where, and for how long.
        boxes: boxes will be given when predicting.
        at_hand: names of the recipes whose published weights are on this machine.
        fps: images a second that prediction on this machine must reach.

    Returns:
        The choice.

    Raises:
        BadInputError: no recipe is so fast.
    """
    kind, why = model_kind(data, boxes)
    rivals, turned_down = [r for r in SHIPPED if r.kind == kind], ""
    for recipe in rivals:
        size, about_size = input_of(recipe, data, machine)
        seen = recipe.speed(machine, size) * 60 * machine.minutes
        lacks = lacking(recipe, data, machine, seen, recipe.name in at_hand, fps, size)
        if not lacks:
            about = f"{recipe.name}: it sees about {seen:,.0f} augmented images in {_asked(machine)}"
            chosen = Advice(f"{about}{turned_down}")
            return Choice(
                recipe, size, seen, (why, chosen, about_size, *_cautions(data, machine, recipe, seen))
            )
        turned_down = f"; {recipe.name} {lacks}"
    raise BadInputError(
        "no recipe is so fast on this machine", where="--fps", found=f"{fps:g} images a second",
        expected=f"at most about {_rate(rivals[-1], machine, rivals[-1].input_size):.0f}",
        todo="ask for less, or predict on a GPU",
    )  # fmt: skip


def model_kind(data: DataFacts, boxes: bool) -> tuple[str, Advice]:
    """Choose between top-down and one-stage.

    Args:
        data: what is learnt.
        boxes: boxes will be given when predicting.

    Returns:
        The kind, and why.
    """
    if boxes:
        return TOP_DOWN, Advice("top-down: boxes will be given when predicting (--boxes)")
    if data.crowded >= CROWDED:
        many = (
            f"{data.crowded:.0%} of the images show several instances ({data.mean_instances:.1f} on average)"
        )
        return ONE_STAGE, Advice(f"one-stage: {many}, and no boxes will be given (else: --boxes)")
    if data.categories > 1:
        return ONE_STAGE, Advice(f"one-stage: it tells {data.categories} categories apart")
    single = (
        "every image shows one instance" if data.crowded == 0 else f"{1 - data.crowded:.0%} show one instance"
    )
    if data.whole_images > 0.5:
        return TOP_DOWN, Advice(
            f"top-down: {single}, and {data.whole_images:.0%} of the boxes are the whole image"
        )
    side = f"{data.box_share:.0%} of the image's longer side"
    return TOP_DOWN, Advice(
        f"top-down: {single}, {side} long, which prediction searches for where it gets no box"
    )


def lacking(
    recipe: ShippedRecipe,
    data: DataFacts,
    machine: MachineFacts,
    seen: float,
    at_hand: bool,
    fps: float | None,
    size: Size,
) -> str:
    """Say what keeps a recipe from being the best.

    Args:
        recipe: the recipe.
        data: what is learnt.
        machine: where.
        seen: augmented images that it would see.
        at_hand: its published weights are on this machine.
        fps: images a second that prediction must reach.
        size: of its input.

    Returns:
        Half a sentence; empty if nothing does.
    """
    if fps is not None and _rate(recipe, machine, size) < fps:
        return f"predicts about {_rate(recipe, machine, size):.1f} of the {fps:g} images a second"
    if seen < recipe.samples:
        return f"would see {seen:,.0f} of the {recipe.samples:,} that it needs"
    if data.different < recipe.images:
        return f"needs {recipe.images} different images, there are {data.different}"
    if recipe.pretrained and not at_hand:
        return "starts from published weights, which are not on this machine"
    return ""


def input_of(recipe: ShippedRecipe, data: DataFacts, machine: MachineFacts) -> tuple[Size, Advice]:
    """Choose the size of a recipe's input.

    Args:
        recipe: the recipe.
        data: what is learnt.
        machine: where, and for how long.

    Returns:
        (width, height), and why.
    """
    if not recipe.resizable:
        size, why = (
            recipe.input_size,
            "the size of its published weights" if recipe.pretrained else "its own size",
        )
    elif recipe.kind == TOP_DOWN:
        size, why = _crop_size(recipe, data, machine)
    else:
        size, why = _image_size(recipe, data, machine)
    settings = {} if size == recipe.input_size else {"input_size": size}
    return size, Advice(f"input {size[0]}×{size[1]}: {why}", settings)


def _crop_size(recipe: ShippedRecipe, data: DataFacts, machine: MachineFacts) -> tuple[Size, str]:
    for side, needed in LARGER:
        seen = recipe.speed(machine, (side, side)) * 60 * machine.minutes
        if data.box_side >= side and seen >= needed:
            return (
                side,
                side,
            ), f"boxes are {data.box_side:.0f} px long, and there is time for {seen:,.0f} of them"
    return (
        recipe.input_size,
        f"boxes are {data.box_side:.0f} px long, and larger inputs need more time or larger boxes",
    )


def _image_size(recipe: ShippedRecipe, data: DataFacts, machine: MachineFacts) -> tuple[Size, str]:
    """Choose the largest that there is time for, if instances are large enough in it, and no larger than they need."""
    fitting = list(dict.fromkeys(input_for(data.image_size, area) for area in AREAS))
    sides = {size: data.box_side * scale_into(data.image_size, size) for size in fitting}
    usable = [size for size in fitting if sides[size] >= LEAST_SIDE] or fitting[:1]
    needed = [size for size in usable if sides[size] <= MOST_SIDE] or usable[-1:]
    seconds = 60 * machine.minutes
    timely = [size for size in needed if recipe.speed(machine, size) * seconds >= ENOUGH]
    size = timely[0] if timely else needed[-1]
    width, height = data.image_size
    why = f"images are {width}×{height}, and the median instance is then {sides[size]:.0f} px long"
    if size != needed[0]:
        why += f"; there is no time for {needed[0][0]}×{needed[0][1]}"
    return size, why


def input_for(image: Size, area: int) -> Size:
    """Find the input that shows most of an image without many empty pixels.

    Args:
        image: (width, height) in pixels.
        area: of the input; it may be a tenth larger.

    Returns:
        Multiples of 64 whose area is at most ``area`` and into which the image fits largest; the smallest of those.
    """
    sides = range(UNIT, 1025, UNIT)
    candidates = [(w, h) for w in sides for h in sides if w * h <= 1.1 * area]
    return max(candidates, key=lambda size: (round(scale_into(image, size), 6), -size[0] * size[1]))


def scale_into(image: Size, size: Size) -> float:
    """Return the factor by which an image is resized to fit into an input.

    Args:
        image: (width, height).
        size: (width, height) of the input.

    Returns:
        The factor.
    """
    return min(size[0] / image[0], size[1] / image[1])


def _cautions(data: DataFacts, machine: MachineFacts, recipe: ShippedRecipe, seen: float) -> list[Advice]:
    found = []
    if data.instances < 30:
        found.append(
            caution(f"{data.instances} labelled instances only show whether it works; 100 to 200 are a start")
        )
    if data.alike >= 0.1 and data.filmed < 0.5:
        found.append(
            caution(f"{data.alike:.0%} of the images look like another one: see kpplugins dataset check DIR")
        )
    if data.filmed >= 0.5:
        words = f"{data.filmed:.0%} of the images are frames of one scene"
        found.append(caution(f"{words}: scores on some of them say little about other videos"))
    if recipe.kind == ONE_STAGE and seen < ENOUGH:
        words = f"in {_asked(machine)} it sees {seen:,.0f} images; most instances are found after {ENOUGH:,}"
        found.append(caution(f"{words}: give it more minutes"))
    return found


def _rate(recipe: ShippedRecipe, machine: MachineFacts, size: Size) -> float:
    return PREDICTED * recipe.speed(machine, size) / 2  # the flip test runs the network twice


def _asked(machine: MachineFacts) -> str:
    return f"{machine.minutes:g} {'CPU-minutes' if machine.clock == 'cpu' else 'minutes'}"
