"""Parts of ``apis.compare``: the ``budget``, one ``recipe`` and its ``cost``."""
