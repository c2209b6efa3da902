"""Detectors: models that give boxes and keypoints of a whole picture at once."""
