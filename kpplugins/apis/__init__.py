"""Train, test and predict as functions; what ``kpplugins.commands`` calls.

The map: ``train``, ``test``, ``demo`` (images, folders, videos, webcam), ``web`` (the same as a page), ``annotation``
(models inside annotation tools), ``predict`` (any number of images into JSON lines), ``compare`` (several recipes in
one table), ``learning_curve`` (what more labels bring), ``recommend`` (one recipe from the data and the machine),
``train_recommended`` (and its training), ``sweep`` (variants of a config), ``statistics`` (how sure a test is),
``submission`` (Kaggle's file), ``export`` (a run as a folder without PyTorch), ``convert_weights`` (weights that
others published), ``benchmarking`` (speed), ``doctor`` (checks the installation). To predict from Python, see
``kpplugins.inference``.

Nothing is imported here, so that command lines start fast: ``from kpplugins.apis.train import train``.

Adding a new command: a function here that takes plain values and raises BadInputError, and a thin file in ``commands``.
"""
