"""How far off keypoints may be; ``uncertainty_calibration`` learns it from a validation.

Adding a source of uncertainty besides the score: an argument of ``UncertaintyCalibration.fit``, and its place in it.
"""
