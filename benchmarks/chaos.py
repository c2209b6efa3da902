"""Kills trainings and resumes them, until each has ended as one that was never stopped.

``python -m benchmarks.chaos --kills 100`` kills a training with SIGKILL at seeded moments, 40 % of them inside a save,
resumes it until its end, compares the end bit by bit and prints a table. Every training is a fork of this process,
which has imported everything.
"""

import argparse
import contextlib
import gc
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

IN_A_SAVE = 0.4
CONFIG = """
_base_ = "{root}/configs/custom_hourglass_small.py"
input_size = (64, 64)
some = dict(num_workers={workers}, persistent_workers={workers} > 0, batch_size=4)
train_dataloader = some
val_dataloader = dict(num_workers=0, persistent_workers=False, batch_size=4)
train_cfg = dict(val_interval=1)
max_epochs = 3
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=1))
custom_hooks = [dict(type="SyncBuffersHook"), dict(type="EMAHook"),
                dict(type="EarlyStoppingHook", monitor="AP", rule="greater", patience=9)]
default_hooks = dict(checkpoint=dict(max_keep_ckpts=1), logger=dict(interval=1))
"""
TIMES = ("time", "data_time", "memory", "eta")


def main(argv: list[str] | None = None) -> int:
    """Kill, resume, compare, print; the status is 1 if an end differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument(
        "--each", type=int, default=1, help="kills of one training, before its end is compared"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        config = prepared(Path(folder), args.workers)
        rows = list(chaos(config, Path(folder), args.kills, args.each, random.Random(args.seed)))
    equal = sum(not row["differs"] for row in rows)
    inside = sum(row["inside"] for row in rows)
    print(f"\n{len(rows)} kills, {inside} inside a save: {equal} ended bit-equal")
    return int(equal < len(rows))


def prepared(folder: Path, workers: int) -> Path:
    """Draw a small set, and write a config for it."""
    from kpplugins import convert
    from kpplugins.synthetic import write_sample_cats

    write_sample_cats(folder / "cats", 14, seed=1)
    convert(folder / "cats", folder / "data")
    config = folder / "chaos.py"
    root = Path(__file__).resolve().parent.parent
    config.write_text(CONFIG.format(root=root, workers=workers) + f"data_root = {str(folder / 'data')!r}\n")
    return config


def chaos(
    config: Path, folder: Path, kills: int, each: int, chance: random.Random
) -> Iterator[dict[str, Any]]:
    """Yield a row for every kill, and print it."""
    child = training(config, folder / "whole", False)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, (folder / "whole.log").read_text()
    warm_up(config, folder / "whole")
    logged = len(steps(folder / "whole"))
    print(
        "| kill | aimed at | fell after | found in the folder | end |\n| ---: | --- | --- | --- | --- |",
        flush=True,
    )
    number = 0
    while number < kills:
        work_dir, rows = folder / "killed", []
        for _ in range(min(each, kills - number)):
            number += 1
            saving = chance.random() < IN_A_SAVE
            child = training(config, work_dir, any(work_dir.glob("epoch_*.pth")))
            (wait_for_save if saving else wait_for_step)(child, work_dir, logged, chance)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            rows.append({"kill": number, "inside": saving, **traces(work_dir)})
        child = training(config, work_dir, any(work_dir.glob("epoch_*.pth")))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        log = (folder / "killed.log").read_text()
        differs = differences(folder / "whole", work_dir) if status == 0 else [log.strip().splitlines()[-1]]
        for row in rows:
            aimed = "a save" if row["inside"] else "any time"
            end = "; ".join(differs[:3]) or "equal"
            print(f"| {row['kill']} | {aimed} | {row['after']} | {row['found']} | {end} |", flush=True)
            yield {**row, "differs": differs}
        shutil.rmtree(work_dir)


def warm_up(config: Path, work_dir: Path) -> None:
    """Read and draw what every training does, so that forks of this process find it in memory; train nothing here."""
    from kpplugins import load_config
    from kpplugins.engine.cached_text_config import CachedTextConfig
    from kpplugins.visualization.curves import plot_curves

    CachedTextConfig.of(load_config(config, work_dir=work_dir)).pretty_text  # noqa: B018
    plot_curves(work_dir)
    gc.collect()
    gc.freeze()  # so that no fork looks through what it shares


def training(config: Path, work_dir: Path, resume: bool) -> int:
    """Start a training in a fork; return its process id."""
    from kpplugins.apis.train import train

    child = os.fork()
    if child:
        return child
    status = 1
    try:
        log = os.open(work_dir.with_name(work_dir.name + ".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        train(config, work_dir=work_dir, resume=resume)
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def wait_for_step(child: int, work_dir: Path, logged: int, chance: random.Random) -> None:
    """Wait for one of the lines that a training logs, and a little; or for one of the moments before the first."""
    number, before = chance.randint(0, logged), len(steps(work_dir))
    while len(steps(work_dir)) - before < number and is_running(child):
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 0.1 if number else 1.0))


def wait_for_save(child: int, work_dir: Path, logged: int, chance: random.Random) -> None:
    """Wait until one of the next files is being written, and a little."""
    saves, little, looks = chance.randint(1, 12), chance.expovariate(1 / 0.001), 0
    seen: set[str] = set()
    while len(seen) < saves:
        looks += 1
        if looks % 500 == 0 and not is_running(child):
            return
        try:
            seen |= {path.name for path in work_dir.glob(".part-*")}
        except FileNotFoundError:
            time.sleep(0.001)
    time.sleep(little)


def is_running(child: int) -> bool:
    """Tell whether a child has not ended; it stays to be waited for."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def steps(work_dir: Path) -> list[int]:
    """Return the iterations in the logs; 0 for a validation."""
    found = []
    for file in work_dir.glob("*/vis_data/scalars.json"):
        for line in file.read_text().splitlines():
            with contextlib.suppress(ValueError):  # half a line
                found.append(json.loads(line).get("step", 0) if "loss" in line else 0)
    return found


