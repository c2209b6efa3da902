"""TFRecords of the TF Object Detection API: ``reader``, the ``examples`` in a file, and the ``label_map``."""
