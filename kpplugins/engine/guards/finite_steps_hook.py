"""Stop a training whose numbers are no longer finite."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmpose.registry import HOOKS
from torch import Tensor
from torch.nn import Parameter

from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import unwrapped

_NAMED = 4
"""How many of a batch's files the message names."""
_SCALED_LIMIT = 10
"""Steps without finite numbers in a row after which a training in float16 stops; its scaler skips each of them."""


@HOOKS.register_module()
class FiniteStepsHook(Hook):
    """Stops where a loss or the weights are not finite, and keeps the last weights that gave a finite loss.

    These are saved as ``iter_N.pth``. The message names the files of the batch to blame: those with values that are not
    finite in their inputs or targets, else all. Every loss is checked before its step; the weights, whose cause is the
    step before, where a loss is not finite and before they are validated or saved.
    """

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self._runner: Any = None
        self._batch: Any = None
        self._last_batch: Any = None
        self._kept: list[Tensor] = []
        self._kept_of: list[Tensor] = []
        self._kept_at: int | None = None
        self._skipped = 0
        self._parts: list[dict[str, Tensor | None]] = []

    def before_train(self, runner: Any) -> None:
        """Put the check before the optimizer's steps."""
        self._runner, self._kept_at, self._skipped = runner, None, 0
        self._parts = _parts(runner.model)
        outer = runner.optim_wrapper
        for wrapper in [outer] if isinstance(outer, OptimWrapper) else list(outer.optim_wrappers.values()):
            self._guard(wrapper)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Remember the batch, and the one before it."""
        self._last_batch, self._batch = self._batch, data_batch

    def before_val_epoch(self, runner: Any) -> None:
        """Check the weights after the last step."""
        self._require_finite_weights()

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Check the weights after the last step."""
        self._require_finite_weights()

    def after_train(self, runner: Any) -> None:
        """Free the copy of the weights."""
        self._runner, self._kept, self._kept_of, self._batch, self._last_batch = None, [], [], None, None
        self._parts = []

    def _guard(self, wrapper: Any) -> None:
        """Check the loss before ``update_params`` of a wrapper."""
        update, scaled = wrapper.update_params, hasattr(wrapper, "loss_scaler")

        def checked(loss: Tensor, *args: Any, **kwargs: Any) -> None:
            if torch.isfinite(loss).all():
                self._keep()
                self._skipped = 0
            elif not scaled or self._skip():
                broken = _not_finite(self._runner.model)
                if broken and self._last_batch is not None:  # by the step before
                    self._batch = self._last_batch
                self._stop(f"the loss is {loss.item():g}", broken)
            update(loss, *args, **kwargs)

        wrapper.update_params = checked

    def _require_finite_weights(self) -> None:
        broken = None if self._runner is None else _not_finite(self._runner.model)
        if broken:
            self._stop("the weights are not finite", broken)

    def _skip(self) -> bool:
        self._skipped += 1
        return self._skipped >= _SCALED_LIMIT

    @torch.no_grad()
    def _keep(self) -> None:
        """Copy the weights, with which the loss was finite."""
        now = _tensors(self._parts)
        if len(self._kept) != len(now):  # none yet, or others are trained since
            self._kept = [tensor.clone() for tensor in now]
        else:
            torch._foreach_copy_(self._kept, now)
        self._kept_of, self._kept_at = now, self._runner.iter

    @torch.no_grad()
    def _stop(self, what: str, broken: str | None) -> None:
        """Save the last good weights and raise."""
        runner = self._runner
        kept = "the first iteration: no weights are worth keeping"
        if self._kept_at is not None:
            for tensor, good in zip(self._kept_of, self._kept, strict=True):
                tensor.copy_(good)
            name = f"iter_{self._kept_at}.pth"
            meta = dict(epoch=runner.epoch, iter=self._kept_at)
            runner.save_checkpoint(runner.work_dir, name, meta=meta, by_epoch=False)
            kept = f"the last weights with a finite loss are in {Path(runner.work_dir) / name}"
        culprits, files = _faults(self._batch), _files(self._batch)
        if culprits:
            found, todo = "; ".join(culprits[:_NAMED]), "correct these annotations or images"
        else:
            named = ", ".join(files[:_NAMED]) + (
                f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
            )
            found = f"a batch of {named}" + (f", whose step made {broken} not finite" if broken else "")
            rates = max(group["lr"] for group in _groups(runner.optim_wrapper))
            todo = f"a lower learning rate ({rates:.3g} in this step), or optim_wrapper.clip_grad=dict(max_norm=1)"
        raise BadInputError(
            f"training stopped, {what}", where=f"iteration {runner.iter + 1}, epoch {runner.epoch + 1}",
            expected="finite numbers", found=found, todo=f"{todo}; {kept}",
        )  # fmt: skip


def _parts(model: Any) -> list[dict[str, Tensor | None]]:
    """Return where a model's modules hold their parameters and buffers.

    Looking for the modules takes twenty times as long as looking into them, which is done before every step.
    """
    modules = list(unwrapped(model).modules())
    return [held for module in modules for held in (module._parameters, module._buffers) if held]


def _tensors(parts: Sequence[Mapping[str, Tensor | None]]) -> list[Tensor]:
    """Return what training changes: trained parameters and buffers."""
    held = (tensor for part in parts for tensor in part.values() if tensor is not None)
    return [tensor.data for tensor in held if tensor.requires_grad or not isinstance(tensor, Parameter)]


def _not_finite(model: Any) -> str | None:
    """Return the name of the first parameter with a value that is not finite."""
    for name, value in unwrapped(model).named_parameters():
        if value.is_floating_point() and not torch.isfinite(value.detach()).all():
            return name
    return None


def _groups(outer: Any) -> list[dict]:
    wrappers = [outer] if isinstance(outer, OptimWrapper) else outer.optim_wrappers.values()
    return [group for wrapper in wrappers for group in wrapper.optimizer.param_groups]


def _files(batch: Any) -> list[str]:
    """Return the files of a batch, each once."""
    samples = batch.get("data_samples", []) if isinstance(batch, dict) else []
    return list(
        dict.fromkeys(str(s.metainfo.get("img_path", "?")) for s in samples if hasattr(s, "metainfo"))
    )


def _faults(batch: Any) -> list[str]:
    """Say which samples of a batch have inputs or targets that are not finite."""
    if not isinstance(batch, dict):
        return []
    found = []
    images = list(batch.get("inputs", []))
    for i, sample in enumerate(batch.get("data_samples", [])):
        named = {"image": images[i]} if i < len(images) else {}
        for part in ("gt_instances", "gt_instance_labels", "gt_fields"):
            named.update((getattr(sample, part, None) or _NOTHING).items())
        bad = [name for name, value in named.items() if _is_bad(value)]
        if bad:
            path = getattr(sample, "metainfo", {}).get("img_path", "?")
            found.append(f"{path} ({', '.join(bad)} not finite)")
    return found


_NOTHING: dict[str, Any] = {}


def _is_bad(value: Any) -> bool:
    try:
        tensor = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        return False
    return tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())
