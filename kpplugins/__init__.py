"""kpplugins: the shortest way from images with keypoints on them to a trained, measured keypoint detector.

The public names below are loaded when they are first used: ``from kpplugins import load_config, train``. docs/api.md
shows each of them.

The rooms, each importing only from rooms below it in this list:

- ``commands``      The command line: ``kpplugins COMMAND …``; the scripts ``tools/NAME.py`` run the same code.
- ``apis``          Train, test and predict as functions; what ``kpplugins.commands`` calls.
- ``curation``      Prepare and check data before training. Never imports torch.
- ``inference``     Trained models, ready to predict on images.
- ``deploy``        Trained networks as files that need no PyTorch.
- ``engine``        Parts of the training loop, registered in MMPose's registries.
- ``weights``       Weights: checkpoints, pretrained parts, and weights from other projects.
- ``config``        Loading a config, and settling the values that follow from others.
- ``datasets``      Dataset classes, registered in MMPose's ``DATASETS``.
- ``models``        Network parts, registered in MMPose's ``MODELS``.
- ``visualization`` Images, plots and tables.
- ``evaluation``    Metrics.
- ``codecs``        Codecs, registered in MMPose's ``KEYPOINT_CODECS``: coordinates to training targets and back.
- ``formats``       Annotation formats, one file or folder each, reading and writing side by side. Never torch.
- ``synthetic``     Cats drawn by a program, in the layout of the Kaggle set ``crawford/cat-dataset``.
- ``data``          Annotations in memory, and the inner format on disk. Never torch.
- ``schema``        The description of a keypoint set: names, flip pairs, skeleton, sigmas. NumPy only.
- ``compat``        Stand-ins for what upstream packages lack on today's Python, PyTorch and NumPy. One module per gap.
- ``storage``       Files on the disk, in archives, and at addresses that fsspec opens. Never torch.
- ``structures``    Data structures and the coordinate conventions that everything else refers to. NumPy only.

``import kpplugins`` alone is light; it puts the stand-ins in place, which load when they are first used.
``import kpplugins.register`` registers every class in MMPose's registries; configs do it by
``custom_imports = dict(imports=['kpplugins.register'])``. The two are kept apart so that looking after data, and the
exported runtimes, start without torch.

Adding a new public name: a line in ``_HOMES``, one under ``TYPE_CHECKING``, one in ``__all__``, and its example in
docs/api.md; the tests hold the four together.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kpplugins import compat
from kpplugins.version import __version__

if TYPE_CHECKING:
    from kpplugins.apis.compare import compare
    from kpplugins.apis.export import export
    from kpplugins.apis.recommend import recommend
    from kpplugins.apis.test import test
    from kpplugins.apis.train import train
    from kpplugins.config.load import load_config
    from kpplugins.curation.check import check
    from kpplugins.curation.convert import convert
    from kpplugins.curation.pack import pack
    from kpplugins.curation.split import split
    from kpplugins.formats.load_annotations import load_annotations
    from kpplugins.inference.pose_result import PoseResult
    from kpplugins.inference.predictor import Predictor
    from kpplugins.schema import KeypointSchema
    from kpplugins.structures import BadInputError

__all__ = [
    "BadInputError",
    "KeypointSchema",
    "PoseResult",
    "Predictor",
    "__version__",
    "check",
    "compare",
    "convert",
    "export",
    "load_annotations",
    "load_config",
    "pack",
    "recommend",
    "split",
    "test",
    "train",
]

_HOMES = {
    "BadInputError": "structures",
    "KeypointSchema": "schema",
    "PoseResult": "inference.pose_result",
    "Predictor": "inference.predictor",
    "check": "curation.check",
    "compare": "apis.compare",
    "convert": "curation.convert",
    "export": "apis.export",
    "load_annotations": "formats.load_annotations",
    "load_config": "config.load",
    "pack": "curation.pack",
    "recommend": "apis.recommend",
    "split": "curation.split",
    "test": "apis.test",
    "train": "apis.train",
}
"""The module of each public name. No name is that of a room or a module here, which Python would set over it."""

compat.install()


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names too that are not loaded yet."""
    return sorted({*globals(), *__all__})
