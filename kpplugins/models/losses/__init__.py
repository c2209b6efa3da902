"""Losses that neither MMPose nor MMDetection has. One class a file."""
