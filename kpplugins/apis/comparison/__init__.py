"""Parts of ``apis.compare``: the ``budget``, one ``recipe``, its ``result_row`` and its ``cost``.

``behind_detector`` tests a recipe in boxes that a detector finds; ``fresh_process`` keeps trainings apart.
"""
