"""The schedule and the optimizer's settings of a resumed run.

MMEngine restores both as they were when the checkpoint was written: more epochs, another batch size or another learning
rate had no effect, or the schedule ended before the training. Here the config of this run rules: its schedule is
followed from the start up to where the checkpoint stands.
"""

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.optim import OptimWrapperDict
from mmengine.runner import EpochBasedTrainLoop

from kpplugins.config.values import name_of
from kpplugins.engine.continuity.pending import is_pending
from kpplugins.engine.time_budget_hook import OVER, SPENT
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
_MOVING = ("last_step", "_global_step", "_last_value", "verbose", "anneal_func")
"""Attributes of schedulers that change in the course of training, or say nothing about the schedule."""
_BOOKKEEPING = ("initial_", "max_", "min_")
"""Beginnings of the keys that schedulers add to a parameter group."""
_HOW = ("fused", "foreach", "capturable", "differentiable")
"""Keys of a group that say how a step is computed, which the optimizer's restored state is made for."""


def finished_at(content: Mapping[str, Any], cfg: Config) -> str | None:
    """Tell whether nothing is left to train after a checkpoint.

    Args:
        content: of the checkpoint.
        cfg: the settled config of the run that resumes it.

    Returns:
        Where the training stands, in words; ``None`` if there is something left.
    """
    meta, plan = content.get("meta") or {}, cfg.get("train_cfg") or {}
    told = (content.get("message_hub") or {}).get("runtime_info") or {}
    if cfg.get("val_cfg") is not None and meta.get("iter") is not None and is_pending(told, meta["iter"]):
        return None
    for counted, key, done in (("iteration", "max_iters", "iter"), ("epoch", "max_epochs", "epoch")):
        asked = plan.get(key)
        if asked is not None and meta.get(done) is not None:
            if meta[done] >= asked:
                return f"{counted} {meta[done]} of {asked} is done"
            break
    hooks = cfg.get("custom_hooks") or []
    limits = [h["minutes"] for h in hooks if name_of(h.get("type")) == "TimeBudgetHook" and "minutes" in h]
    if told.get(OVER) and limits and told.get(SPENT, 0.0) >= min(limits) * 60:
        return f"its {min(limits):g} minutes are over"
    return None


class Start:
    """What a run's schedulers and optimizer are before a checkpoint is restored, to follow the schedule from there.

    Args:
        runner: with its optimizer and schedulers built.
    """

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        schedulers = runner.param_schedulers
        self.known = not isinstance(runner.optim_wrapper, OptimWrapperDict) and not isinstance(
            schedulers, dict
        )
        self._schedulers = list(schedulers or []) if self.known else []
        self._follows_metrics = any(getattr(s, "need_val_args", False) for s in self._schedulers)
        self._groups = [_settings(g) for g in runner.optim_wrapper.param_groups] if self.known else []
        self._states = [copy.copy(_state(s)) for s in self._schedulers]

    def follow(self, stored: int, length: int | None = None) -> None:
        """Take the config's settings and its schedule, up to the epoch or iteration of the restored checkpoint.

        A schedule with a scheduler that follows a metric stays as it was restored, but for its end.

        Args:
            stored: the number of schedulers in the checkpoint.
            length: batches per epoch of its training, if known.
        """
        if not self.known:
            return
        stands_at = self._runner.train_loop.iter
        self._start_epoch(length)
        groups = self._runner.optim_wrapper.param_groups
        restored = [_settings(group) for group in groups]
        moved = {getattr(s, "param_name", "lr") for s in self._schedulers} | {"lr"}
        moved |= {"momentum", "betas"} if moved & {"momentum", "betas"} else set()
        names = _kind(self._groups[0]) - moved
        for name in sorted(names):
            before, now = ({repr(g.get(name)) for g in some} for some in (restored, self._groups))
            if before != now:
                words = "resumed with %s %s as the config says, %s in the checkpoint"
                logger.info(words, name, ", ".join(sorted(now)), ", ".join(sorted(before)))
        same = stands_at == self._runner.train_loop.iter and stored == len(self._schedulers)
        if self._follows_metrics or (same and self._schedulers and self._has_same_schedule()):
            for scheduler, state in zip(self._schedulers, self._states, strict=True):
                scheduler.end = state["end"]
            for group, own in zip(groups, self._groups, strict=True):
                group.update({name: own[name] for name in names})
            asked, kept = (some[-1].get("initial_lr") for some in (self._groups, restored))
            if asked != kept:
                words = (
                    "learning rate: not %s, but on from %s, as it follows a metric; for a new one: load_from"
                )
                logger.warning(words, asked, kept)
            return
        for group, own in zip(groups, self._groups, strict=True):
            for name in group.keys() - own.keys() - {"params", *_HOW}:
                del group[name]
            group.update(copy.deepcopy(own))
        for scheduler, state in zip(self._schedulers, self._states, strict=True):
            scheduler.__dict__.update(copy.deepcopy(state))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's order of steps: the optimizer has made its own before
            for by_epoch in _steps(self._runner.train_loop):
                for scheduler in self._schedulers:
                    if scheduler.by_epoch is by_epoch:
                        scheduler.step()
        self._tell(restored)

    def _has_same_schedule(self) -> bool:
        """Tell whether the restored schedulers are those of the config; then nothing has to be computed anew."""
        own = [{k: v for k, v in state.items() if k not in _MOVING} for state in self._states]
        restored = [{k: v for k, v in _state(s).items() if k not in _MOVING} for s in self._schedulers]
        return own == restored

    def _start_epoch(self, length: int | None) -> None:
        """Count the iterations that are done in epochs of this run's length, and keep the place within an epoch."""
        loop = self._runner.train_loop
        if not isinstance(loop, EpochBasedTrainLoop):
            return
        now = len(loop.dataloader)
        within = max(loop.iter - loop.epoch * length, 0) if length else 0
        done = loop.epoch * now + within * now // (length or 1)
        if done != loop.iter:
            words = "resumed after epoch %d%s: iteration %d of this run, %d in the checkpoint"
            share = f" and {within} of {length} batches" if within else ""
            logger.info(words, loop.epoch, share, done, loop.iter)
            loop._iter = done

    def _tell(self, restored: list[dict[str, Any]]) -> None:
        loop, before = self._runner.train_loop, restored[-1].get("lr")
        now = self._runner.optim_wrapper.param_groups[-1].get("lr")
        if before is None or now is None or abs(now - before) <= 1e-6 * abs(before):
            return
        logger.info(
            "the schedule of this run, %d iterations, is followed from iteration %d: learning rate %.4g, %.4g in the "
            "checkpoint", loop.max_iters, loop.iter, now, before,
        )  # fmt: skip


