"""Runs in PyTorch.

- ``trained_model``      a checkpoint opened and its model built, which the others use
- ``trained_top_down``, ``trained_one_stage``   models of keypoints, as a ``PoseModel``
- ``trained_detector``   a model of boxes, as a ``BoxModel``
- ``device``             where a model runs

Adding a new kind of model: a class that is a ``PoseModel``, and a branch in ``inference.opening``.
"""
