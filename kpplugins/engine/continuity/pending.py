"""The validation that a stopped training had not finished."""

from collections.abc import Mapping
from typing import Any

VALIDATED = "validated_at"
"""Key in the message hub, and so in every checkpoint: the iteration of the last validation."""


def is_pending(told: Mapping[str, Any], iteration: int) -> bool:
    """Tell whether the validation that is due after an iteration is not in a checkpoint.

    Args:
        told: the message hub's values in the checkpoint; those of other projects say nothing of validations.
        iteration: of the checkpoint.

    Returns:
        True if it has to be made.
    """
    return told.get(VALIDATED, iteration) != iteration


def validate_pending(runner: Any) -> None:
    """Make the validation after the iteration that the runner stands at, unless the checkpoint has its result.

    Best checkpoint, early stopping and schedules that follow a metric are then those of a training never stopped.

    Args:
        runner: that has resumed.
    """
    if is_pending(runner.message_hub.runtime_info, runner.iter):
        runner.logger.info("the validation after iteration %d is made first: the training was stopped before its end",
                           runner.iter)  # fmt: skip
        runner.val_loop.run()
