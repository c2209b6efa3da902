"""Looking after data before anything is trained on them. Never torch.

- ``convert``        a source in any format to a folder in the inner format
- ``export``         back to an annotation tool, labels or predictions
- ``check``          what would ruin a training; its findings in ``checks``, its page in ``check_page``
- ``schema_report``  names, flip pairs and sigmas against the labelled keypoints
- ``split``, ``stats``, ``browse``
- ``crop``           every labelled instance as an image of its own

Adding a new look at data: a module with one function that takes an ``AnnotationSet``, and a command of
``kpplugins dataset``.
"""
