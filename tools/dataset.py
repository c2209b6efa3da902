"""Prepare and check data from a checkout: python tools/dataset.py …"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kpplugins.commands.dataset import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
