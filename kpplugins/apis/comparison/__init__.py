"""Parts of ``apis.compare``: the ``budget``, one ``recipe``, its ``result_row`` and its ``cost``.

``evidence`` tells what is left of the differences when test images and seeds are taken as samples;
``behind_detector`` tests a recipe in boxes that a detector finds; ``fresh_process`` keeps trainings apart.
"""
