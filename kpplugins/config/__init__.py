"""Loading a config, and settling what follows from something else.

- ``load``    ``load_config``
- ``source``  who set what: the files of a config, parsed once
- ``parts``   where datasets, pipelines and codecs are in a config
- ``rules``   one object for each special name
- ``fit``     what the model takes from the data

Adding a new special name: a rule in ``rules``.
"""
