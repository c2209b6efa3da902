"""What the special names at the top of a config have in common."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from mmengine.config import Config

from kpplugins.config.source import Layer
from kpplugins.config.values import dotted, same, value_at

logger = logging.getLogger(__name__)
_SHOWN = 90
"""Maximum number of characters of a value that are logged."""


@dataclass(frozen=True)
class Replaced:
    """A name's value that another name's rule has replaced, on behalf of a layer."""

    old: Any
    layer: Layer


class Rule(ABC):
    """Carries the value of one name at the top of a config to the places that follow from it.

    A rule acts if a child, or the command line, has given the name another value, and only on places that still have
    what they inherited: the name's earlier value, or what a layer below states. A place that is ``None`` waits for its
    value and gets it in any case. So a config that states none of the names is returned as it is written.

    Attributes:
        name: at the top of a config.
        goes_to: the places, for the table in the docs.
        needs: what a config must have for the name to have an effect, for the message; empty if it need not have one.
        over_use: it is also set at inherited places if the file that states it builds values from it.
        opt_in: OpenMMLab's configs do not have the name, so it is also set at places that have no value yet.
    """

    name: ClassVar[str]
    goes_to: ClassVar[str]
    needs: ClassVar[str] = ""
    over_use: ClassVar[bool] = True
    opt_in: ClassVar[bool] = True

    def __init__(
        self, cfg: Config, layer: Layer, replaced: "dict[str, Replaced]", options: Collection[str] = ()
    ) -> None:
        self.cfg, self.layer, self.replaced, self.options = cfg, layer, replaced, options
        self.value = cfg.get(self.name)
        self.stated_by = layer.origin(self.name)
        self.before: list[Any] = self.stated_by.earlier(self.name)
        self.forced = self.own_use = self.reached = False
        by_rule = replaced.get(self.name)
        if by_rule is not None:
            self.before.append(by_rule.old)
            if self.stated_by is by_rule.layer or self.stated_by in by_rule.layer.below:
                self.stated_by = by_rule.layer

    def check(self) -> None:  # noqa: B027  # most take any value
        """Raise if the value is of a wrong kind.

        Raises:
            BadInputError: what was expected instead.
        """

    @abstractmethod
    def apply(self) -> None:
        """Set the value at its places with ``put``."""

    def inherited(self, path: tuple[str | int, ...], *before: Any) -> bool:
        """Tell whether a place has what it inherited.

        Args:
            path: the place.
            *before: values that the name had at this place before, as far as the caller derives them.
        """
        if self.forced:
            return True
        if dotted(path) in self.options:
            self.reached = True  # as far as the command line lets it
            return False
        holder, value = value_at(self.cfg, path[:-1]), value_at(self.cfg, path)
        if value is None and (self.opt_in or path[-1] in holder):
            return True
        if self.own_use:
            return False
        if any(same(value, old) for old in before if old is not None):
            return True
        return self.layer.origin(*(path if value is not None else path[:-1])) in self.stated_by.below

    def put(self, path: tuple[str | int, ...], value: Any) -> None:
        """Set a value at a place; a change is logged with the old value."""
        holder = value_at(self.cfg._cfg_dict, path[:-1])
        old = value_at(holder, path[-1:])
        self.reached = True
        if same(old, value):
            return
        holder[path[-1]] = value
        level = logging.DEBUG if old is None or old == {} else logging.INFO
        logger.log(level, "%s: %s, %s before (from %s)", dotted(path), _short(value), _short(old), self.name)

    def spread(self, places: Iterable[tuple[str | int, ...]]) -> None:
        """Set the value itself at each of the places that has what it inherited."""
        for path in places:
            if self.inherited(path, *self.before):
                self.put(path, self.value)
            elif same(value_at(self.cfg, path), self.value):
                self.reached = True


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
