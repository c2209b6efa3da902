"""DeepLabCut projects: ``reader``, and its tables as CSV and HDF5."""
