"""Label Studio: ``reader`` and ``writer``."""
