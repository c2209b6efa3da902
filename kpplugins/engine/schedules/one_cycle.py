"""``OneCycleLR`` of very few steps.

Gap: MMEngine's divides by the length of the rising half, which is 0 where ``pct_start · total_steps`` is 1 (five
iterations and 0.2), and a shorter one never has its highest rate. The rise takes at least a step here: the highest rate
is that of the second step.
"""

from typing import Any

from kpplugins.config.values import name_of


def with_both_halves(scheduler: dict[str, Any], steps: int) -> dict[str, Any]:
    """Lengthen the rising half of a one-cycle schedule that would be shorter than a step.

    Args:
        scheduler: the config of any scheduler.
        steps: in which it is done.

    Returns:
        The config; changed only if it is such a ``OneCycleLR``.
    """
    if name_of(scheduler.get("type")) != "OneCycleLR" or steps < 1:
        return scheduler
    if steps == 1:  # half of the highest rate
        flat = dict(
            total_steps=2, pct_start=0.0, three_phase=False, by_epoch=False, convert_to_iter_based=False
        )
        return {**scheduler, **flat}
    if not 0 < scheduler.get("pct_start", 0.3) * steps < 2:
        return scheduler
    return {**scheduler, "pct_start": min(2 / steps, 1.0)}
