"""Features of a frozen backbone, computed once."""

import logging
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop
from mmpose.registry import HOOKS
from torch import Tensor

from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import unwrapped

logger = logging.getLogger(__name__)
Sample = tuple[list[Tensor], Any]
"""Features of every level, (C, H, W) in half precision, and the sample that belongs to them."""


@HOOKS.register_module()
class FeatureCacheHook(Hook):
    """Passes the training images through a frozen backbone before the training, which then trains the head alone.

    Every image is augmented and passed a number of times; in each epoch one of these views is chosen at random. What
    stands behind the backbone, neck and head, is trained as without the cache. Validation, test and checkpoints are
    those of the whole model.

    Args:
        views: number of augmented versions of every image, ≥ 1.
        max_gb: memory that the features may take.

    Raises:
        BadInputError: ``views`` is not a whole number ≥ 1.
    """

    priority = "VERY_LOW"  # after the hooks that freeze, and that limit the time

    def __init__(self, views: int = 1, max_gb: float = 4.0) -> None:
        if isinstance(views, bool) or not isinstance(views, int) or views < 1:
            raise BadInputError(
                "not a number of views", where="FeatureCacheHook", expected="≥ 1", found=repr(views)
            )
        self.views, self.max_bytes = views, max_gb * 1e9
        self._replaced: Any = None

    def before_train(self, runner: Any) -> None:
        """Compute the features, and let the training run on them.

        Raises:
            BadInputError: the backbone is trained, there are several processes, the training does not run by epochs, or
                the features need too much memory.
        """
        model, loop = unwrapped(runner.model), runner.train_loop
        trained = [name for name, p in model.backbone.named_parameters() if p.requires_grad]
        if trained:
            raise BadInputError(
                "feature_cache needs a frozen backbone", where="feature_cache",
                found=f"backbone.{trained[0]} is trained", todo='freeze = ["backbone"]',
            )  # fmt: skip
        if get_world_size() > 1 or not isinstance(loop, EpochBasedTrainLoop):
            raise BadInputError(
                "feature_cache works in one process, by epochs", where="feature_cache", todo="leave it out"
            )
        start = time.monotonic()
        samples = [self._view(model, loop.dataloader) for _ in range(self.views)]
        words = "features of %d samples, %d views each, in %.1f s and %.2f GB of memory: the rest is trained on them"
        logger.info(
            words,
            len(samples[0]),
            self.views,
            time.monotonic() - start,
            self.views * _bytes_of(samples[0]) / 1e9,
        )
        holder = loop.dataloader if hasattr(loop.dataloader, "loader") else loop
        name = "loader" if holder is not loop else "dataloader"
        self._replaced = (holder, name, getattr(holder, name))
        setattr(holder, name, _FeatureBatches(samples, getattr(holder, name), runner))
        model.train_step = partial(_train_step, model)

    def after_train(self, runner: Any) -> None:
        """Give the loop its own loader back."""
        if self._replaced is not None:
            setattr(*self._replaced)
            del unwrapped(runner.model).train_step
            self._replaced = None

    @torch.no_grad()
    def _view(self, model: Any, loader: Any) -> list[Sample]:
        """Return features and samples of one pass over the data."""
        model.backbone.eval()
        found: list[Sample] = []
        for batch in loader:
            data = model.data_preprocessor(batch, True)
            levels = model.backbone(data["inputs"])
            levels = [levels] if isinstance(levels, Tensor) else list(levels)
            kept = [level.detach().half().cpu() for level in levels]
            found += [([level[i] for level in kept], sample) for i, sample in enumerate(data["data_samples"])]
            expected = _bytes_of(found[:1]) * len(loader.dataset) * self.views
            if expected > self.max_bytes:
                raise BadInputError(
                    "the features need too much memory", where="feature_cache", found=f"{expected / 1e9:.1f} GB",
                    expected=f"at most {self.max_bytes / 1e9:g} GB", todo="fewer views, a smaller input_size, or none",
                )  # fmt: skip
        return found


class _FeatureBatches:
    """Batches of features in place of images; everything else is the loader's.

    Order and views depend on the seed and the epoch alone, so a resumed training goes on as it would have.
    """

    def __init__(self, samples: list[list[Sample]], loader: Any, runner: Any) -> None:
        self._samples, self._loader, self._runner = samples, loader, runner

    def __iter__(self) -> Iterator[dict[str, Any]]:
        runner, number, size = self._runner, len(self._samples[0]), self._loader.batch_size
        generator = torch.Generator().manual_seed((runner.seed or 0) + 100_003 * runner.epoch)
        order = torch.randperm(number, generator=generator).tolist()
        views = torch.randint(len(self._samples), (number,), generator=generator).tolist()
        done = max(runner.iter - runner.epoch * len(self), 0)
        device = next(unwrapped(runner.model).parameters()).device
        for k in range(done, len(self)):
            chosen = [self._samples[views[i]][i] for i in order[k * size : (k + 1) * size]]
            levels = zip(*(levels for levels, _ in chosen), strict=True)
            yield dict(
                inputs=[torch.stack(level).to(device).float() for level in levels],
                data_samples=[sample for _, sample in chosen],
            )

    def __len__(self) -> int:
        return len(self._loader)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def _train_step(model: Any, data: dict[str, Any], optim_wrapper: Any) -> dict[str, Tensor]:
    """Train what stands behind the backbone on its features, as MMPose's estimators do on images."""
    with optim_wrapper.optim_context(model):
        features = tuple(data["inputs"])
        if getattr(model, "neck", None) is not None:
            features = model.neck(features)
        losses = model.head.loss(features, data["data_samples"], train_cfg=model.train_cfg)
    total, logged = model.parse_losses(losses)
    optim_wrapper.update_params(total)
    return logged


def _bytes_of(samples: list[Sample]) -> int:
    return sum(level.numel() * level.element_size() for levels, _ in samples for level in levels)
