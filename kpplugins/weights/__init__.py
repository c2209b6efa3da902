"""Weights: checkpoints, pretrained parts, and weights of other projects.

- ``checkpoints``       which run and which checkpoint is meant; loading it strictly
- ``pretrained``        weights to start from
- ``centernet``, ``torchvision_rcnn``   weights that others trained, under our names

Adding weights of another project: a module with the renaming, and a line in ``apis.convert_weights``.
"""
