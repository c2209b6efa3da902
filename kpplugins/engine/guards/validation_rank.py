"""Which of two validations is better, also where their scores tie."""

import math
import re
from collections.abc import Mapping

from mmengine.logging import MMLogger

NOTHING = 0.01
"""Scores below this (AP, AR, PCK, AUC) say nothing: one lucky instance of a val set is worth as much."""
DIGITS = 4
"""Scores that agree in so many digits, as they are logged, tie."""
ERRORS = ("missed", "EPE", "RMSE", "NME")
"""Measures that decide between ties, the first ones first; lower is better. Errors of found instances alone come after
the number of those that were missed."""
_FALLS = re.compile(rf"(^|[/_])({'|'.join(ERRORS)}|loss)$|loss", re.IGNORECASE)
_SHARE = re.compile(r"(^|[/_])(m?AP|m?AR|PCK|AUC|acc)", re.IGNORECASE)

Rank = tuple[float, ...]


def rank_of(metrics: Mapping[str, float], key: str, rule: str) -> Rank:
    """Rank a validation: by its score, and among equal scores by its errors.

    Scores of 0 and -1 (COCO's "no such instance") and other scores below ``NOTHING`` are equal, and NaN is the worst.

    Args:
        metrics: values of all metrics.
        key: the metric that counts.
        rule: ``greater`` or ``less``, as MMEngine's hooks have it.

    Returns:
        Numbers of which the greater is the better validation; equal ones tie.
    """
    score = float(metrics[key])
    if math.isnan(score):
        return (-math.inf,)
    if rule == "less":
        return (-score,)
    if not _SHARE.search(key):
        return (score, *_errors(metrics, key))
    return (0.0 if score < NOTHING else round(score, DIGITS), *_errors(metrics, key))


def rule_of(key: str, stated: str | None) -> str | None:
    """Return which values of a metric are better: its own rule where that is known, whatever a config states.

    A config that sets ``save_best`` to an error inherits the rule of the score that its base has there.

    Args:
        key: the metric.
        stated: ``greater`` or ``less``; ``None`` if the config does not say.

    Returns:
        ``less`` for errors and losses, ``greater`` for AP, AR, PCK and AUC, else what is stated.
    """
    known = "less" if _FALLS.search(key) else "greater" if _SHARE.search(key) else None
    if known and stated and known != stated:
        MMLogger.get_current_instance().warning(
            "rule %r does not fit %s, of which %s values are better: %r is used", stated, key,
            "lower" if known == "less" else "higher", known,
        )  # fmt: skip
    return known or stated


def tie_breaker(metrics: Mapping[str, float], key: str) -> str | None:
    """Choose the error by which equal scores are ranked.

    Args:
        metrics: values of all metrics.
        key: the metric that counts.

    Returns:
        Its name, one in pixels if there is one; ``None`` if no error is measured.
    """
    prefix = key.rpartition("/")[0]
    for name in ERRORS[1:]:
        for place in (f"{prefix}/{name}" if prefix else name, name):
            if place in metrics:
                return place
    return next((place for place in metrics if place.rpartition("/")[2] in ERRORS[1:]), None)


def _errors(metrics: Mapping[str, float], key: str) -> Rank:
    names = [name for name in ("missed", tie_breaker(metrics, key)) if name in metrics]
    values = [float(metrics[name]) for name in names if name is not None]
    return tuple(-math.inf if math.isnan(value) else -value for value in values)
