"""Models inside annotation tools: what they find is there when somebody opens an image, to be corrected.

- ``found_instances``        what a model finds, as annotation tools are told it
- ``cvat_function``          CVAT's auto-annotation function, for ``cvat-cli … auto-annotate --function-module``
- ``label_studio_backend``   Label Studio's ML-backend contract: requests as dicts
- ``task_images``            the images that requests name, where they may come from; ``tool_key`` fetches them
- ``backend_server``         the same over HTTP; ``serve`` for ``kpplugins serve``

Adding a new tool: a module that turns what ``found_instances`` returns into what the tool takes.
"""
