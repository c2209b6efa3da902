"""Tell drawn cats from photographs by the ``README.txt`` of the data set."""

from pathlib import Path

README = "README.txt"
FIRST_LINE = "These cats are drawn by a program. They are not photographs."


def is_drawn(root: Path) -> bool:
    """Return whether a folder declares its cats as drawn.

    Args:
        root: folder of the data set.

    Returns:
        True if its ``README.txt`` starts with ``FIRST_LINE``.
    """
    path = root / README
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(FIRST_LINE)
