"""Images, plots and tables.

The map: ``draw`` (keypoints and skeleton on an image), ``grid`` (tiles side by side), ``sheet`` (the best and worst
instances of a test), ``curves`` (loss and metrics of a run), ``comparison`` (PCK, loss and metric of several recipes),
``table`` (Markdown tables), ``TrackioVisBackend`` and ``CurrentMLflowVisBackend`` (logs with trackio and MLflow).

Adding a new plot: a function that takes arrays or a result object and a path, and draws with Matplotlib's Agg canvas.
"""
