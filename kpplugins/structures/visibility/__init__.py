"""What the scores of a run say about visibility: ``VisibilityCalibration``, of ``KeypointCurves``, of ``ScoreCurve``.

NumPy only, as exported models use it too. Adding a new answer: a field of ``VisibilityCalibration`` with its curves.
"""
