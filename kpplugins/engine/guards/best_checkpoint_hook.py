"""The best checkpoint, also where scores tie."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import CheckpointHook
from mmpose.registry import HOOKS

from kpplugins.engine.continuity.pending import VALIDATED
from kpplugins.engine.continuity.state import INTERIM, OUTDATED, point_to
from kpplugins.engine.guards.validation_rank import Rank, rank_of, rule_of, tie_breaker
from kpplugins.structures import BadInputError

_RANK = "best_rank_{}"
"""Key in the message hub, and so in every checkpoint: the rank of the best validation by a metric."""


@HOOKS.register_module()
class BestCheckpointHook(CheckpointHook):
    """Keeps the best checkpoint as MMEngine's hook does, but among equal scores the one with the lower error.

    MMEngine keeps the first of equal scores: a training whose AP is 0 in its first validations would be tested with its
    first checkpoint. Here the lower EPE, RMSE or NME decides, and among equal ones the later checkpoint (``rank_of``).

    A checkpoint is deleted only when the one that replaces it is whole and on the disk: MMEngine deletes it before.

    Args:
        **kwargs: see MMEngine's ``CheckpointHook``.

    Raises:
        BadInputError: at a validation, if ``save_best`` names a metric that it does not measure.
    """

    _knows: int | None = None
    _leaving: list[str] = []

    def _init_rule(self, rules: Sequence[str | None], key_indicators: Sequence[str]) -> None:
        stated = rules if len(rules) == len(key_indicators) else list(rules) * len(key_indicators)
        super()._init_rule(
            [rule_of(key, rule) for key, rule in zip(key_indicators, stated, strict=True)], key_indicators
        )

    def before_train(self, runner: Any) -> None:
        """Go on with what the checkpoint says of others, which are where this run is now; finish what was cut off."""
        hub = runner.message_hub
        super().before_train(runner)
        for key, file in self._best_files().items():
            self._name_best(key, self.file_backend.join_path(self.out_dir, Path(file).name))
        if runner.iter:
            self.last_ckpt = hub.runtime_info.get("last_ckpt")
            self._remove(hub.runtime_info.get(OUTDATED, ()))
        hub.runtime_info.setdefault(VALIDATED, -1)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float]) -> None:
        """Save the best checkpoint."""
        runner.message_hub.update_info(VALIDATED, runner.iter)
        super().after_val_epoch(runner, metrics)
        unsaved = self.last_ckpt is not None and runner.saved_at == runner.iter and self._knows != runner.iter
        if unsaved and (
            runner.iter >= runner.max_iters or runner.train_loop.stop_training
        ):  # else a resumed run would make it again
            step = runner.epoch if self.by_epoch else runner.iter
            self._save_checkpoint_with_step(runner, step, dict(epoch=runner.epoch, iter=runner.iter))

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict[str, Any]) -> None:
        """Save a checkpoint, then let ``last_checkpoint`` name it, then delete what it replaces."""
        outdated = self._outdated(runner, step)
        runner.message_hub.update_info(OUTDATED, outdated)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info("last_ckpt", self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir, name, self.file_client_args, save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, meta=meta, by_epoch=self.by_epoch,
            backend_args=self.backend_args, **self.args,
        )  # fmt: skip
        self._knows = runner.message_hub.get_info(VALIDATED)
        point_to(runner.work_dir, self.last_ckpt)
        self._remove(outdated)

    def _outdated(self, runner: Any, step: int) -> list[str]:
        """Return the names of the files that a checkpoint replaces, and remember it as the newest one."""
        hub, outdated = runner.message_hub, []
        if interim := hub.runtime_info.get(INTERIM):
            outdated.append(interim)
            hub.update_info(INTERIM, "")
        if self.max_keep_ckpts > 0 and step not in list(self.keep_ckpt_ids)[-1:]:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated.append(self.filename_tmpl.format(self.keep_ckpt_ids.popleft()))
            self.keep_ckpt_ids.append(step)
            hub.update_info("keep_ckpt_ids", list(self.keep_ckpt_ids))
        stays = {self.filename_tmpl.format(step), *(Path(path).name for path in self._best_files().values())}
        return [name for name in outdated + self._leaving if name not in stays]

    @master_only
    def _remove(self, names: Iterable[str]) -> None:
        """Delete checkpoints; those of DeepSpeed are folders."""
        for name in names:
            path = self.file_backend.join_path(self.out_dir, Path(name).name)
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)
            elif self.file_backend.isdir(path):
                self.file_backend.rmtree(path)

    def _best_files(self) -> dict[str, str]:
        """Return the best checkpoints so far, by metric."""
        if not self.save_best:
            return {}
        if len(self.key_indicators) == 1:
            return {self.key_indicators[0]: self.best_ckpt_path} if self.best_ckpt_path else {}
        return {key: path for key, path in self.best_ckpt_path_dict.items() if path}

    def _name_best(self, key: str, path: str | None) -> None:
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = path
        else:
            self.best_ckpt_path_dict[key] = path

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, float]) -> None:
        """Save the best checkpoints, and only then delete those before them."""
        if self.save_best and "auto" in self.key_indicators:
            self._init_rule(self.rules, [next(iter(metrics))])
        ranks = self._better(runner, metrics) if self.save_best else {}
        for key, rank in ranks.items():
            runner.message_hub.update_info(_RANK.format(key), list(rank))
        before = self._best_files()
        self._leaving = [Path(before[key]).name for key in ranks if key in before]
        for key in before:
            self._name_best(key, None)  # MMEngine would delete it first
        super()._save_best_checkpoint(runner, metrics)
        now = self._best_files()
        for key, path in before.items():
            if key not in now:
                self._name_best(key, path)
            elif Path(path).name != Path(now[key]).name:
                self._remove([path])
                runner.logger.info("The previous best checkpoint %s is removed", path)
        self._leaving = []

    def _better(self, runner: Any, metrics: dict[str, float]) -> dict[str, Rank]:
        """Tell MMEngine's hook by which keys this validation is the best so far; return its ranks by these."""
        found: dict[str, Rank] = {}
        for key, rule in zip(self.key_indicators, self.rules, strict=True):
            if key not in metrics:
                raise BadInputError(
                    "save_best names no metric of the validation", where="default_hooks.checkpoint.save_best",
                    expected=", ".join(metrics), found=key,
                )  # fmt: skip
            before = self._before(runner, key, rule)
            rank = rank_of(metrics, key, rule)
            better = before is None or rank >= before
            if better:
                found[key] = rank
            if before is not None and rank[0] == before[0] and rank[1:]:
                _tell(runner, key, metrics, better)
            self.is_better_than[key] = lambda *_, better=better: better
        return found

    def _before(self, runner: Any, key: str, rule: str) -> Rank | None:
        """Return the rank of the best validation so far; of a run resumed from MMEngine's, only the score is known."""
        known = runner.message_hub.runtime_info
        if (name := _RANK.format(key)) in known:
            return tuple(runner.message_hub.get_info(name))
        name = "best_score" if len(self.key_indicators) == 1 else f"best_score_{key}"
        return rank_of({key: runner.message_hub.get_info(name)}, key, rule) if name in known else None


def _tell(runner: Any, key: str, metrics: dict[str, float], better: bool) -> None:
    error = tie_breaker(metrics, key)
    runner.logger.info(
        "%s %.4f says no more than the best so far%s: %s is the best checkpoint",
        key, metrics[key], f", {error} {metrics[error]:.4g} decides" if error else "",
        "this one" if better else "the earlier one",
    )  # fmt: skip
