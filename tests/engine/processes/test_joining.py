"""How processes find each other, by every launcher, and what is refused."""

from pathlib import Path

import pytest
from mmengine.config import Config

from kpplugins.engine.processes.joining import VARIABLES, join, wrapping
from kpplugins.structures import BadInputError

JOIN = """
import sys
import torch
from kpplugins.engine.processes.joining import join, wrapping
from mmengine.config import Config
join(sys.argv[1], dict(dist_cfg=dict(backend="nccl", timeout=60)))
rank = torch.distributed.get_rank()
gathered = [None, None]
torch.distributed.all_gather_object(gathered, 10 + rank)
print(rank, torch.distributed.get_backend(), gathered, wrapping(Config(dict(find_unused_parameters=True))), flush=True)
"""


@pytest.mark.parametrize("launcher", VARIABLES)
def test_two_processes_of_each_launcher_on_the_cpu(
    tool, torchrun, launcher: str, monkeypatch: pytest.MonkeyPatch
):
    """With the variables that the launcher sets; Slurm's and MPI's are given the address of the first host, too."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    environments = []
    for one in torchrun(2):
        names = dict(zip(("RANK", "WORLD_SIZE", "LOCAL_RANK"), VARIABLES[launcher], strict=True))
        environments.append({names.get(name, name): value for name, value in one.items()})
    done = tool.forks.run(["-c", JOIN, launcher], Path.cwd(), environments, timeout=100)
    assert done.returncode == 0, done.stderr
    wrapped = {
        "type": "MMDistributedDataParallel",
        "broadcast_buffers": False,
        "find_unused_parameters": True,
    }
    wrapped["device_ids"] = None
    assert sorted(line for line in done.stdout.splitlines() if "gloo" in line) == [
        f"{rank} gloo [10, 11] {wrapped}" for rank in (0, 1)
    ]


def test_the_others_do_not_come(tool, torchrun, monkeypatch: pytest.MonkeyPatch):
    """They are waited for as long as the config says."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    code = JOIN.replace("timeout=60", "timeout=1")
    done = tool.forks.run(["-c", code, "pytorch"], Path.cwd(), torchrun(2)[:1], timeout=100)
    assert (
        "BadInputError: 127.0.0.1:" in done.stderr and "the processes do not find each other" in done.stderr
    )


@pytest.mark.parametrize(
    ("variables", "launcher"),
    [
        ({"RANK": "0", "WORLD_SIZE": "2"}, "pytorch"),
        ({"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "4"}, "slurm"),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "3"}, "mpi"),
    ],
)
def test_one_of_several_that_was_not_told_so_does_not_train_alone(
    variables: dict, launcher: str, monkeypatch: pytest.MonkeyPatch
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        BadInputError, match=rf"each of which would train alone.*to do: --launcher {launcher}$"
    ):
        join("none", {})


@pytest.mark.parametrize("launcher", VARIABLES)
def test_a_launcher_that_started_nothing(launcher: str, monkeypatch: pytest.MonkeyPatch):
    for names in VARIABLES.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    join("none", {})  # alone
    with pytest.raises(
        BadInputError, match=f"--launcher {launcher} outside a distributed start.*start it by"
    ):
        join(launcher, {})


@pytest.mark.parametrize(
    "stated",
    [
        dict(model_wrapper_cfg=dict(type="MMFullyShardedDataParallel")),
        dict(strategy=dict(type="FSDPStrategy")),
    ],
)
def test_models_are_not_split(stated: dict):
    with pytest.raises(
        BadInputError, match=rf"^{next(iter(stated))}: the model cannot be split among processes"
    ):
        wrapping(Config(stated))
    assert wrapping(Config({})) is None
