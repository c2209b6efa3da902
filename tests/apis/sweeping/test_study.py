"""Trials are remembered, and suggested as if nothing had happened."""

from pathlib import Path
from typing import Any

import pytest

from kpplugins.apis.sweeping.parameter import parse_space
from kpplugins.apis.sweeping.study import Study
from kpplugins.structures import BadInputError

pytest.importorskip("optuna", reason="the extra 'sweep' is not installed")
SPACE = parse_space(["lr=log:1e-4:1e-2", "kind=one:a|b"])


def opened(folder: Path, **changes: Any) -> Study:
    settings: dict[str, Any] = {"made_from": {"data": "x", "seed": 0}, "seed": 0, "falls": True}
    return Study(folder, SPACE, **settings | changes)


def told(study: Study, until: int) -> list[dict[str, Any]]:
    """Finish trials whose value is the distance of the rate from 1e-3; every fifth fails."""
    while len(study.rows()) < until:
        number = len(study.rows())
        trial, values = study.ask(number)
        value = None if number % 5 == 4 else abs(values["lr"] - 1e-3)
        study.tell(trial, {"number": number, "values": values, "value": value})
    return study.rows()


def test_a_sweep_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = told(opened(tmp_path / "whole"), 16)
    assert [row["number"] for row in whole] == list(range(16)) and whole[4]["value"] is None
    told(opened(tmp_path / "parts"), 7)
    killed = opened(tmp_path / "parts")
    _, values = killed.ask(7)  # and it is never told
    again = opened(tmp_path / "parts")
    assert len(again.rows()) == 7
    assert told(again, 8)[7]["values"] == values
    rows = told(opened(tmp_path / "parts"), 16)
    assert [row["values"] for row in rows] == [row["values"] for row in whole]


def test_another_sweep_in_the_folder_is_refused(tmp_path: Path):
    told(opened(tmp_path), 1)
    with pytest.raises(BadInputError, match=r"another sweep is in this folder; found other seed; to do"):
        opened(tmp_path, made_from={"data": "x", "seed": 1})
