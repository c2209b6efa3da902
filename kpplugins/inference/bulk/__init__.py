"""Predictions for millions of images, one JSON line each. Imports neither torch nor Ray nor fsspec until they are used.

- ``image_names``    the images among files, folders, patterns, addresses and lists, one by one
- ``sorted_names``   names in order, whatever their number
- ``name_set``       a set of names at 16 bytes a name
- ``addresses``      images that are not files, by fsspec
- ``shard``          one of several parts of the work
- ``results_file``   the JSON lines: resumed, locked, never half a line
- ``outcome``        what became of one image
- ``progress``       how far it is, and the time left
- ``model_choice``   the model that was asked for, and how it is told from another
- ``image_worker``   names in, lines out, in one process
- ``ray_pool``       the same on a Ray cluster
- ``merging``        the files of all shards as one

Adding a new place to run on: a function that turns names into ``Outcome``s in their order, as ``ray_pool`` does.
"""
