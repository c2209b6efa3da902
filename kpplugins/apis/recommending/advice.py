"""One decision about a config, with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Advice:
    """One decision.

    Attributes:
        reason: a plain sentence with the number that decided.
        settings: values of the config by name, which are merged with those of the others; empty if the recipe's own
            values are right.
        before: lines of Python that the settings refer to.
        is_caution: it is about what the user should do, not about the config.
    """

    reason: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    is_caution: bool = False


def caution(reason: str) -> Advice:
    """Return something that the user should know or do.

    Args:
        reason: a plain sentence.

    Returns:
        The advice, without settings.
    """
    return Advice(reason, is_caution=True)
