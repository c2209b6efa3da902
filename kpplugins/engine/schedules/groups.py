"""Rates that schedulers state in absolute numbers, and the parameter groups' own rates.

``OneCycleLR`` and ``CyclicLR`` set the rate of every group, whatever ``optim_wrapper`` says of it: ``lr_mult``, a decay
by layers or ``auto_scale_lr`` had no effect.
"""

import logging
from typing import Any

from kpplugins.config.values import name_of
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
_SET_BY = {"OneCycleLR": ("eta_max",), "CyclicLR": ("base_lr", "max_lr")}
_FLOORS = ("eta_min", "min_value")


def by_group(scheduler: dict[str, Any], optimizer: Any) -> dict[str, Any]:
    """Give each parameter group its share of the rates that a scheduler states.

    A group's share is its rate in the optimizer relative to the optimizer's default rate.

    Args:
        scheduler: its config.
        optimizer: MMEngine's wrapper of the optimizer, before any scheduler has changed it.

    Returns:
        The config, with a list instead of one number where the groups have different rates.
    """
    name = name_of(scheduler.get("type"))
    usual = _usual_rate(optimizer)
    keys = [key for key in _SET_BY.get(name, ()) if isinstance(scheduler.get(key), (int, float))]
    if not usual or not keys or (name == "CyclicLR" and scheduler.get("base_lr") is None):
        return scheduler
    if usual not in [scheduler[key] for key in keys]:
        stated = ", ".join(f"{key}={scheduler[key]:g}" for key in keys)
        logger.warning(
            "the learning rate is ruled by %s (%s); optim_wrapper.optimizer.lr=%g has no effect, except as the measure "
            "of lr_mult; to set both: lr = …", name, stated, usual,
        )  # fmt: skip
    shares = [float(group["lr"]) / usual for group in optimizer.param_groups]
    if all(share == 1 for share in shares):
        return scheduler
    logger.info(
        "%s: %s in proportion to the rate of each parameter group, %g to %g of it",
        name, " and ".join(keys), min(shares), max(shares),
    )  # fmt: skip
    return {**scheduler, **{key: [scheduler[key] * share for share in shares] for key in keys}}


def require_floor_below(scheduler: dict[str, Any], optimizer: Any) -> None:
    """Raise if a scheduler would raise the rate of parameters that are not to be trained, and warn for others.

    Args:
        scheduler: its config.
        optimizer: as in ``by_group``.

    Raises:
        BadInputError: a group has the rate 0 and the scheduler's lowest rate is above it.
    """
    if not _usual_rate(optimizer):
        return
    for key in _FLOORS:
        floor = scheduler.get(key)
        if not isinstance(floor, (int, float)):
            continue
        below = [g["lr"] for g in optimizer.param_groups if g["lr"] < floor * (1 - 1e-6)]
        name = name_of(scheduler.get("type"))
        if 0 in below:
            raise BadInputError(
                "lr_mult=0 would change nothing", where="optim_wrapper.paramwise_cfg",
                found=f"{name} raises every rate to {key}={floor:g}",
                todo=f"freeze = ['backbone'], or {key}_ratio instead of {key}",
            )  # fmt: skip
        if below:
            logger.warning(
                "%s raises the learning rate %g to %s=%g: state a lower one, or set both by lr = …",
                name, min(below), key, floor,
            )  # fmt: skip


def _usual_rate(optimizer: Any) -> float | None:
    defaults = getattr(getattr(optimizer, "optimizer", optimizer), "defaults", {})
    rate = defaults.get("lr")
    return float(rate) if isinstance(rate, (int, float)) else None
