"""What watches over a training: nothing goes on after it has failed, and no checkpoint is best by chance.

The map: ``BestCheckpointHook`` and ``PatientStoppingHook`` stand in for MMEngine's ``CheckpointHook`` and
``EarlyStoppingHook`` and differ from them only where scores tie (``validation_rank``); ``FiniteStepsHook`` stops at a
loss or gradient that is not finite; ``LearningWatchHook`` says what looks wrong; ``LostSamplesHook`` says which images
cannot be read any more; ``SingleValueNormHook`` lets batch normalisation take a single value per channel,
``NoMatchHook`` RTMO's head a batch without any match, ``FiniteDivergenceHook`` DSNT's loss keypoints without labels;
``SteadyTimerHook`` measures the time left by a clock that nobody sets. ``guarded`` puts them into a Runner's hooks;
``require_batches`` checks the loaders, and ``torch_errors`` turns what PyTorch says of the data and the machine into
one line.

Adding a new guard: one file with a subclass of MMEngine's ``Hook``, registered in ``HOOKS``; its name in ``guarded``.
"""

from kpplugins.engine.guards.best_checkpoint_hook import BestCheckpointHook
from kpplugins.engine.guards.finite_divergence_hook import FiniteDivergenceHook
from kpplugins.engine.guards.finite_steps_hook import FiniteStepsHook
from kpplugins.engine.guards.learning_watch_hook import LearningWatchHook
from kpplugins.engine.guards.lost_samples_hook import LostSamplesHook
from kpplugins.engine.guards.no_match_hook import NoMatchHook
from kpplugins.engine.guards.patient_stopping_hook import PatientStoppingHook
from kpplugins.engine.guards.single_value_norm_hook import SingleValueNormHook
from kpplugins.engine.guards.steady_timer_hook import SteadyTimerHook

__all__ = [
    "BestCheckpointHook",
    "FiniteDivergenceHook",
    "FiniteStepsHook",
    "LearningWatchHook",
    "LostSamplesHook",
    "NoMatchHook",
    "PatientStoppingHook",
    "SingleValueNormHook",
    "SteadyTimerHook",
]
