"""From records back to annotation tools. Imports ``converters`` and what lies below; never torch.

The map: ``export`` is the way in; ``content`` is what is written, ``predicted`` makes it from predictions that
``demo_json`` or ``coco_results`` read; ``limits`` says what a tool cannot hold; ``folder`` puts pictures into the new
folder. One module a tool: ``coco``, ``labelme``, ``cvat`` (its labels in ``cvat_labels``), ``yolo_pose``,
``label_studio``.

Adding a new tool: a module with ``write_NAME``, and a line in ``export``.
"""
