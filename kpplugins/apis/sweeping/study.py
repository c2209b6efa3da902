"""The trials of a sweep, remembered by Optuna in one SQLite file."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kpplugins.apis.sweeping.parameter import Parameter
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
STORAGE = "sweep.db"
_MADE_FROM, _NUMBER, _ROW = "made_from", "number", "row"
"""What is kept beside Optuna's own: of a study what it was made from; of a trial its number and its result."""


class Study:
    """The trials of a sweep, in the order in which they were begun; a kill loses the one that was running.

    Every trial's suggestion depends on the seed, its number and the finished trials alone, so that a sweep that was
    stopped goes on as if it had not been. A trial that was running is begun again with its values.

    Args:
        out: the folder, which exists.
        space: what is varied.
        made_from: names what the study was made from; one that exists must be the same.
        seed: of the suggestions.
        falls: lower results are better.

    Raises:
        BadInputError: the folder holds a sweep that was made from something else.
    """

    def __init__(
        self, out: Path, space: Sequence[Parameter], made_from: dict[str, Any], seed: int, falls: bool
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._space, self._seed = optuna, list(space), seed
        self._study = optuna.create_study(
            storage=f"sqlite:///{(out / STORAGE).resolve().as_posix()}",
            study_name="sweep",
            direction="minimize" if falls else "maximize",
            load_if_exists=True,
        )
        text = json.dumps(made_from, sort_keys=True, default=str)
        before = self._study.user_attrs.get(_MADE_FROM)
        if before is not None and before != text:
            old = json.loads(before)
            other = [name for name, value in json.loads(text).items() if old.get(name) != value]
            raise BadInputError(
                "another sweep is in this folder", where=str(out), found=f"other {', '.join(other)}",
                todo="give another folder, or the same settings to go on with it",
            )  # fmt: skip
        self._study.set_user_attr(_MADE_FROM, text)
        self._begin_again()

    def _begin_again(self) -> None:
        """Queue the values of trials that were running when a process was killed."""
        running = self._optuna.trial.TrialState.RUNNING
        for trial in self._study.get_trials(deepcopy=False, states=(running,)):
            self._study.tell(trial.number, state=self._optuna.trial.TrialState.FAIL)
            if len(trial.params) == len(self._space):
                logger.info("trial %s was stopped: it is begun again", trial.user_attrs.get(_NUMBER, "?"))
                self._study.enqueue_trial(trial.params)

    def rows(self) -> list[dict[str, Any]]:
        """Return the results of the finished trials, those that failed included, in their order."""
        trials = self._study.get_trials(deepcopy=False)
        return [json.loads(t.user_attrs[_ROW]) for t in trials if _ROW in t.user_attrs]

    def ask(self, number: int) -> tuple[Any, dict[str, Any]]:
        """Begin a trial.

        Args:
            number: how many are finished.

        Returns:
            The trial, for ``tell``, and the values of the settings by name.
        """
        self._study.sampler = self._optuna.samplers.TPESampler(seed=self._seed + number)
        trial = self._study.ask()
        trial.set_user_attr(_NUMBER, number)
        return trial, {parameter.name: parameter.suggested(trial) for parameter in self._space}

    def tell(self, trial: Any, row: dict[str, Any]) -> None:
        """End a trial.

        Args:
            trial: from ``ask``.
            row: its result: ``value``, ``None`` if it failed, and whatever else is to be kept.
        """
        trial.set_user_attr(_ROW, json.dumps(row, default=str))
        if row["value"] is None:
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, row["value"])
