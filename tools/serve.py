"""Serve a model to an annotation tool from a checkout: python tools/serve.py …"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kpplugins.commands.serve import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
