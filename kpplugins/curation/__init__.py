"""Looking after data before anything is trained on them. Never torch.

The map, one file a look, each on what ``converters.open_source`` brings: ``schema_report``, ``check`` (its findings in
``checks``, its page in ``check_page``), ``split``, ``stats``, ``browse``, and ``crop`` (every labelled instance as a
picture of its own).

Adding a new look at data: a module with one function that takes a ``Reading``, and a command of ``tools/dataset.py``.
"""
