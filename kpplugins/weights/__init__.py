"""Weights: checkpoints, pretrained parts, and weights from other projects.

- ``checkpoints``       find the run and the checkpoint that are meant; load it strictly
- ``pretrained``        weights to start from
- ``finite``            check that weights are numbers
- ``centernet``, ``torchvision_rcnn``   weights that others published, renamed for our models

Adding weights from another project: a module that renames them, and a line in ``apis.convert_weights``.
"""
