"""Metrics.

The map:

=====================  ====================================================================================
module                 what it is
=====================  ====================================================================================
``functional``         pure functions on arrays: distances, PCK, NME, OKS
``coco_ap``            the ten COCO numbers from lists of annotations and predictions; names and lines of COCO's numbers
``visibility``         which true states are known, calibration of visibility, and how well it is predicted
``scene``              ``Scene``: one image's truth and predictions as arrays, checked
``coco_detection``     COCO's numbers of boxes and keypoints over scenes
``evaluation_result``  ``EvaluationResult``: all results of a test run, one prediction per truth (top-down)
``detection_result``   ``DetectionResult``: the same for models that find boxes and keypoints in whole images
``intervals``          how sure the numbers are: resampled images, and the numbers of any weights of images
``metrics``            thin MMEngine metrics over them: ``KeypointMetric`` (top-down), ``BoxKeypointMetric``
                       (one-stage), ``BoxMetric`` (detectors)
=====================  ====================================================================================

Adding a new metric: the maths as a function of arrays in ``functional``, with a test whose numbers are derived by
hand; then a line in ``EvaluationResult.summary``, from which ``DetectionResult`` has it too.
"""

from kpplugins.evaluation.detection_result import DetectionResult
from kpplugins.evaluation.evaluation_result import EvaluationResult
from kpplugins.evaluation.metrics.box_keypoint_metric import BoxKeypointMetric
from kpplugins.evaluation.metrics.box_metric import BoxMetric
from kpplugins.evaluation.metrics.keypoint_metric import KeypointMetric

__all__ = ["BoxKeypointMetric", "BoxMetric", "DetectionResult", "EvaluationResult", "KeypointMetric"]
