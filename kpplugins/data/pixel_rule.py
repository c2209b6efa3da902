"""How images of more than 8 bits become the 8 bits that a network sees."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kpplugins.structures import BadInputError

LEVELS = 255


@dataclass(frozen=True)
class PixelRule:
    """The values that become 0 and 255 in images of more than 8 bits; those of 8 bits are never changed.

    Without ``range`` and ``percentile`` it is the range of the type, as OpenCV converts: 0 to 65,535 for 16 bits, which
    are divided by 256 and rounded down, 0 to 1 for floats. How many bits a camera uses is not guessed: a dark image of
    a 16-bit camera looks like a bright one of a 12-bit camera. 12 bits stored in 16 take ``range=(0, 4095)``.

    Attributes:
        range: two values of the file that become 0 and 255 in every image; those beyond are clipped.
        percentile: two percentiles (0 to 100) of the image's own values, all channels together, that become 0 and 255:
            for data without a fixed scale, such as thermal images.

    Raises:
        BadInputError: both are given, or not two ascending numbers, or percentiles outside 0 to 100.
    """

    range: tuple[float, float] | None = None
    percentile: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name, ends in (("range", self.range), ("percentile", self.percentile)):
            if ends is None:
                continue
            pair = isinstance(ends, (tuple, list)) and len(ends) == 2
            if not pair or not all(isinstance(v, (int, float)) for v in ends) or not ends[0] < ends[1]:
                raise BadInputError(
                    "not two ascending numbers",
                    where=f"pixels.{name}",
                    expected="(low, high)",
                    found=repr(ends),
                )
            object.__setattr__(self, name, tuple(ends))
        if self.percentile is not None and not 0 <= self.percentile[0] < self.percentile[1] <= 100:
            raise BadInputError(
                "not percentiles", where="pixels.percentile", expected="0 to 100", found=repr(self.percentile)
            )
        if self.range is not None and self.percentile is not None:
            raise BadInputError("two rules for one thing", where="pixels", expected="range or percentile")

    @classmethod
    def of(cls, given: Any) -> "PixelRule":
        """Return the rule that a config states.

        Args:
            given: a rule, a dict with ``range`` or ``percentile``, or ``None`` for the range of the type.

        Returns:
            The rule.

        Raises:
            BadInputError: it is none of these.
        """
        if given is None or isinstance(given, cls):
            return given or cls()
        if not isinstance(given, dict) or given.keys() - {"range", "percentile"}:
            raise BadInputError(
                "not a rule for pixels", where="pixels", expected="dict(range=(0, 4095)) or dict(percentile=(1, 99))",
                found=repr(given),
            )  # fmt: skip
        return cls(**given)

    @property
    def words(self) -> str:
        """Return what the rule does, as a phrase."""
        if self.range is not None:
            return (
                f"images of more than 8 bits: {self.range[0]:g} becomes 0 and {self.range[1]:g} becomes 255"
            )
        if self.percentile is not None:
            low, high = self.percentile
            return f"images of more than 8 bits: each one's {low:g} and {high:g} percentiles become 0 and 255"
        return "images of more than 8 bits: the range of their type (16 bits: value // 256; floats: 0 to 1)"

    def __call__(self, image: np.ndarray, where: str) -> np.ndarray:
        """Convert an image.

        Args:
            image: (H, W) or (H, W, C), without alpha, of any numeric type.
            where: the file, for messages.

        Returns:
            uint8 of the same shape; the same array if it is uint8.

        Raises:
            BadInputError: values that are not finite, or outside the range of the type.
        """
        if image.dtype == np.uint8:
            return image
        if image.dtype == bool:
            return image.astype(np.uint8) * LEVELS
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise BadInputError("image has values that are not numbers", where=where, found="NaN or infinity")
        low, high = self._ends(image, where)
        if image.dtype == np.uint16 and (low, high) == (0, np.iinfo(np.uint16).max):
            return (image >> 8).astype(np.uint8)
        scale = LEVELS / (high - low) if high > low else 0.0
        return np.clip(np.rint((image.astype(np.float64) - low) * scale), 0, LEVELS).astype(np.uint8)

    def _ends(self, image: np.ndarray, where: str) -> tuple[float, float]:
        if self.range is not None:
            return self.range
        if self.percentile is not None:
            low, high = np.percentile(image, self.percentile)
            return float(low), float(high)
        most = 1.0 if image.dtype.kind == "f" else float(np.iinfo(image.dtype).max)
        least, greatest = float(image.min()), float(image.max())
        if least < 0 or greatest > most:
            raise BadInputError(
                f"image of {image.dtype} outside 0 to {most:g}", where=where, found=f"{least:g} to {greatest:g}",
                todo=f"say what becomes black and white: pixels = dict(range=({least:g}, {greatest:g})) in the config, "
                "or dict(percentile=(1, 99))",
            )  # fmt: skip
        return 0.0, most
