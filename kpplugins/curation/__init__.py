"""Prepare and check data before training. Never imports torch.

- ``convert``        a source in any format to a folder in the inner format
- ``export``         labels or predictions back to an annotation tool
- ``check``          problems that would spoil training; its ``checks``, ``check_report`` and ``check_page``
- ``schema_report``  names, flip pairs and sigmas against the labelled keypoints
- ``split``, ``stats``, ``browse``
- ``crop``           every labelled instance as its own image

Adding a new look at data: a module with one function that takes an ``AnnotationSet``, and a subcommand of
``kpplugins dataset``.
"""
