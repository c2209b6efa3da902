"""Recommend a recipe from a checkout: python tools/recommend.py …"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kpplugins.commands.recommend import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
