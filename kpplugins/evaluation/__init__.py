"""Metrics.

The map: ``functional`` (pure functions on arrays: distances, PCK, NME, OKS), ``coco_ap`` (the ten COCO numbers from
lists of annotations and predictions), ``evaluation_result`` (everything one test run found), ``metrics`` (thin MMEngine
metrics over them).

Adding a new metric: the maths as a function of arrays in ``functional``, with a test whose numbers are derived by
hand; then a line in ``EvaluationResult.summary``.
"""

from kpplugins.evaluation.evaluation_result import EvaluationResult
from kpplugins.evaluation.metrics.keypoint_metric import KeypointMetric

__all__ = ["EvaluationResult", "KeypointMetric"]
