"""Parts of ``apis.export``.

- ``graphs``           the graph of a trained model, and what is compared of it, by its kind
- ``proof``            how far an exported model is from the trained one, in pixels and in the run's metric
- ``top_down_proof``   what is compared of a top-down model
- ``samples``          the images that they are compared on: the run's val split, or drawn ones
"""
