"""What became of one image."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """A line of JSON, or why there is none.

    Attributes:
        source: the image's name, as given or found.
        line: the prediction; empty if there is none.
        fault: why there is none; empty if there is one.
    """

    source: str
    line: str = ""
    fault: str = ""