def traces(work_dir: Path) -> dict[str, str]:
    """Say what a kill left: the last iteration in the logs, and the files."""
    names = sorted(path.name for path in work_dir.glob("[a-z]*.pth"))
    parts = any(work_dir.glob(".part-*"))
    found = ", ".join(names) or "no checkpoint"
    return {
        "after": f"iteration {max(steps(work_dir), default=0)}",
        "found": found + (", half a file" if parts else ""),
    }


def differences(first: Path, second: Path) -> list[str]:
    """Compare the ends of two runs bit by bit; return what differs, times left out."""
    import torch

    found = []
    names = [sorted(path.name for path in folder.glob("*.pth")) for folder in (first, second)]
    if names[0] != names[1]:
        found.append(f"files {names[0]} and {names[1]}")
    for name in set(names[0]) & set(names[1]):
        one, other = (torch.load(f / name, weights_only=False, map_location="cpu") for f in (first, second))
        for content in (one, other):
            content["meta"] = {
                key: content["meta"].get(key) for key in ("epoch", "iter", "seed", "sampler_seed")
            }
            hub = content["message_hub"]
            content["scalars"] = {
                key: buffer.data for key, buffer in hub["log_scalars"].items() if not key.endswith(TIMES)
            }
            told = hub["runtime_info"]
            content["told"] = {
                key: told.get(key) for key in sorted(told) if key in KEPT or key.startswith("best_rank")
            }
            content.pop("message_hub")
        found += [f"{name}: {where}" for where in unequal(one, other)]
    return found


KEPT = ("best_score", "early_stopping", "keep_ckpt_ids", "validated_at")


def unequal(one: Any, other: Any, where: str = "") -> Iterator[str]:
    """Yield the places at which two values differ in any bit."""
    import numpy as np
    import torch

    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            if key in one and key in other:
                yield from unequal(one[key], other[key], f"{where}.{key}")
            else:
                yield f"{where}.{key} on one side only"
    elif isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        for i, pair in enumerate(zip(one, other, strict=True)):
            yield from unequal(*pair, f"{where}.{i}")
    elif isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        if (
            one.shape != other.shape
            or one.dtype != other.dtype
            or one.numpy().tobytes() != other.numpy().tobytes()
        ):
            yield where
    elif isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.shape != other.shape or one.tobytes() != other.tobytes():
            yield where
    elif not (one == other or repr(one) == repr(other)):
        yield f"{where} ({one!r:.40} and {other!r:.40})"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
