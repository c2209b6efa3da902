"""Schedules that fit the training: its length, its parameter groups, and where a resumed one stands.

- ``fitting``     ``fitted``: the schedulers of a config as this training needs them, from the three below
- ``iterations``  lengths in iterations, stretched to the length of training
- ``groups``      rates in absolute numbers, in proportion to the rate of each parameter group
- ``one_cycle``   a ``OneCycleLR`` of very few steps
- ``resuming``    the schedule and the optimizer's settings of a resumed run; runs that are over
"""

from kpplugins.engine.schedules.fitting import fitted
from kpplugins.engine.schedules.resuming import Start, finished_at, require_resumable

__all__ = ["Start", "finished_at", "fitted", "require_resumable"]
