"""What ``apis.compare`` is made of: the ``budget``, one ``recipe``, its ``cost``."""
