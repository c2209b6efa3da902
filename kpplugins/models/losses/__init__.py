"""Losses that neither MMPose nor MMDetection has, one class per file."""
