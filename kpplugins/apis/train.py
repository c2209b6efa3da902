"""Training."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dist import is_main_process, master_only

from kpplugins.compat.checkpoints import trust_checkpoints
from kpplugins.config.load import load_config, schema_of, work_dir_of
from kpplugins.data.images import read_size
from kpplugins.engine.runner import KeepingRunner, build_runner
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError, BoxLayout
from kpplugins.visualization.curves import plot_curves
from kpplugins.weights.checkpoints import require_fit, unwrapped
from kpplugins.weights.pretrained import drop_pretrained, forget_weights, require_pretrained

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
        work_dir: where the run is kept. Default: ``work_dirs/NAME``.
        resume: ``True`` goes on from the run's last checkpoint, a path from that file.
        amp: automatic mixed precision: float16 on a GPU, bfloat16 on the CPU.
        data: points every dataset at this folder.
        cfg_options: values by dotted key that go over the config's.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.
        skip_bad: go on without bad files, saying how many and why.
        trust_checkpoint: let a checkpoint run code while it is loaded.
        from_scratch: leave out the pretrained weights that the config names.

    Returns:
        The work dir: checkpoints, the settled config, ``schema.json``, ``boxes.json`` (of a top-down model) or
        ``classes.json`` (of one that finds boxes), ``curves.png``, MMEngine's logs. An earlier run in it is moved to
        ``earlier_N`` unless it is resumed.

    Raises:
        BadInputError: see ``load_config`` and ``build_runner``; a checkpoint that does not fit;
            or pretrained weights that cannot be had (see ``require_pretrained``).
    """
    options = {**(cfg_options or {}), **({"amp": True} if amp else {})}
    cfg = load_config(config, data=data, work_dir=work_dir, cfg_options=options, skip_bad=skip_bad)
    cfg.work_dir = str(work_dir_of(cfg))
    cfg.launcher = launcher
    _set_resume(cfg, resume)
    if from_scratch or cfg.get("resume"):  # a run that goes on has its weights
        dropped = drop_pretrained(cfg)
        if from_scratch:
            logger.info(
                "from scratch, without %s", ", ".join(dropped) or "pretrained weights: none are named"
            )
    with trust_checkpoints(trust_checkpoint):
        runner = build_runner(cfg, training=True)
        if cfg.resume and cfg.load_from:
            require_fit(runner.model, Path(cfg.load_from))
        if cfg.resume:
            forget_weights(unwrapped(runner.model))
        else:
            require_pretrained(cfg, unwrapped(runner.model))
        if not cfg.resume and is_main_process():
            _set_aside(Path(cfg.work_dir), Path(runner.log_dir))
        _keep(runner, schema_of(cfg))
        runner.train()
    if is_main_process():
        plot_curves(Path(cfg.work_dir))
    return Path(cfg.work_dir)


@master_only
def _keep(runner: KeepingRunner, schema: KeypointSchema) -> None:
    """What testing and prediction need beside the weights.

    Config, schema, and how the points lie in their boxes; for models that find boxes too, the names of the classes.
    """
    runner.keep_config()
    schema.save(Path(runner.work_dir) / "schema.json")
    dataset = runner.train_dataloader.dataset
    classes = dataset.metainfo.get("classes")
    if classes:
        text = json.dumps(list(classes), indent=2) + "\n"
        (Path(runner.work_dir) / "classes.json").write_text(text, encoding="utf-8")
        return
    infos = [dataset.get_data_info(i) for i in range(0, len(dataset), max(1, len(dataset) // _ENOUGH))]
    for step in dataset.pipeline.transforms:
        if hasattr(step, "box_of"):  # it looks into another box than the dataset's
            for info in infos:
                info["bbox"] = step.box_of(_sized(info))[None]
    if infos and all("bbox" in info and "keypoints" in info for info in infos):
        keypoints, visible, boxes = (np.concatenate([info[k] for info in infos]) for k in _LAID_OUT)
        BoxLayout.measure(keypoints, visible > 0, boxes).save(Path(runner.work_dir) / "boxes.json")


def _sized(info: dict) -> dict:
    """The sample, with the size of its image."""
    return info if "img" in info else {**info, "ori_shape": read_size(Path(info["img_path"]))[::-1]}


_ENOUGH = 2000
"""Instances from which the layout of boxes is measured."""
_LAID_OUT = ("keypoints", "keypoints_visible", "bbox")


def _set_aside(work_dir: Path, current: Path) -> None:
    """Move an earlier run out of the way, so that a work dir holds one run and its best checkpoint is this run's.

    Done when the new run is built and can start; ``current`` is its folder of logs, which stays.
    """
    if not any(work_dir.glob("*.pth")):
        return
    number = next(n for n in range(1, 10**6) if not (work_dir / f"earlier_{n}").exists())
    aside = work_dir / f"earlier_{number}"
    aside.mkdir()
    for item in sorted(work_dir.iterdir()):
        if not item.name.startswith("earlier_") and item.name != current.name:
            item.rename(aside / item.name)
    logger.warning("an earlier run lies here; it is kept in %s (to go on with it: --resume)", aside)


def _set_resume(cfg: Config, resume: str | bool) -> None:
    """A named checkpoint, or the run's last one, becomes ``load_from`` with ``resume``."""
    if not resume:
        return
    cfg.resume = True
    if isinstance(resume, str):
        cfg.load_from = resume
    else:
        pointer = Path(cfg.work_dir) / "last_checkpoint"
        if not pointer.is_file():
            raise BadInputError(
                "nothing to resume",
                where=cfg.work_dir,
                expected="the run's last_checkpoint",
                todo="train without --resume first",
            )
        named = Path(pointer.read_text().strip())
        cfg.load_from = str(named if named.is_file() else Path(cfg.work_dir) / named.name)
    if not Path(cfg.load_from).is_file():
        raise BadInputError(
            "no such checkpoint", where=cfg.load_from, todo="name one that exists: --resume FILE"
        )
