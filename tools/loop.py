"""Show where a project stands from a checkout: python tools/loop.py …"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kpplugins.commands.loop import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
