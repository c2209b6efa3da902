"""What a reader has to say of a source."""

from collections import Counter
from collections.abc import Mapping


class Notes(dict[str, int | None]):
    """What was left out, assumed or found elsewhere, in words, and of how many images or annotations it is true.

    ``None`` instead of a number: it is said of the source as a whole.
    """

    def say(self, *lines: str) -> None:
        """Note something of the source as a whole; what has been said is not repeated.

        Args:
            *lines: one line each.
        """
        self.update(dict.fromkeys(lines))

    def count(self, words: str, times: int = 1) -> None:
        """Note something of so many images or annotations more.

        Args:
            words: what is true of them.
            times: how many; 0 notes nothing.
        """
        if times:
            self[words] = (self.get(words) or 0) + times

    def join(self, other: Mapping[str, int | None]) -> None:
        """Note what was noted of another part of the source.

        Args:
            other: its notes.
        """
        for words, times in other.items():
            if times is None:
                self.say(words)
            else:
                self.count(words, times)

    @property
    def counts(self) -> Counter[str]:
        """Return what is true of some images or annotations, with their number."""
        return Counter({words: times for words, times in self.items() if times is not None})

    @property
    def lines(self) -> list[str]:
        """Return what is said of the source as a whole."""
        return [words for words, times in self.items() if times is None]
