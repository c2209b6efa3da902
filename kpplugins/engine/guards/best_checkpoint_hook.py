"""The best checkpoint, also where scores tie."""

from typing import Any

from mmengine.hooks import CheckpointHook
from mmpose.registry import HOOKS

from kpplugins.engine.guards.validation_rank import Rank, rank_of, tie_breaker
from kpplugins.structures import BadInputError

_RANK = "best_rank_{}"
"""Key in the message hub, and so in every checkpoint: the rank of the best validation by a metric."""


@HOOKS.register_module()
class BestCheckpointHook(CheckpointHook):
    """Keeps the best checkpoint as MMEngine's hook does, but among equal scores the one with the lower error.

    MMEngine keeps the first of equal scores: a training whose AP is 0 in its first validations would be tested with its
    first checkpoint. Here the lower EPE, RMSE or NME decides, and among equal ones the later checkpoint (``rank_of``).

    Args:
        **kwargs: see MMEngine's ``CheckpointHook``.

    Raises:
        BadInputError: at a validation, if ``save_best`` names a metric that it does not measure.
    """

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, float]) -> None:
        if self.save_best and "auto" in self.key_indicators:
            self._init_rule(self.rules, [next(iter(metrics))])
        ranks = self._better(runner, metrics) if self.save_best else {}
        super()._save_best_checkpoint(runner, metrics)
        for key, rank in ranks.items():
            runner.message_hub.update_info(_RANK.format(key), list(rank))

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
