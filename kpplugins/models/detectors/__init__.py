"""Detectors: models that give boxes and keypoints of a whole image at once."""
