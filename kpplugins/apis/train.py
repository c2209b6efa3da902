"""Train a config."""

import errno
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import find_latest_checkpoint

from kpplugins.compat.checkpoints import trust_checkpoints
from kpplugins.config.load import environment_of, load_config, schema_of, work_dir_of
from kpplugins.config.parts import pipelines_of
from kpplugins.data.images import read_size
from kpplugins.datasets.wrapped import datasets_with_steps
from kpplugins.engine.continuity.work_dir_lock import LOCK, WorkDirLock
from kpplugins.engine.freeze_hook import tell_random
from kpplugins.engine.processes.joining import join
from kpplugins.engine.processes.restarts import keep_job, told_restart
from kpplugins.engine.run_facts import RUN_FACTS, run_facts
from kpplugins.engine.runner import KeepingRunner, build_runner
from kpplugins.engine.schedules import finished_at
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError, BoxLayout
from kpplugins.structures.addresses import as_path
from kpplugins.structures.replaced_file import PART, replace_text, unwritable
from kpplugins.visualization.curves import plot_curves
from kpplugins.weights.checkpoints import read_checkpoint, require_fit, unwrapped
from kpplugins.weights.last_checkpoint import last_checkpoint
from kpplugins.weights.pretrained import (
    drop_pretrained,
    forget_weights,
    require_no_own,
    require_pretrained,
)
from kpplugins.weights.run_record import RunRecord
from kpplugins.weights.stored_config import plain_config

logger = logging.getLogger(__name__)


def train(
    config: str | Path,
    *,
    work_dir: str | Path | None = None,
    resume: str | bool = False,
    amp: bool = False,
    data: str | Path | None = None,
    cfg_options: dict[str, Any] | None = None,
    launcher: str = "none",
    skip_bad: bool = False,
    trust_checkpoint: bool = False,
    from_scratch: bool = False,
) -> Path:
    """Train a config and draw its curves.

    Args:
        config: the config file.
        work_dir: folder of the run. Default: the config's own, else ``work_dirs/NAME``.
        resume: ``True`` resumes from the run's last checkpoint, a path from that checkpoint.
        amp: automatic mixed precision: float16 on a GPU, bfloat16 on the CPU.
        data: the data folder that every dataset reads. Default: the config's own.
        cfg_options: values by dotted key that override the config's.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.
        skip_bad: skip bad files and log how many and why, instead of stopping.
        trust_checkpoint: let a checkpoint run code while it is loaded.
        from_scratch: leave out the pretrained weights that the config names; not with a checkpoint of your own in
            ``load_from``.

    Returns:
        The work dir. It holds checkpoints, each complete in itself; for people and other programs, the settled config,
        ``schema.json``, and ``boxes.json`` (top-down models) or ``classes.json`` (models that find boxes);
        ``curves.png``; and MMEngine's logs, with ``environment.json`` (see ``run_facts``). An earlier run in it is
        moved to ``earlier_N`` unless it is resumed. If a run to resume has nothing left to train, nothing is changed.

    Raises:
        BadInputError: see ``load_config`` and ``build_runner``; or the checkpoint does not fit, or pretrained weights
            cannot be fetched (see ``require_pretrained``).
    """
    options = {**(cfg_options or {}), **({"amp": True} if amp else {})}
    join(launcher, {} if launcher == "none" else environment_of(config, options))
    cfg = load_config(config, data=data, work_dir=work_dir, cfg_options=options, skip_bad=skip_bad)
    cfg.work_dir = str(work_dir_of(cfg))
    cfg.launcher = launcher
    _require_pipeline(cfg)
    with trust_checkpoints(trust_checkpoint), _locked(cfg):
        restarted = told_restart(Path(cfg.work_dir))
        if restarted and is_main_process():
            logger.warning("%s: this job was started again, it resumes", cfg.work_dir)
        _set_resume(cfg, restarted or resume)
        if from_scratch:
            require_no_own(cfg)
        if from_scratch or cfg.get("resume"):  # a resumed run has its weights
            dropped = drop_pretrained(cfg)
            if from_scratch:
                asked = any(name.startswith("load_from ") for name in dropped)  # the options contradict
                logger.log(
                    logging.WARNING if asked else logging.INFO,
                    "from scratch, without %s", ", ".join(dropped) or "pretrained weights: none are named",
                )  # fmt: skip
        opened = _open_checkpoint(cfg)
        if not any(_is_finished(cfg, *one) for one in opened.items()):
            _train(cfg, opened, restarted)
    return Path(cfg.work_dir)


@contextmanager
def _locked(cfg: Config) -> Iterator[None]:
    """Keep other trainings out of the work dir, and what cannot be written there in one line."""
    work_dir, first = Path(cfg.work_dir), is_main_process()
    new = not work_dir.exists()
    try:
        with WorkDirLock(work_dir) if first else nullcontext():
            for left in work_dir.glob(f"{PART}*") if first else ():
                left.unlink()  # of a process that was killed
            yield
    except OSError as error:
        file = Path(str(error.filename or work_dir))
        if error.errno in _FULL or (error.errno in _DENIED and work_dir.resolve() in file.resolve().parents):
            raise unwritable(file, error) from error
        raise
    finally:
        if new and work_dir.is_dir() and not any(work_dir.iterdir()):
            work_dir.rmdir()


_FULL, _DENIED = (
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG},
    {errno.EACCES, errno.EPERM, errno.EIO},
)


