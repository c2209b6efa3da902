"""Parts of a model that are not trained."""

import difflib
import logging
from collections.abc import Iterable, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.hooks import EMAHook, Hook
from mmpose.registry import HOOKS
from torch import nn

from kpplugins.config.values import is_type
from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import unwrapped
from kpplugins.weights.pretrained import pretrained_of

logger = logging.getLogger(__name__)


@HOOKS.register_module()
class FreezeHook(Hook):
    """Keeps weights and batch-norm statistics of parts of the model as they are.

    The parts' parameters need no gradients (see ``freeze_parts``, which the Runner calls before the model is wrapped
    for several processes), the parts stay in evaluation mode, and averaging of weights leaves them out.

    Args:
        parts: names of modules of the model: ``backbone``, ``backbone.layer1``.
    """

    priority = "LOW"  # after the hook that averages weights

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = list(parts)
        self._modules: list[nn.Module] = []

    def before_train(self, runner: Any) -> None:
        """Find the modules, and take their weights out of averages."""
        model = unwrapped(runner.model)
        self._modules = [model.get_submodule(part).requires_grad_(False) for part in self.parts]
        starts = tuple(f"{part}." for part in self.parts)
        for hook in runner.hooks:
            averaged = getattr(hook, "ema_model", None) if isinstance(hook, EMAHook) else None
            if averaged is not None:
                kept = averaged.avg_parameters.items()
                averaged.avg_parameters = {k: v for k, v in kept if not k.startswith(starts)}

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Put the parts into evaluation mode again, wherever the model was put into training mode."""
        for module in self._modules:
            if module.training:
                module.eval()


def frozen_by(hooks: Iterable[Any]) -> list[str]:
    """List the parts that a config's hooks freeze.

    Args:
        hooks: configs of hooks, or hooks.

    Returns:
        The names.
    """
    parts: list[str] = []
    for hook in hooks:
        if isinstance(hook, FreezeHook):
            parts += hook.parts
        elif is_type(hook, "FreezeHook"):
            parts += hook["parts"]
    return parts


def tell_random(cfg: Config) -> None:
    """Warn about frozen parts that no pretrained weights are named for.

    Args:
        cfg: the settled config of a run that is not resumed.
    """
    places = [place.removesuffix("init_cfg") for place, *_ in pretrained_of(cfg)]
    for part in frozen_by(cfg.get("custom_hooks") or []):
        if not any(p in ("load_from", "model.weights") or f"model.{part}.".startswith(p) for p in places):
            logger.warning(
                "freeze: %s has no pretrained weights: it stays at random ones; to name some: load_from", part
            )


def freeze_parts(model: nn.Module, parts: Sequence[str]) -> None:
    """Let parts of a model need no gradients; how much is left to train is logged.

    Args:
        model: the model, not wrapped.
        parts: names of its modules.

    Raises:
        BadInputError: it has no module of the name, or nothing would be left to train.
    """
    modules = dict(model.named_modules())
    for part in parts:
        if part not in modules or not part:
            names = [name for name in modules if name]
            near = difflib.get_close_matches(part, names, n=3) or [n for n in names if "." not in n]
            raise BadInputError(
                f"no part {part!r} in the model", where="freeze", expected=f"a module, e.g. {', '.join(near)}"
            )
        modules[part].requires_grad_(False)
    count = {
        trained: sum(p.numel() for p in model.parameters() if p.requires_grad is trained)
        for trained in (True, False)
    }
    if parts and not count[True]:
        raise BadInputError("nothing is left to train", where="freeze", found=", ".join(parts))
    if parts:
        words = "frozen: %s, %d parameters; %d are trained"
        logger.info(words, ", ".join(parts), count[False], count[True])
