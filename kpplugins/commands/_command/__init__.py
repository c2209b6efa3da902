"""What the commands share: options in ``command_parser``, errors as one line in ``running``. No heavy import here."""

from kpplugins.commands._command.command_parser import (
    CommandParser,
    add_common,
    add_group_by,
    add_minutes,
    add_pixels,
    minutes_of,
    options,
    pixel_options,
    values,
)
from kpplugins.commands._command.running import is_first, run

__all__ = [
    "CommandParser",
    "add_common",
    "add_group_by",
    "add_minutes",
    "add_pixels",
    "is_first",
    "minutes_of",
    "options",
    "pixel_options",
    "run",
    "values",
]
