"""Telling drawn cats from photographs: the set says it of itself in ``README.txt``."""

from pathlib import Path

README = "README.txt"
FIRST_LINE = "These cats are drawn by a program. They are not photographs."


def is_drawn(root: Path) -> bool:
    """Whether the folder ``root`` says that its cats are drawn."""
    path = root / README
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(FIRST_LINE)
