"""Lengths in the arguments of schedulers, and how they are stretched to another length of training."""

import math
from typing import Any

from kpplugins.config.values import name_of

_COUNTED = ("begin", "end", "T_max", "total_steps", "milestones", "step_size", "periods")
_HALVES = ("step_size_up", "step_size_down")
_AT_LEAST_ONE = ("T_max", "total_steps", "step_size")


def is_length(value: Any) -> bool:
    """Tell whether a value is a finite number of steps; MMEngine's "for ever" is 10⁹.

    Args:
        value: of an argument.

    Returns:
        Whether it is.
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and value < 1e8


def is_warm_up(scheduler: Any) -> bool:
    """Tell whether a scheduler lowers the rate at the start of training and then gives it back.

    Args:
        scheduler: its config.

    Returns:
        Whether it does.
    """
    name = name_of(scheduler.get("type"))
    rises = {
        "LinearLR": scheduler.get("start_factor", 1 / 3) < scheduler.get("end_factor", 1.0),
        "ConstantLR": scheduler.get("factor", 1 / 3) < 1,
        "QuadraticWarmupLR": True,
    }
    return rises.get(name, False) and scheduler.get("begin", 0) == 0


def stretched(scheduler: Any, factor: float) -> dict[str, Any]:
    """Scale the arguments of a scheduler that count steps.

    What decays by a factor a step (``ExponentialLR``, ``exp_range`` of ours) decays as much as before in the whole
    training. A warm-up that would be over after its first step counts iterations, as it would never end otherwise.

    Args:
        scheduler: its config.
        factor: new length of training / old length.

    Returns:
        The arguments with their new values.
    """
    found: dict[str, Any] = {}
    name = name_of(scheduler.get("type"))
    for key in _COUNTED:
        value = scheduler.get(key)
        values = value if isinstance(value, (list, tuple)) else [value]
        scaled = [round(v * factor) if is_length(v) else v for v in values]
        if value is not None:
            found[key] = scaled if isinstance(value, (list, tuple)) else scaled[0]
    for key in _HALVES:  # CyclicLR's need not be whole
        if scheduler.get(key) is not None:
            found[key] = scheduler[key] * factor
    if name.startswith(("Cyclic", "Exponential")) and "gamma" in scheduler:
        found["gamma"] = scheduler["gamma"] ** (1 / factor)
    begin = found.get("begin", 0)
    if is_length(found.get("end")):  # a short phase keeps a step
        found["end"] = max(found["end"], begin + 1)
        if is_warm_up(scheduler) and found["end"] == 1 and scheduler.get("by_epoch", True):
            found["convert_to_iter_based"] = True
    for key in _AT_LEAST_ONE:
        if is_length(found.get(key)):
            found[key] = max(found[key], 1)
    if "periods" in found:
        found["periods"] = [max(period, 1) for period in found["periods"]]
    return found


def last_step_of(scheduler: Any) -> float:
    """Find the step until which a scheduler has something to do.

    Args:
        scheduler: its config.

    Returns:
        The largest of the lengths that it states, from the start of training; 0 if it states none.
    """
    begin = scheduler.get("begin", 0)
    spans = [scheduler.get(key) for key in ("T_max", "total_steps", "step_size")]
    spans += [sum(scheduler.get("periods") or ())]
    spans += [max(scheduler.get("milestones") or (0,))]
    if scheduler.get(_HALVES[0]) is not None:
        spans += [scheduler[_HALVES[0]] + (scheduler.get(_HALVES[1]) or scheduler[_HALVES[0]])]
    steps = [begin + span for span in spans if is_length(span) and span > 0]
    return max([*steps, *(v for v in [scheduler.get("end")] if is_length(v))], default=0)
