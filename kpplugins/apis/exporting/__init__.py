"""Parts of ``apis.export``.

- ``graphs``           the graph of a trained model, and what is compared of it, by its kind
- ``whole_image_graphs``   those of one-stage models and detectors
- ``proof``            how far an exported model is from the trained one, in pixels and in the run's metric
- ``top_down_proof``   what is compared of a top-down model
- ``whole_image_proof``    what is compared of a one-stage model or a detector
- ``samples``          the images that they are compared on: the run's val split, or drawn ones
"""
