"""A file that one process at a time holds."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any, TypeVar

from kpplugins.structures.errors import BadInputError
from kpplugins.structures.replaced_file import unwritable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_Self = TypeVar("_Self", bound="FileLock")


class FileLock:
    """Keeps other processes out while the block runs; the file and its folder are made if needed.

    The system gives the lock back when the process ends, however it ends. It is one of POSIX's (``lockf``), which
    children do not inherit, as they would that of ``flock`` and so of the package ``filelock``: after a kill they would
    hold it for seconds. Where there are no such locks, nothing is locked.

    Args:
        file: the lock, which is removed at the end.
        what: the fault that is reported if another process holds it.
        where: what is locked, for that report.
        todo: what to do then.

    Raises:
        BadInputError: on entry: another process holds it, and the message says which; or the file cannot be made.
    """

    def __init__(self, file: Path, *, what: str, where: str, todo: str) -> None:
        self._file, self._what, self._where, self._todo = file, what, where, todo
        self._held: Any = None

    def __enter__(self: _Self) -> _Self:
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
                    raise self._in_use(held.read()) from error
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

    def _in_use(self, text: str) -> BadInputError:
        try:
            holder = json.loads(text)
            who = f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
        except (ValueError, TypeError, KeyError):  # it has not written it yet
            who = "another process"
        return BadInputError(self._what, where=self._where, found=who, todo=self._todo)


def _is_same(number: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), file.stat())
    except FileNotFoundError:
        return False
