"""Data preprocessors: they turn a batch of the loader into the input of a model."""
