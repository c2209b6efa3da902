"""Loading a config, and settling the values that follow from others.

- ``load``       ``load_config``
- ``source``     which file set which value: the files of a config, each read once
- ``parts``      where datasets, pipelines and codecs are in a config
- ``values``     reading and comparing values
- ``names``      checks for misspelt names and names without effect
- ``rules``      one object for each special name
- ``fit``        what the model takes from the data
- ``fit_parts``  parts of MMPose's models that depend on the keypoint set

Adding a new special name: a rule in ``rules``.
"""
