"""Models ready for images.

- ``predictor``      ``Predictor``, for a model of any kind
- ``top_down_predictor``, ``one_stage_predictor``, ``two_stage_predictor``   the kinds that it chooses among
- ``box_detector``   boxes alone, for a top-down model to look into
- ``trained_model``  what all of them stand on: a checkpoint, opened and built

Adding a new kind of model: a module with a class that is called with an image and ``follow``s a video, and a branch in
``predictor``.
"""
