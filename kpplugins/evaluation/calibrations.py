"""What a run learns from a split that is not trained on."""

from kpplugins.evaluation.evaluation_result import EvaluationResult
from kpplugins.evaluation.uncertainty import uncertainty_of
from kpplugins.evaluation.visibility import calibrated
from kpplugins.structures import UncertaintyCalibration, VisibilityCalibration


def calibrations_of(
    result: EvaluationResult,
) -> dict[str, VisibilityCalibration | UncertaintyCalibration | str]:
    """Learn all that a run's record keeps.

    Args:
        result: of a split that is not trained on.

    Returns:
        The calibrations by name, or for each the reason in words why there is none.
    """
    return {"visibility": calibrated(result), "uncertainty": uncertainty_of(result)}
