"""Trained models, ready to predict on images.

- ``predictor``      ``Predictor``, for any kind of model
- ``top_down_predictor``, ``one_stage_predictor``, ``two_stage_predictor``   the kinds of model that it chooses from
- ``box_detector``   boxes alone, for a top-down model to predict in
- ``trained_model``  a checkpoint opened and its model built, which all of these use
- ``device``         where it runs

Adding a new kind of model: a module with a class that can be called with an image and that ``follow``s a video, and a
branch in ``predictor``.
"""
