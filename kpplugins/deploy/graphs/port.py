"""One input or output of a graph."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Port:
    """One input or output of a graph.

    Attributes:
        name: of the tensor.
        shape: sizes; a letter is a size that is free.
        dtype: ``uint8``, ``float32`` or ``int64``.
        meaning: in words.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str
    meaning: str

    @property
    def facts(self) -> dict[str, Any]:
        """Return the port as ``model.json`` holds it."""
        return {"name": self.name, "shape": list(self.shape), "dtype": self.dtype, "meaning": self.meaning}
