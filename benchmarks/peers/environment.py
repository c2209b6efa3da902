"""The virtual environment of a peer."""

import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from sysconfig import get_path

from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text

READY, LOG = "ready.json", "pip.log"
_REUSED = "reused.pth"
_VERSIONS = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment that sees this one's packages behind its own, so that PyTorch is not installed again.

    What it installs goes into its own folder: this environment is not changed.

    Attributes:
        folder: where it is made.
        packages: what pip installs into it; without any, this environment itself is used.
    """

    folder: Path
    packages: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        """Return the interpreter."""
        if not self.packages:
            return Path(sys.executable)
        return self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    def make(self, minutes: float = 10.0) -> None:
        """Make it and install the packages; does nothing if that was done.

        Args:
            minutes: after which an installation has failed.

        Raises:
            BadInputError: pip cannot install the packages; the message has its last line.
        """
        if not self.packages or self._made():
            return
        venv.create(self.folder, clear=True)
        own = Path(_output(self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
        (own / _REUSED).write_text(get_path("purelib") + "\n", encoding="utf-8")
        command = [
            sys.executable, "-m", "pip", "--python", str(self.python), "install", "--disable-pip-version-check",
            "--no-input", *self.packages,
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * minutes
            )
            said, failed = done.stdout + done.stderr, done.returncode != 0
        except subprocess.TimeoutExpired:
            said, failed = f"not done after {minutes:g} minutes", True
        (self.folder / LOG).write_text(said, encoding="utf-8")
        if failed:
            last = [line for line in said.splitlines() if line.startswith(("Collecting", "ERROR"))]
            raise BadInputError(
                f"pip cannot install {' '.join(self.packages)}", where=str(self.folder / LOG),
                found=(last or said.splitlines() or ["nothing"])[-1].strip(),
            )  # fmt: skip
        replace_text(self.folder / READY, json.dumps({"packages": list(self.packages)}) + "\n")

    def versions(self, names: Sequence[str]) -> dict[str, str]:
        """Return the installed versions of distributions, of those that are there.

        Args:
            names: of the distributions.

        Returns:
            The versions by name.
        """
        found: dict[str, str] = json.loads(_output(self.python, "-c", _VERSIONS, *names))
        return found

    def _made(self) -> bool:
        try:
            ready = json.loads((self.folder / READY).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(ready.get("packages") == list(self.packages) and self.python.exists())


def _output(*command: str | Path) -> str:
    words = [str(word) for word in command]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
