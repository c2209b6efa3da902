"""One setting that a sweep varies, and the values that it may have."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kpplugins.structures import BadInputError

FORMS = "NAME=log:LOW:HIGH, NAME=lin:LOW:HIGH, NAME=int:LOW:HIGH or NAME=one:A|B|C"
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Parameter:
    """One setting of a config.

    Attributes:
        name: its dotted key, or a special name such as ``lr``.
        kind: ``log`` or ``lin`` for numbers, ``int`` for whole numbers, ``one`` for one of several values.
        low: the smallest number.
        high: the largest number.
        texts: of ``one``, the values as they were written.
    """

    name: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    texts: tuple[str, ...] = ()

    @property
    def ends(self) -> list[Any]:
        """Return both ends of the range, or all values of ``one``."""
        if self.kind == "one":
            return [self.value(text) for text in self.texts]
        return [self.value(self.low), self.value(self.high)]

    def suggested(self, trial: Any) -> Any:
        """Ask an Optuna trial for a value.

        Args:
            trial: the trial, which remembers it.

        Returns:
            The value for the config.
        """
        if self.kind == "one":
            return self.value(trial.suggest_categorical(self.name, self.texts))
        if self.kind == "int":
            return trial.suggest_int(self.name, int(self.low), int(self.high))
        return self.value(trial.suggest_float(self.name, self.low, self.high, log=self.kind == "log"))

    def value(self, stored: Any) -> Any:
        """Return the value for the config.

        Args:
            stored: what Optuna remembers of it.

        Returns:
            Floats of four digits; for a text of ``one`` the Python literal that it is, if it is one.
        """
        if self.kind == "int":
            return int(stored)
        if self.kind != "one":
            return float(f"{stored:.4g}")
        try:
            return ast.literal_eval(stored)
        except (ValueError, SyntaxError):
            return stored

    def __str__(self) -> str:
        values = "|".join(self.texts) if self.kind == "one" else f"{self.low:g}:{self.high:g}"
        return f"{self.name}={self.kind}:{values}"


def parse_space(words: Sequence[str]) -> list[Parameter]:
    """Read what a sweep varies.

    Args:
        words: e.g. ``["lr=log:1e-4:1e-2", "num_stacks=int:1:2", "input_size=one:(128,128)|(192,192)"]``.

    Returns:
        The parameters.

    Raises:
        BadInputError: none, one that is written in another way, an empty range, or one name twice.
    """
    found = [_parsed(word) for word in words]
    if not found:
        raise BadInputError("nothing to vary", where="--space", expected=FORMS)
    names = [parameter.name for parameter in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInputError(f"{twice} is stated twice", where="--space")
    return found


def _parsed(word: str) -> Parameter:
    name, _, rest = word.partition("=")
    kind, _, values = rest.partition(":")
    if not _NAME.fullmatch(name):
        raise BadInputError(
            "cannot vary this", where=f"--space {word}", expected=FORMS,
            found=f"the name {name!r}" if name else "no name", todo="give its dotted key, without items of lists",
        )  # fmt: skip
    if kind == "one":
        texts = tuple(values.split("|"))
        if len(texts) < 2 or len(set(texts)) < len(texts) or not all(texts):
            raise _wrong(word, "two or more different values: NAME=one:A|B")
        return Parameter(name, kind, texts=texts)
    if kind not in ("log", "lin", "int"):
        raise _wrong(word, FORMS)
    try:
        low, high = (float(text) for text in values.split(":"))
    except ValueError as error:
        raise _wrong(word, f"two numbers: NAME={kind}:LOW:HIGH") from error
    if not (abs(low) < float("inf") and low < high < float("inf")):
        raise _wrong(word, "LOW < HIGH")
    if kind == "log" and low <= 0:
        raise _wrong(word, "LOW > 0, as the logarithm is varied")
    if kind == "int" and not (low.is_integer() and high.is_integer()):
        raise _wrong(word, "whole numbers")
    return Parameter(name, kind, low, high)


def _wrong(word: str, expected: str) -> BadInputError:
    return BadInputError("not a range of values", where=f"--space {word}", expected=expected)
