"""What is recommended: one config with the reasons."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import reduce
from typing import Any

from kpplugins.apis.recommending.advice import Advice
from kpplugins.apis.recommending.choice import Choice
from kpplugins.apis.recommending.data_facts import DataFacts
from kpplugins.apis.recommending.machine_facts import MachineFacts
from kpplugins.config.config_text import config_text, merged


@dataclass(frozen=True)
class Recommendation:
    """One recipe for one data set on one machine.

    Attributes:
        data: the facts of the data.
        machine: the facts of the machine.
        choice: the recipe and the size of its input.
        base: the shipped config, ``kpplugins::NAME.py``.
        epochs: of the training; ``None`` before it is timed.
        advice: every decision.
    """

    data: DataFacts
    machine: MachineFacts
    choice: Choice
    base: str
    epochs: int | None
    advice: tuple[Advice, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """Return the settings of all decisions, by name."""
        given: dict[str, Any] = {"data_root": self.data.source}
        if self.dataset_differs:
            given["dataset_type"] = self.data.dataset_type
        parts: list[Mapping[str, Any]] = [one.settings for one in self.advice]
        return reduce(merged, parts, given)

    @property
    def dataset_differs(self) -> bool:
        """Return whether the base is a config for converted folders, and the data are not."""
        own = (
            self.choice.recipe.config_of(self.data.dataset_type) != f"kpplugins::{self.choice.recipe.name}.py"
        )
        return self.data.dataset_type != "CustomKeypointDataset" and not own

    @property
    def batch_size(self) -> int:
        """Return the number of images in a batch."""
        return self.settings.get("batch_size", self.choice.recipe.batch)

    @property
    def config(self) -> str:
        """Return the text of the config, at most 15 lines."""
        d, says = self.data, "Recommended for"
        says = f"{says} {d.images} images with {d.instances} instances of {d.keypoints} keypoints; {self.machine}."
        before = [line for one in self.advice for line in one.before]
        return config_text(self.base, self.settings, says=says, before=before)

    @property
    def text(self) -> str:
        """Return what a person reads: the facts, the recipe, the reasons, what to heed."""
        d, size = self.data, self.choice.input_size
        name = self.base.partition("::")[2]
        epochs = "" if self.epochs is None else f", {self.epochs} epochs"
        held = "divided by the dataset" if d.validated is None else f"{d.validated} instances to validate"
        return "\n".join([
            f"data: {d.images} images to train on, {d.instances} instances of {d.keypoints} keypoints, {held}",
            f"machine: {self.machine}",
            f"recipe: {name}, input {size[0]}×{size[1]}{epochs}, batches of {self.batch_size}",
            *(f"- {one.reason}" for one in self.advice if not one.is_caution),
            *(f"heed: {one.reason}" for one in self.advice if one.is_caution),
        ])  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "recipe": self.base.partition("::")[2], "kind": self.choice.recipe.kind,
            "input_size": list(self.choice.input_size), "epochs": self.epochs, "batch_size": self.batch_size,
            "reasons": [one.reason for one in self.advice if not one.is_caution],
            "heed": [one.reason for one in self.advice if one.is_caution],
            "config": self.config, "data": asdict(self.data), "machine": asdict(self.machine),
        }  # fmt: skip
