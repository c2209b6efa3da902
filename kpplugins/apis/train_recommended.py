"""Train on a data set with the recipe that is recommended for it, within the minutes."""

import json
import logging
import re
from pathlib import Path

from kpplugins.apis.recommend import recommend_untimed, time_a_few_steps, with_schedule
from kpplugins.apis.recommending.recommendation import Recommendation
from kpplugins.apis.train import train
from kpplugins.engine.clocks import CLOCKS
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path
from kpplugins.structures.replaced_file import replace_text

logger = logging.getLogger(__name__)
FOLDER = "recommendation"
"""Folder in the work dir with the short config and the reasons."""


def train_recommended(
    data: str | Path,
    *,
    minutes: float = 20.0,
    clock: str = "wall",
    boxes: bool = False,
    work_dir: str | Path | None = None,
    skip_bad: bool = False,
) -> tuple[Recommendation, Path]:
    """Choose a recipe and train it; looking at the data, timing, training and validation together take the minutes.

    The config is written to ``recommendation/auto_NAME.py`` in the work dir, the reasons beside it as JSON.

    Args:
        data: a folder that a dataset class reads.
        minutes: for everything.
        clock: ``wall``, or ``cpu`` for minutes of one processor core.
        boxes: boxes will be given when predicting.
        work_dir: of the run. Default: ``work_dirs/auto_NAME``, after the data folder.
        skip_bad: skip bad files.

    Returns:
        The recommendation, and its config; the work dir is two folders up.

    Raises:
        BadInputError: see ``recommend`` and ``train``; or the minutes are over before the training begins.
    """
    now = CLOCKS.get(clock, CLOCKS["wall"])
    begun = now()
    name = "auto_" + (re.sub(r"\W+", "_", as_path(data).resolve().stem).strip("_") or "data")
    folder = Path(work_dir or Path("work_dirs") / name)
    untimed = recommend_untimed(data, minutes=minutes, clock=clock, boxes=boxes, skip_bad=skip_bad)
    pace = time_a_few_steps(untimed, skip_bad)
    # the start of the training and its last validation are outside the hook's clock
    left = round(minutes - (now() - begun + pace.start + pace.validation) / 60, 3)
    if left * 60 < pace.epoch / max(pace.iterations, 1):
        raise BadInputError(
            "the minutes are over before the training begins", where="--minutes", found=f"{minutes:g}",
            expected=f"more than {minutes - left:.1f}",
        )  # fmt: skip
    found = with_schedule(untimed, pace, left)
    config = folder / FOLDER / f"{name}.py"
    config.parent.mkdir(parents=True, exist_ok=True)
    replace_text(config, found.config)
    replace_text(
        config.with_suffix(".json"), json.dumps(found.to_json(), indent=1, ensure_ascii=False) + "\n"
    )
    logger.info("%s", found.text)
    scratch = not found.choice.recipe.pretrained
    train(config, work_dir=folder, skip_bad=skip_bad, from_scratch=scratch)
    return found, config
