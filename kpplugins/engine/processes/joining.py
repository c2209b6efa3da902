"""Joining the processes of a training or test."""

import os
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import init_dist, is_distributed
from mmengine.utils.dl_utils import set_multi_processing
from torch.distributed import PrefixStore, rendezvous

from kpplugins.data.parsing.text import one_line
from kpplugins.structures import BadInputError

VARIABLES = {
    "pytorch": ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
    "slurm": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
    "mpi": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
}
"""The variables in which a launcher tells a process its number, the number of processes, and its number on its host."""
_STARTS = {"pytorch": "torchrun --nproc-per-node=N -m kpplugins train …", "slurm": "srun", "mpi": "mpirun"}
_PARTS = {"pytorch": "WORLD_SIZE", "slurm": "SLURM_STEP_NUM_TASKS", "mpi": "OMPI_COMM_WORLD_SIZE"}
"""How many processes a launcher started, in a variable that is absent where it started none."""


def join(launcher: str, settings: Mapping[str, Any]) -> None:
    """Join the group of processes that a launcher started, with MMEngine on GPUs, else by gloo.

    The first thing that a process does: when one of them ends, later, the others notice.

    Args:
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.
        settings: a config's ``env_cfg``, as in MMEngine.

    Raises:
        BadInputError: the process was started by no launcher, or by one that is not named: each process would train
            alone, in the same folder; or the others do not come.
    """
    if is_distributed():
        return
    if launcher == "none":
        _require_alone()
        return
    absent = [name for name in VARIABLES[launcher][:2] if name not in os.environ]
    if absent:
        raise BadInputError(
            f"--launcher {launcher} outside a distributed start", todo=f"start it by {_STARTS[launcher]}",
            expected=f"{' and '.join(absent)} in the environment",
        )  # fmt: skip
    set_multi_processing(**settings.get("mp_cfg", {}), distributed=True)
    options = dict(settings.get("dist_cfg") or {})
    try:
        if torch.cuda.is_available():
            init_dist(launcher, **options, **(_meeting(options) if launcher == "pytorch" else {}))
        else:
            _join_on_cpu(launcher, options)
    except (RuntimeError, ValueError) as error:
        raise BadInputError(
            "the processes do not find each other", found=one_line(error),
            where=f"{os.environ.get('MASTER_ADDR', '?')}:{os.environ.get('MASTER_PORT', '?')}",
            todo="the same MASTER_ADDR and MASTER_PORT for all, reachable from every host",
        ) from error  # fmt: skip


def wrapping(cfg: Config) -> dict[str, Any] | None:
    """Settle how the model of a process of several is wrapped.

    Args:
        cfg: the config, with ``model_wrapper_cfg`` and ``find_unused_parameters`` as in MMEngine.

    Returns:
        The ``model_wrapper_cfg``. Without a GPU it is MMEngine's default without a device, which MMEngine cannot do by
        itself; else the config's own.

    Raises:
        BadInputError: a wrapper that splits the model among the processes.
    """
    stated = cfg.get("model_wrapper_cfg")
    kind = str((stated or {}).get("type", ""))
    if "FullySharded" in kind or cfg.get("strategy"):
        raise BadInputError(
            "the model cannot be split among processes (FSDP, DeepSpeed, ColossalAI): each holds all of it",
            where="model_wrapper_cfg" if stated else "strategy", found=kind or str(cfg.strategy.get("type")),
            todo="leave it out; ZeroRedundancyOptimizer splits the optimizer, --amp and with_cp save memory",
        )  # fmt: skip
    if torch.cuda.is_available() or not is_distributed():
        return stated
    unused = cfg.get("find_unused_parameters", False)
    default = dict(type="MMDistributedDataParallel", broadcast_buffers=False, find_unused_parameters=unused)
    return {**default, **(stated or {}), "device_ids": None}


def _join_on_cpu(launcher: str, options: Mapping[str, Any]) -> None:
    """Join by gloo; MMEngine would set a CUDA device whatever the backend is."""
    rank, size, local = (os.environ.get(name) for name in VARIABLES[launcher])
    if launcher == "slurm" and "MASTER_ADDR" not in os.environ:
        found = subprocess.run(
            ["scontrol", "show", "hostnames", os.environ.get("SLURM_NODELIST", "")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        os.environ["MASTER_ADDR"] = found.stdout.split()[0] if found.stdout else "127.0.0.1"
    if launcher != "pytorch":
        os.environ.setdefault("MASTER_PORT", str(options.get("port", 29500)))
    os.environ.update({"RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_RANK": local or "0"})
    seconds = options.get("timeout")
    waits: dict[str, Any] = {} if seconds is None else {"timeout": timedelta(seconds=seconds)}
    torch.distributed.init_process_group("gloo", **waits, **_meeting(options))


def _meeting(options: Mapping[str, Any]) -> dict[str, Any]:
    """Meet the other processes in a store in which a job that was started again finds nothing of its earlier start.

    torchrun keeps its store (PyTorch 2.14), so that the processes would look for those that have ended.
    """
    waits: dict[str, Any] = {"timeout": timedelta(seconds=options["timeout"])} if "timeout" in options else {}
    store, rank, size = next(rendezvous("env://", **waits))
    start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return {"store": PrefixStore(f"kpplugins, start {start}", store), "rank": rank, "world_size": size}


def _require_alone() -> None:
    """Raise if a launcher started several processes."""
    for launcher, variable in _PARTS.items():
        number = os.environ.get(variable, "1")
        if number.isdecimal() and int(number) > 1 and VARIABLES[launcher][0] in os.environ:
            raise BadInputError(
                f"one of {number} processes, each of which would train alone, in the same folder",
                where=f"{variable} in the environment", todo=f"--launcher {launcher}",
            )  # fmt: skip
