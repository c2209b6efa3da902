"""Train, test and predict as functions; what ``kpplugins.commands`` calls.

The map: ``config`` (load a config and settle what depends on the dataset), ``config_names`` (unknown keys),
``checkpoints`` (find the run and the checkpoint that is meant; load it strictly), ``train``, ``test``, ``demo``
(images, folders, videos, webcam), ``compare`` (several recipes in one table), ``submission`` (Kaggle's file),
``export`` (a run as ONNX), ``convert_weights`` (weights that others trained), ``doctor``, ``bench``; ``config_*`` carry
a name at the top of a config to its places. Models ready for images: ``make_predictor`` (whichever kind a config is
of), ``predictor`` (top-down), ``one_stage_predictor`` (boxes and points at once), ``box_detector`` (boxes alone),
``two_stage_predictor`` (a detector and a top-down model); all stand on ``trained_model``.

Nothing is imported here, so that a command line starts fast: ``from kpplugins.apis.train import train``.

Adding a new command: a function here that takes plain values and raises BadInputError, and a thin file in ``commands``.
"""
