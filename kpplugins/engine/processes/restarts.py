"""A job that its launcher starts anew goes on from its last checkpoint."""

import os
import socket
from pathlib import Path

from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process

from kpplugins.engine.guards.torch_errors import one_line_of

_FILE = "job.txt"
"""In the work dir: the job that trains there."""
_POINTER = "last_checkpoint"


def told_restart(work_dir: Path) -> bool:
    """Tell whether an earlier start of this job saved a checkpoint in the work dir.

    All processes get the same answer, that of the first one.

    Args:
        work_dir: of the run.

    Returns:
        Whether to resume; ``False`` for a job that no launcher starts anew.

    Raises:
        BadInputError: another process has ended.
    """
    try:
        return _told(work_dir)
    except RuntimeError as error:  # a process of the group has ended
        raise one_line_of(error, str(work_dir)) or error from error


def _told(work_dir: Path) -> bool:
    answer = [False]
    job = _job()
    if is_main_process() and job:
        file, pointer = work_dir / _FILE, work_dir / _POINTER
        if file.is_file() and pointer.is_file():
            same = bool(job & set(file.read_text(encoding="utf-8").splitlines()))
            answer = [same and pointer.stat().st_mtime_ns >= file.stat().st_mtime_ns]
    broadcast_object_list(answer)
    return answer[0]


def keep_job(work_dir: Path) -> None:
    """Write what ``told_restart`` asks for; called by all processes where a run begins, before it saves anything.

    Args:
        work_dir: of the run, which exists.
    """
    job = _job()
    if is_main_process() and job:
        (work_dir / _FILE).write_text("\n".join(sorted(job)), encoding="utf-8")


def _job() -> set[str]:
    """Gather what tells this job apart from others: torchrun's folders on all hosts, or Slurm's step."""
    own = set()
    if error_file := os.environ.get("TORCHELASTIC_ERROR_FILE"):  # …/RANDOM/attempt_0/0/error.json
        own.add(f"torchrun {socket.gethostname()}:{Path(error_file).parents[2]}")
    if {"SLURM_JOB_ID", "SLURM_STEP_ID"} <= os.environ.keys():
        own.add(f"slurm {os.environ['SLURM_JOB_ID']}.{os.environ['SLURM_STEP_ID']}")
    return set().union(*all_gather_object(own))
