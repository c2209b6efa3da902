"""One training in a work dir at a time."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import unwritable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


class WorkDirLock:
    """Keeps other trainings out of a work dir while the block runs; the folder is made if needed.

    The system gives the lock back when the process ends, however it ends. It is one of POSIX's (``lockf``), which data
    workers do not inherit, as they would that of ``flock`` and so of the package ``filelock``: after a kill they would
    hold it for seconds. Where there are no such locks, nothing is locked.

    Args:
        work_dir: the folder.

    Raises:
        BadInputError: on entry: another process trains there; the message says which.
    """

    def __init__(self, work_dir: Path) -> None:
        self._file = work_dir / LOCK
        self._held: Any = None

    def __enter__(self) -> "WorkDirLock":
        try:
            self._take()
        except OSError as error:
            self.__exit__()
            raise unwritable(self._file, error) from error
        return self

    def _take(self) -> None:
        if fcntl is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        while self._held is None:
            held = self._file.open("a+", encoding="utf-8")
            try:
                fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError) as error:
                held.seek(0)
                with held:
                    raise _in_use(self._file.parent, held.read()) from error
            except OSError:  # a file system without locks
                held.close()
                return
            if _is_same(held.fileno(), self._file):  # else its last holder has just removed it
                self._held = held
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        self._held.truncate(0)
        os.write(
            self._held.fileno(), json.dumps(holder).encode()
        )  # at once: a buffer would be written on closing, too

    def __exit__(self, *_: object) -> None:
        if self._held is not None:
            self._file.unlink(missing_ok=True)
            self._held.close()
            self._held = None


def _is_same(number: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), file.stat())
    except FileNotFoundError:
        return False


def _in_use(work_dir: Path, text: str) -> BadInputError:
    try:
        holder = json.loads(text)
        who = f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (ValueError, TypeError, KeyError):  # it has not written it yet
        who = "another process"
    return BadInputError(
        "a training is running in this work dir", where=str(work_dir), found=who,
        todo="wait for its end or stop it, or train elsewhere: --work-dir DIR",
    )  # fmt: skip
