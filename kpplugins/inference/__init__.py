"""Models ready for images.

- ``predictor``      whichever kind of model a config describes
- ``top_down_predictor``, ``one_stage_predictor``, ``box_detector``, ``two_stage_predictor``   the kinds
- ``trained_model``  what all of them stand on

Adding a new kind of model: a module with a class that is called with an image, and a line in ``predictor``.
"""
