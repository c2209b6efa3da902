"""Files that others wrote, read without trust.

Everything that is wrong is a BadInputError of one line; ``where`` is the file, and the place in it after a blank.

- ``text``         text, and the files of a source
- ``documents``    JSON, XML and YAML
- ``values``       the values in them: objects, lists, numbers, names, sizes
- ``image_files``  the images that an annotation names, kept below its folder

Adding a new kind of value: an ``as_KIND(value, what, where)`` in ``values``.
"""
