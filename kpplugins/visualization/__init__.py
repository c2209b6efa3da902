"""Images, plots and tables.

The map: ``draw`` (points and skeleton on an image), ``grid`` (tiles side by side),
``sheet`` (the best and worst of a test),
``curves`` (loss and metrics of a run), ``table`` (per-keypoint Markdown table).

Adding a new plot: a function that takes arrays or a result object and a path, and draws with Matplotlib's Agg canvas.
"""
