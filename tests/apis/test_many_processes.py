"""Several processes: what they share, and what becomes of the others when one of them dies."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CONFIG = """
_base_ = "{root}/configs/custom_hourglass_small.py"
input_size = (64, 64)
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=2))
alone = dict(num_workers=0, persistent_workers=False, batch_size=2)
train_dataloader = alone
val_dataloader = alone
test_dataloader = alone
train_cfg = dict(val_interval=1)
max_epochs = 3
"""


@pytest.fixture(scope="module")
def folder(tool, root: Path) -> Path:
    """With a small config."""
    (tool.folder / "small.py").write_text(CONFIG.format(root=root))
    return tool.folder


@pytest.fixture
def elastic(root: Path, tool, folder: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Train as torchrun does; one dict of settings for each host."""

    def run(hosts: list[dict], *arguments: str | Path) -> subprocess.CompletedProcess:
        command = [str(root / "tests/elastic.py"), str(folder / "small.py"), "--launcher", "pytorch"]
        settings = dict(max_nodes=1, nproc_per_node=2, monitor_interval=0.1, rdzv_backend="c10d")
        envs = [{"ELASTIC": json.dumps({"min_nodes": len(hosts), **settings, **host})} for host in hosts]
        return tool.forks.run([*command, *map(str, arguments)], folder, envs, timeout=120)

    return run


def dying(epoch: int) -> str:
    """The option that kills rank 1 before an epoch, from 0."""
    return f"custom_hooks=[{{'type': 'DyingHook', 'epoch': {epoch}}}]"


def test_a_rank_that_is_killed_once_costs_the_epoch_it_was_in(elastic, folder: Path, cups_and_plates: Path):
    """Torchrun starts the job again, which resumes by itself."""
    data = ["--data", cups_and_plates, "--work-dir", folder / "again", "--cfg-options"]
    host = dict(max_restarts=1, rdzv_endpoint="localhost:0", run_id="again")
    done = elastic([host], *data, dying(2))
    assert done.returncode == 0, done.stderr[-2000:]
    said = done.stdout + done.stderr
    assert "this job was started again, it resumes" in said and "resumed epoch: 2" in said
    assert said.count("Epoch(train) [1]") == 1 and said.count("Epoch(train) [3]") == 1
    assert "Traceback" not in said.split("resumes")[1]
    assert not (folder / "again/earlier_1").exists()


@pytest.fixture
def two_networks() -> Iterator[tuple[str, str]]:
    """Two networks, each of a host of its own, with a cable between them; their addresses are 10.77.0.1 and .2."""
    names = (f"kp{os.getpid()}a", f"kp{os.getpid()}b")

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    try:
        for name in names:
            ip("netns", "add", name)
        ip(
            "link",
            "add",
            "kpcable",
            "netns",
            names[0],
            "type",
            "veth",
            "peer",
            "name",
            "kpcable",
            "netns",
            names[1],
        )
        for number, name in enumerate(names, 1):
            ip("-n", name, "addr", "add", f"10.77.0.{number}/24", "dev", "kpcable")
            for device in ("lo", "kpcable"):
                ip("-n", name, "link", "set", device, "up")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(
            f"no networks can be made here ({getattr(error, 'stderr', b'') or error}); needs root and iproute2"
        )
    else:
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def test_two_hosts_train_together(
    elastic,
    folder: Path,
    cups_and_plates: Path,
    two_networks: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
):
    """They share no network but the cable, and each has a work dir of its own; the first one's has the results."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "kpcable")
    hosts: list[dict] = []
    for number, name in enumerate(two_networks, 1):
        (folder / name).mkdir()
        hosts.append({
            "namespace": name, "cwd": str(folder / name), "local_addr": f"10.77.0.{number}", "run_id": "two",
            "max_nodes": 2, "nproc_per_node": 1, "rdzv_endpoint": "10.77.0.1:29400", "max_restarts": 0,
            "rdzv_configs": {"is_host": number == 1},  # the name of both is this machine's
        })  # fmt: skip
    done = elastic(hosts, "--data", cups_and_plates, "--work-dir", "run", "--cfg-options", "max_epochs=1")
    assert done.returncode == 0, done.stderr[-2000:]
    kept = [bool(list((folder / name / "run").glob("epoch_1.pth"))) for name in two_networks]
    assert sorted(kept) == [False, True]
    said = done.stdout + done.stderr
    assert "[1][2/2]" in said  # 8 instances, 2 on each host at a time
    assert "4 instances" in said
