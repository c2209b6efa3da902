"""Measure a learning curve from a checkout: python tools/learning_curve.py …"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kpplugins.commands.learning_curve import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
