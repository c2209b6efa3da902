"""Train configs from a checkout: python tools/train.py …"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kpplugins.commands.train import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
