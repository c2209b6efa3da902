"""How many epochs fit the minutes, and how often they are validated."""

from kpplugins.apis.comparison.budget import Pace, epochs_that_fit
from kpplugins.apis.recommending.advice import Advice
from kpplugins.apis.recommending.data_facts import DataFacts
from kpplugins.apis.recommending.machine_facts import MachineFacts
from kpplugins.config.config_text import Code

RESERVE = 0.05
"""Share of the minutes that the epochs leave unused, as a machine is not always equally fast."""
VALIDATIONS = 10
"""How often a training is validated and its checkpoint saved."""
VALIDATING = 0.05
"""Most of the time that validations take, but for the last one."""
MOST_EPOCHS = 600
"""Passes over the same images after which more teach nothing."""


def schedule(
    data: DataFacts, machine: MachineFacts, pace: Pace, validated: bool = True
) -> tuple[int, Advice]:
    """Fit the epochs into the minutes.

    Args:
        data: what is learnt.
        machine: where, and for how long.
        pace: of the recipe on it, measured.
        validated: there is a val split.

    Returns:
        The number of epochs, and the decision.
    """
    seconds = 60 * machine.minutes * (1 - RESERVE)
    validation = pace.validation if validated else 0.0
    epochs = interval = 1
    for interval in range(1, MOST_EPOCHS + 1):  # rarer validations leave time for more epochs
        epochs = min(MOST_EPOCHS, epochs_that_fit(seconds, pace.epoch, validation, interval))
        taken = (epochs - 1) // interval * validation
        if epochs <= interval or (epochs <= VALIDATIONS * interval and taken <= VALIDATING * seconds):
            break
    unit = "CPU-seconds" if machine.clock == "cpu" else "s"
    reason = f"{epochs} epochs: one of {pace.samples} samples takes {pace.epoch:.3g} {unit} here (measured)"
    if validated:
        reason += f", a validation {pace.validation:.2g}"
    if epochs == MOST_EPOCHS:
        reason += "; more passes over the same images teach nothing"
    ending = f'dict(type="TimeBudgetHook", minutes={machine.minutes:g}, clock="{machine.clock}")'
    settings = {
        "max_epochs": epochs,
        "default_hooks": {"checkpoint": {"interval": interval}},
        "custom_hooks": Code(f"[*_base_.custom_hooks, {ending}]"),
    }
    if validated:
        settings["train_cfg"] = {"val_interval": interval}
    return epochs, Advice(reason, settings)
