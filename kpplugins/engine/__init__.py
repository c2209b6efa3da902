"""Parts of the training loop, registered in MMPose's registries.

The map: ``ProgressBarHook`` (bar with the time left, on a terminal), ``ValLossHook`` (the loss on validation data),
``TimeBudgetHook`` (ends training after a number of minutes), ``CalibrationHook`` (learns from each validation what
scores say about visibility), ``LastEpochsHook`` (other augmentation at the end), ``CpuAmpOptimWrapper`` (bfloat16 on
the CPU), ``CyclicLR`` and ``CyclicMomentum`` (schedulers), ``schedules`` (schedules that fit the training),
``averaging`` (weight averaging that does), ``FreezeHook`` (parts that are not trained), ``depth`` (learning rates by
depth, gradual unfreezing, features that are computed once), ``packed_collate`` (a batch moves from worker to trainer
in one piece), ``clocks`` (wall and CPU time), ``run_facts`` (what a run was made from), ``runner`` (``build_runner``:
MMEngine's Runner of a settled config), ``guards`` (what watches over a training), ``continuity`` (a training that is
stopped anywhere goes on as if it had not been), ``processes`` (several processes, and jobs that are started again).

Adding a new hook: one file with a subclass of MMEngine's ``Hook``, registered in ``HOOKS``, imported here.
"""

from kpplugins.engine.calibration_hook import CalibrationHook
from kpplugins.engine.continuity import ContinuityHook
from kpplugins.engine.cpu_amp_optim_wrapper import CpuAmpOptimWrapper
from kpplugins.engine.cyclic_lr import CyclicLR
from kpplugins.engine.cyclic_momentum import CyclicMomentum
from kpplugins.engine.depth import DepthOptimWrapperConstructor, FeatureCacheHook, UnfreezeHook
from kpplugins.engine.freeze_hook import FreezeHook
from kpplugins.engine.guards import (
    BestCheckpointHook,
    FiniteDivergenceHook,
    FiniteStepsHook,
    LearningWatchHook,
    LostSamplesHook,
    NoMatchHook,
    PatientStoppingHook,
    SingleValueNormHook,
    SteadyTimerHook,
)
from kpplugins.engine.last_epochs_hook import LastEpochsHook
from kpplugins.engine.packed_collate import packed_collate
from kpplugins.engine.progress_bar_hook import ProgressBarHook
from kpplugins.engine.time_budget_hook import TimeBudgetHook
from kpplugins.engine.val_loss_hook import ValLossHook

__all__ = [
    "BestCheckpointHook",
    "ContinuityHook",
    "CpuAmpOptimWrapper",
    "CyclicLR",
    "CyclicMomentum",
    "DepthOptimWrapperConstructor",
    "FeatureCacheHook",
    "FiniteDivergenceHook",
    "FiniteStepsHook",
    "FreezeHook",
    "LastEpochsHook",
    "LearningWatchHook",
    "LostSamplesHook",
    "NoMatchHook",
    "PatientStoppingHook",
    "ProgressBarHook",
    "SingleValueNormHook",
    "SteadyTimerHook",
    "TimeBudgetHook",
    "UnfreezeHook",
    "ValLossHook",
    "CalibrationHook",
    "packed_collate",
]
