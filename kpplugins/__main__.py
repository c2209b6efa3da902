"""``python -m kpplugins``, the command line where no script is at hand, e.g. behind ``torchrun -m``."""

import sys

from kpplugins.commands import main

if __name__ == "__main__":
    sys.exit(main())
