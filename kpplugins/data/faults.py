"""What to do about input that cannot be read: raise, or count and log it."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")
_MOST_LOGGED = 1000
"""Most faults that are logged one by one; all are counted by their reason."""


def settle_faults(faults: Sequence[BadInputError], skip_bad: bool, read: int = 0) -> None:
    """Raise at faults, or log how many there are and why.

    Args:
        faults: one per image or annotation that could not be read.
        skip_bad: log the faults and go on; otherwise raise the first, with the number of the others.
        read: how many could be read, for the log.

    Raises:
        BadInputError: there are faults and ``skip_bad`` is false.
    """
    if not faults:
        return
    if not skip_bad:
        first = faults[0]
        others = f" ({len(faults) - 1} more bad files)" if len(faults) > 1 else ""
        todo = f"{first.todo or 'fix the file'}, or skip bad files with --skip-bad{others}"
        raise BadInputError(
            first.what, where=first.where, expected=first.expected, found=first.found, todo=todo
        )
    for fault in faults[:_MOST_LOGGED]:
        logger.warning("skipped: %s", fault)
    if len(faults) > _MOST_LOGGED:
        logger.warning("skipped: %d more", len(faults) - _MOST_LOGGED)
    reasons = ", ".join(f"{n} × {what}" for what, n in Counter(f.what for f in faults).most_common())
    logger.warning("skipped %d of %d: %s", len(faults), len(faults) + read, reasons)


def raise_or_warn(fault: BadInputError, skip_bad: bool) -> None:
    """Raise a fault that concerns a whole file, or log it and go on with the file.

    Args:
        fault: what is wrong.
        skip_bad: log the fault instead of raising it.

    Raises:
        BadInputError: ``fault``, where ``skip_bad`` is false.
    """
    if not skip_bad:
        raise fault
    logger.warning("%s", fault)


def apart(items: Sequence[T], build: Callable[[Sequence[T]], Sequence[R]]) -> list[R | BadInputError]:
    """Build something of many items at once, and of bad ones the fault of each: halves are tried until it stands alone.

    Args:
        items: what to build from.
        build: returns one result for each of the items it is given, or raises BadInputError; what that says matters
            only where it was given a single one.

    Returns:
        One result or fault for each item, in their order.
    """
    if not items:
        return []
    try:
        return list(build(items))
    except BadInputError as fault:
        if len(items) == 1:
            return [fault]
    middle = len(items) // 2
    return [*apart(items[:middle], build), *apart(items[middle:], build)]
