"""Data preprocessors: from a batch of the loader to the input of the model."""
