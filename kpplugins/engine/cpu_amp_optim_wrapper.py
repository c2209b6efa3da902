"""Automatic mixed precision without an accelerator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmpose.registry import OPTIM_WRAPPERS

from kpplugins.compat.bfloat16 import take_bfloat16


@OPTIM_WRAPPERS.register_module()
class CpuAmpOptimWrapper(OptimWrapper):
    """Runs the forward pass under ``torch.autocast`` in bfloat16 on the CPU.

    MMEngine's ``AmpOptimWrapper`` refuses to be built without an accelerator. bfloat16 has float32's range, so no
    loss scaling is needed. It is faster only on processors with bfloat16 instructions.

    Args:
        **kwargs: see MMEngine's ``OptimWrapper``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        take_bfloat16()

    @contextmanager
    def optim_context(self, model: torch.nn.Module) -> Iterator[Any]:
        """Open the context of one forward pass."""
        with super().optim_context(model), torch.autocast("cpu", dtype=torch.bfloat16):
            yield
