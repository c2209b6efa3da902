"""The exception for every fault in the input that the user can fix."""

from kpplugins.structures.addresses import spelled
from kpplugins.structures.line_breaks import without_line_breaks

_LONGEST, _LONGEST_PLACE = 500, 1500
"""Most characters of a part of the message, and of the place: a path, and a name in the file."""


class BadInputError(ValueError):
    """Faulty input that the user can fix: a file, a config value, a command-line argument.

    The message is one line: what is wrong, where, what was expected, what was found, what to do. A line break
    in a name or value that it cites is written as an escape, and a part of more than 500 characters (the place: 1,500)
    is cut. The command-line tools print it without a traceback and exit with status 2.

    Args:
        what: the fault.
        where: file, file and line, or config key; empty if ``what`` names it.
        expected: what was expected.
        found: what was found.
        todo: how to fix it.

    Attributes:
        status: the exit status of a command that ends with it.
    """

    status = 2

    def __init__(
        self, what: str, *, where: str = "", expected: str = "", found: str = "", todo: str = ""
    ) -> None:
        where = spelled(where)
        self.what, self.where, self.expected, self.found, self.todo = what, where, expected, found, todo
        parts = [f"{_cut(where, _LONGEST_PLACE)}: {_cut(what)}" if where else _cut(what)]
        if expected:
            parts.append(f"expected {_cut(expected)}")
        if found:
            parts.append(f"found {_cut(found)}")
        if todo:
            parts.append(f"to do: {_cut(todo)}")
        super().__init__(without_line_breaks("; ".join(parts)))


def _cut(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"