def _train(cfg: Config, opened: dict[str, dict[str, Any]], restarted: bool) -> None:
    """Train a settled config in its work dir; what the checkpoint holds has been read."""
    runner = build_runner(cfg, training=True)
    if cfg.resume and cfg.load_from:
        require_fit(runner.model, Path(cfg.load_from), opened[cfg.load_from])
    runner.opened = opened
    if cfg.resume:
        forget_weights(unwrapped(runner.model))
    else:
        tell_random(cfg)
        require_pretrained(cfg, unwrapped(runner.model))
    if not cfg.resume and is_main_process():
        _set_aside(Path(cfg.work_dir), Path(runner.log_dir), Path(str(cfg.filename)))
    runner.record = _record(runner.cfg, schema_of(cfg), runner.train_dataloader.dataset)
    if is_main_process():
        runner.keep_config()
        runner.record.save_beside(Path(runner.work_dir))
        _keep_facts(runner)
    if not restarted:
        keep_job(Path(runner.work_dir))
    runner.train()
    if is_main_process():
        plot_curves(Path(cfg.work_dir))


def _keep_facts(runner: KeepingRunner) -> None:
    """Write what the run is made from into its folder of logs, which each start of a resumed run has of its own."""
    loops = {"train": runner.train_loop, "val": runner.val_loop}
    datasets = {split: loop.dataloader.dataset for split, loop in loops.items() if loop is not None}
    text = json.dumps(run_facts(runner.cfg, datasets, runner.seed), indent=2)
    replace_text(Path(runner.log_dir) / RUN_FACTS, text + "\n")


def _open_checkpoint(cfg: Config) -> dict[str, dict[str, Any]]:
    """Return the content of the checkpoint to resume by its path; empty if there is none."""
    path = (cfg.get("load_from") or find_latest_checkpoint(cfg.work_dir)) if cfg.get("resume") else None
    return {path: read_checkpoint(Path(path))} if path else {}


def _is_finished(cfg: Config, checkpoint: str, content: dict[str, Any]) -> bool:
    """Tell whether the run to resume has nothing left to train, and log it."""
    stands = finished_at(content, cfg)
    if stands:
        words = "%s: nothing to resume, %s; to go on: --resume --cfg-options max_epochs=N"
        logger.warning(words, checkpoint, stands)
    return stands is not None


def _require_pipeline(cfg: Config) -> None:
    """Raise if the training data have no pipeline, as in MMPose's associative embedding."""
    loader = cfg.get("train_dataloader")
    if loader and not any(pipeline for pipeline in pipelines_of(loader)):
        raise BadInputError(
            "no training pipeline", where="train_dataloader.dataset.pipeline", found="[]",
            todo="this config is for testing only: choose another, or write a pipeline",
        )  # fmt: skip


def _record(cfg: Config, schema: KeypointSchema, dataset: Any) -> RunRecord:
    """Return what testing and prediction need besides the weights.

    These are config, schema, and the layout of the keypoints in their boxes; for models that find boxes, the names of
    the categories instead of the layout.
    """
    record = RunRecord(name=Path(cfg.filename).stem, schema=schema, config=plain_config(cfg))
    parts = list(datasets_with_steps(dataset))
    classes = next((part.metainfo["classes"] for part, _ in parts if part.metainfo.get("classes")), None)
    if classes:
        return replace(record, classes=tuple(classes))
    infos, step = [], max(1, sum(len(part) for part, _ in parts) // _ENOUGH)
    for part, steps in parts:
        some = [part.get_data_info(i) for i in range(0, len(part), step)]
        for transform in steps:
            if hasattr(transform, "box_of"):  # it crops another box than the dataset's
                for info in some:
                    info["bbox"] = transform.box_of(_sized(info))[None]
        infos += some
    if infos and all("bbox" in info and "keypoints" in info for info in infos):
        keypoints, visible, boxes = (np.concatenate([info[k] for info in infos]) for k in _LAID_OUT)
        if keypoints.shape[1] == schema.num_keypoints:
            return replace(record, layout=BoxLayout.measure(keypoints, visible > 0, boxes))
    return record


def _sized(info: dict) -> dict:
    """Return the sample with the size of its image."""
    return info if "img" in info else {**info, "ori_shape": read_size(as_path(info["img_path"]))[::-1]}


_ENOUGH = 2000
"""About how many instances the layout of boxes is measured from."""
_LAID_OUT = ("keypoints", "keypoints_visible", "bbox")


def _set_aside(work_dir: Path, current: Path, config: Path) -> None:
    """Move an earlier run out of the way, so that the work dir's best checkpoint is the new run's.

    Called once the new run is built and can start; ``current``, its folder of logs, stays, and so does a folder in
    which its config is.
    """
    if not any(work_dir.glob("*.pth")):
        return
    number = next(n for n in range(1, 10**6) if not (work_dir / f"earlier_{n}").exists())
    aside = work_dir / f"earlier_{number}"
    aside.mkdir()
    around = {folder.resolve() for folder in config.parents}
    for item in sorted(work_dir.iterdir()):
        if item.resolve() in around:
            continue
        if not item.name.startswith("earlier_") and item.name not in (current.name, LOCK):
            item.rename(aside / item.name)
    logger.warning("an earlier run was here; it was moved to %s (to continue it instead: --resume)", aside)


def _set_resume(cfg: Config, resume: str | bool) -> None:
    """Set ``resume``, and ``load_from`` to the named checkpoint or the run's last one."""
    if not resume:
        return
    cfg.resume = True
    if isinstance(resume, str):
        cfg.load_from = resume
    else:
        cfg.load_from = str(last_checkpoint(Path(cfg.work_dir)))
    if not Path(cfg.load_from).is_file():
        raise BadInputError(
            "no such checkpoint", where=cfg.load_from, todo="name one that exists: --resume FILE"
        )
