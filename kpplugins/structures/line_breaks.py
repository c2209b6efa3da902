"""Characters that must not be in a message of one line."""

import unicodedata

_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories: control characters, halves of surrogate pairs, line and paragraph separators."""


def breaks_line(text: str) -> bool:
    """Tell whether a text holds characters that end a line or cannot be written.

    Args:
        text: the text.

    Returns:
        True if it must not be in a message of one line.
    """
    return any(unicodedata.category(c) in _CATEGORIES for c in text)


def without_line_breaks(text: str) -> str:
    r"""Write what must not be in a message of one line as an escape, such as ``\n``.

    Args:
        text: the text.

    Returns:
        ``text`` itself where nothing breaks its line.
    """
    if text.isprintable():
        return text
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in _CATEGORIES else c
        for c in text
    )
