"""A lock of a file is held by one process, and is gone with it."""

import subprocess
import sys
from pathlib import Path

import pytest

from kpplugins.structures import BadInputError
from kpplugins.structures.file_lock import FileLock

HOLD = """
import sys, time
from pathlib import Path
from kpplugins.structures.file_lock import FileLock
with FileLock(Path(sys.argv[1]), what="is used", where="here", todo="wait"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_process_is_kept_out_until_this_one_is_killed(tmp_path: Path, root: Path):
    file = tmp_path / "new/a.lock"
    lock = FileLock(file, what="is used", where="here", todo="wait")
    with subprocess.Popen([sys.executable, "-c", HOLD, str(file)], cwd=root, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        line = f"here: is used; found process {other.pid} on .*, since .*; to do: wait"
        with pytest.raises(BadInputError, match=line), lock:
            pass
        other.kill()
    with lock:
        assert file.exists()
    assert not file.exists()
