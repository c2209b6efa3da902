"""Read files that others wrote, without trusting them.

Every fault is a BadInputError of one line; ``where`` is the file and, after a space, the place in it.

- ``text``         text, and the files of a source
- ``documents``    JSON, XML and YAML
- ``values``       the values in them: objects, lists, numbers, names, sizes
- ``image_files``  the images that an annotation names, kept below its folder; every reader measures them here
- ``image_folder`` the same where names and files differ
- ``image_sizes``  whether an image is what its annotation was made on
- ``stems``        images by their names without ending
- ``skeletons``    lines between keypoints

Adding a new kind of value: an ``as_KIND(value, what, where)`` in ``values``.
"""
