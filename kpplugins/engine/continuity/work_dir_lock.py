"""One training in a work dir at a time."""

from pathlib import Path

from kpplugins.structures.file_lock import FileLock

LOCK = ".lock"


class WorkDirLock(FileLock):
    """Keeps other trainings out of a work dir while the block runs; the folder is made if needed.

    Args:
        work_dir: the folder.

    Raises:
        BadInputError: on entry: another process trains there; the message says which.
    """

    def __init__(self, work_dir: Path) -> None:
        super().__init__(
            work_dir / LOCK, what="a training is running in this work dir", where=str(work_dir),
            todo="wait for its end or stop it, or train elsewhere: --work-dir DIR",
        )  # fmt: skip
