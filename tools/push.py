"""Put a trained model on the hub from a checkout: python tools/push.py …"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kpplugins.commands.push import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
