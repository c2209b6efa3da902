"""Parts of ``apis.compare``: the ``budget``, one ``recipe``, its ``result_row`` and its ``cost``.

``fresh_process`` keeps trainings apart.
"""
