"""The result of one recipe of a comparison, whatever becomes of it."""

import logging
import traceback
from typing import Any

from kpplugins.apis.comparison.fresh_process import in_fresh_process
from kpplugins.apis.comparison.recipe import Recipe
from kpplugins.evaluation.intervals.per_image_table import PER_IMAGE
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text

logger = logging.getLogger(__name__)


def result_row(recipe: Recipe, again: bool = False) -> dict[str, Any]:
    """Train and test a recipe in a process of its own, or take the row of an earlier run with the same settings.

    Args:
        recipe: what is trained.
        again: train it even if it is finished.

    Returns:
        The row (see ``Recipe.run``); of a recipe that failed its ``name``, ``config`` and ``error``, in one line. The
        traceback is then in ``error.txt`` of its work dir.
    """
    try:
        fingerprint = recipe.fingerprint()
        kept = None if again else recipe.finished(fingerprint)
        if kept is not None:
            logger.info("%s is finished already (%s)", recipe.name, recipe.work_dir)
            known = kept.get("test") is None or (recipe.work_dir / PER_IMAGE).is_file()
            return kept if known else in_fresh_process(recipe.tested_again, kept)
        epochs = recipe.budget.epochs or in_fresh_process(recipe.epochs)
        logger.info("%s: %d epochs", recipe.name, epochs)
        return in_fresh_process(recipe.run, fingerprint, epochs)
    except Exception as error:  # whatever it is, train the other recipes
        recipe.work_dir.mkdir(parents=True, exist_ok=True)
        replace_text(recipe.work_dir / "error.txt", traceback.format_exc())
        words = " ".join(str(error).split())
        words = words if isinstance(error, BadInputError) else f"{type(error).__name__}: {words}"
        logger.warning("%s failed: %s", recipe.name, words)
        return {"name": recipe.name, "config": str(recipe.config), "error": words}
