"""Weight averaging that follows the number of iterations.

``EMAHook`` averages over about ``1 / momentum`` iterations, 5000 by default. A training of 60 iterations would end with
98.8 % of the weights that it started from.
"""

import logging
from collections.abc import Iterable
from typing import Any

from mmengine.hooks import EMAHook, Hook

from kpplugins.config.values import name_of

logger = logging.getLogger(__name__)
_WINDOW = 10
"""The average is over at most one in so many iterations."""
_MOMENTUM, _GAMMA = 2e-4, {"MomentumAnnealingEMA": 100, "ExpMomentumEMA": 2000}
"""Defaults of MMEngine and MMPose."""


def follow_length(hooks: Iterable[Hook], iterations: int, epochs: int) -> None:
    """Let every ``EMAHook`` average over at most a tenth of the training, and start within its first half.

    What is changed is logged.

    Args:
        hooks: of the runner, before its training.
        iterations: of the training.
        epochs: of the training.
    """
    for hook in hooks:
        if not isinstance(hook, EMAHook):
            continue
        if hook.begin_iter > iterations // 2 and hook.begin_iter:
            logger.info("EMAHook: begin_iter %d, %d before", iterations // 2, hook.begin_iter)
            hook.begin_iter = iterations // 2
        if hook.begin_epoch > epochs:
            logger.info("EMAHook: begin_epoch %d, %d before", (epochs + 1) // 2, hook.begin_epoch)
            hook.begin_epoch = (epochs + 1) // 2
        _raise_momentum(hook.ema_cfg, iterations)


def _raise_momentum(setting: dict[str, Any], iterations: int) -> None:
    kind = name_of(setting.get("type"))
    if kind not in ("ExponentialMovingAverage", *_GAMMA):
        return
    momentum = setting.get("momentum", _MOMENTUM)
    least = min(_WINDOW * setting.get("interval", 1) / max(iterations, 1), 0.5)
    if momentum >= least:
        return
    setting["momentum"] = least
    logger.info(
        "EMAHook: momentum %.3g, %.3g before: the average is over a tenth of the %d iterations",
        least,
        momentum,
        iterations,
    )
    longest = max(iterations // _WINDOW, 1)
    if kind in _GAMMA and setting.get("gamma", _GAMMA[kind]) > longest:
        logger.info("EMAHook: gamma %d, %d before", longest, setting.get("gamma", _GAMMA[kind]))
        setting["gamma"] = longest