def require_resumable(content: Any, where: str, optimizer: Any) -> None:
    """Raise if a training cannot go on from a checkpoint.

    Args:
        content: of the checkpoint.
        where: its path, for the message.
        optimizer: this run's wrapper of the optimizer.

    Raises:
        BadInputError: it holds weights only, or the state of another optimizer.
    """
    meta = content.get("meta") if isinstance(content, Mapping) else None
    if not isinstance(meta, Mapping) or not {"epoch", "iter"} <= meta.keys() or "message_hub" not in content:
        raise BadInputError(
            "no training to resume in this checkpoint", where=where, expected="one that MMEngine's training wrote",
            todo="start a new run from its weights: load_from = 'CHECKPOINT'",
        )  # fmt: skip
    own, stored = getattr(optimizer, "optimizer", None), content.get("optimizer")
    if own is None or not isinstance(stored, Mapping) or not stored.get("param_groups"):
        return
    groups = stored["param_groups"]
    lacking = _kind(own.param_groups[0]) ^ _kind(groups[0])
    numbers = [[len(group["params"]) for group in some] for some in (own.param_groups, groups)]
    if lacking & {"betas", "momentum", "alpha", "rho", "lr_decay"} or numbers[0] != numbers[1]:
        found = f"{', '.join(sorted(lacking))} on one side only" if numbers[0] == numbers[1] else (
            f"{len(groups)} groups of {sum(numbers[1])} parameters, {len(numbers[0])} of {sum(numbers[0])} in this run"
        )  # fmt: skip
        raise BadInputError(
            "the checkpoint's optimizer is another one", where=where, found=found,
            todo="resume with the settings of the run, or start a new one from its weights: load_from = 'CHECKPOINT'",
        )  # fmt: skip


def _kind(group: Mapping[str, Any]) -> set[str]:
    return {name for name in group if name != "params" and not name.startswith(_BOOKKEEPING)}


def _steps(loop: Any) -> Iterator[bool]:
    """Yield the steps of schedulers that a training has made so far: for each, whether it is an epoch's."""
    length = len(loop.dataloader) if isinstance(loop, EpochBasedTrainLoop) else 0
    for i in range(1, loop.iter + 1):
        yield False
        if length and i % length == 0:
            yield True


def _settings(group: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if key != "params" and key not in _HOW}


def _state(scheduler: Any) -> dict[str, Any]:
    return {key: value for key, value in scheduler.__dict__.items() if key != "optimizer"}
