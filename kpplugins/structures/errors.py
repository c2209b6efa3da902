"""The one exception for input that people can mend."""


class BadInputError(ValueError):
    """Input that a person can mend: a file, a config value, a command-line argument.

    Its message is one line: what is wrong, where, what was expected, what was found, what to do. Command lines print
    it without a traceback and exit with status 2.

    Args:
        what: what is wrong.
        where: file, file and line, or config key; empty when ``what`` names it.
        expected: what was expected.
        found: what was found.
        todo: what to do about it.
    """

    def __init__(
        self, what: str, *, where: str = "", expected: str = "", found: str = "", todo: str = ""
    ) -> None:
        self.what, self.where, self.expected, self.found, self.todo = what, where, expected, found, todo
        parts = [f"{where}: {what}" if where else what]
        if expected:
            parts.append(f"expected {expected}")
        if found:
            parts.append(f"found {found}")
        if todo:
            parts.append(f"to do: {todo}")
        super().__init__("; ".join(parts))
