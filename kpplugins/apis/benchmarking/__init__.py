"""Measurements of speed, each against a reference in the same run.

- ``benchmark_report``   the figures, as Markdown and JSON
- ``stages``             where the time of a prediction goes
- ``predict_speed``      a predictor against its bare network, and against MMPose
- ``train_speed``        training against the same model in a bare loop
- ``data_speed``         the training data by number of workers, against the bare dataset
- ``eval_speed``         the AP against pycocotools

Adding a new measurement: a function that returns a ``BenchmarkReport``, and a word in ``commands.benchmark``.
"""
