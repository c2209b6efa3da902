"""Detectors: models that predict boxes and keypoints of a whole image at once."""
