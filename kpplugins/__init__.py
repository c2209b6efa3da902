"""kpplugins: the shortest way from images with points on them to a trained, measured keypoint detector.

The rooms, each importing only from rooms below it in this list:

- ``apis``          Functions to train, test and predict, which the command lines in ``tools/`` call. The top room.
- ``curation``       looking at annotations: checks, statistics, splits, crops
- ``models``         backbones and heads in MMPose's registry
- ``datasets``       dataset classes and transforms in MMPose's registry
- ``deploy``         trained networks as files that need no PyTorch, proven against it
- ``evaluation``     metrics: pure maths in ``functional``, thin MMEngine metrics over it
- ``visualization``  drawing on images, sheets, curves
- ``engine``         hooks of the training loop
- ``codecs``         keypoints to training targets and back
- ``exporters``      records and predictions to the formats of annotation tools
- ``converters``     annotation formats to records, and the drawn sample data; never imports torch
- ``structures``     ``KeypointSchema``, ``PoseResult``, coordinate conventions; numpy only
- ``compat``         stand-ins for what no longer installs upstream

``import kpplugins`` alone is light; it puts the stand-ins in place, which load when they are first used.
``import kpplugins.register`` registers every class in MMPose's registries; configs do it by
``custom_imports = dict(imports=['kpplugins.register'])``. The two are kept apart so that ``tools/dataset.py``, and
later the exported runtimes, start without torch.
"""

from kpplugins import compat
from kpplugins.version import __version__

compat.install()

__all__ = ["__version__"]
