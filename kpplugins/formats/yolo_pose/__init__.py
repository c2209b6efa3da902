"""Ultralytics YOLO pose: ``reader`` and ``writer``."""
