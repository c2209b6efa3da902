"""The exception for faults of the machine that the user can fix."""

from kpplugins.structures.errors import BadInputError


class MachineError(BadInputError):
    """A fault of the machine, not of the input: a missing package, too little memory, a full disk.

    The command-line tools print it as one line and exit with status 3. The arguments are those of ``BadInputError``.
    """

    status = 3
