"""The inner format: COCO keypoint JSON beside images; ``reader``, ``writer`` and ``schema`` of its categories.

- ``split_files``    which of several files are used, and for which split
- ``corner_votes``   whether boxes are stored as corners
- ``image_account``  which images are empty, which nobody labelled, which have lost an annotation or occur twice
"""
