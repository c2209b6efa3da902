"""Kinds of model, by what they find."""

BOXES = "boxes"
"""Boxes in images: a detector."""
ONE_STAGE = "boxes and keypoints"
"""Boxes and keypoints in images."""
TOP_DOWN = "keypoints in boxes"
"""Keypoints in given boxes."""
