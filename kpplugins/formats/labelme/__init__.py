"""LabelMe: ``reader`` and ``writer``."""
