"""A training that is stopped anywhere goes on as if it had not been.

The map: ``seeded_batches`` (randomness that depends only on seed, epoch and sample), ``epoch_loop`` and
``iteration_loop`` (MMEngine's loops with it, which can start anywhere), ``pending`` (a validation that was cut off),
``state`` (what a checkpoint needs for it), ``stop_signals`` and ``continuity_hook`` (save and end when told to),
``work_dir_lock`` (one training in a folder).
How files are written is in ``structures.replaced_file``.

Adding a state that a training carries from one iteration to the next: put it into MMEngine's message hub, which is in
every checkpoint, or make it a function of the iteration; then let ``benchmarks/chaos.py`` kill a training that uses it.
"""

from kpplugins.engine.continuity.continuity_hook import ContinuityHook

__all__ = ["ContinuityHook"]
