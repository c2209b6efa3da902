"""Looking after data before anything is trained on them. Never torch.

The map: one file a look; each takes what ``converters.open_source`` brings.

Adding a new look at data: a module with one function that takes a ``Reading``, and a command of ``tools/dataset.py``.
"""
