"""Vary settings from a checkout: python tools/sweep.py …"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kpplugins.commands.sweep import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
