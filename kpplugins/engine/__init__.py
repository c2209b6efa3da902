"""Parts of the training loop, registered in MMPose's registries.

The map: ``ProgressBarHook`` (bar with the time left, on a terminal), ``CpuAmpOptimWrapper`` (bfloat16 on the CPU),
``packed_collate`` (a batch crosses from worker to trainer in one piece).

Adding a new hook: one class a file over MMEngine's ``Hook``, registered in ``HOOKS``, imported here.
"""

from kpplugins.engine.cpu_amp_optim_wrapper import CpuAmpOptimWrapper
from kpplugins.engine.packed_collate import packed_collate
from kpplugins.engine.progress_bar_hook import ProgressBarHook

__all__ = ["CpuAmpOptimWrapper", "ProgressBarHook", "packed_collate"]
