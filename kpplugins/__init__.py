"""kpplugins: the shortest way from images with keypoints on them to a trained, measured keypoint detector.

The public names below are loaded when they are first used: ``from kpplugins import load_config, train``. docs/api.md
shows each of them.

The rooms, each importing only from rooms below it in this list:

- ``commands``       the command line ``kpplugins``: parse, call one function, print
- ``apis``           train, test, compare, …: functions that take plain values, one a command
- ``inference``      ``Predictor`` and the kinds of models that it is made of
- ``deploy``         trained networks as files that need no PyTorch, proven against it
- ``curation``       convert, check, split, crop, statistics: looking after data
- ``engine``         the Runner, hooks and schedulers of the training loop
- ``weights``        checkpoints, pretrained weights, weights of other projects
- ``config``         loading a config, and settling what follows from something else
- ``models``         backbones and heads in MMPose's registry
- ``datasets``       dataset classes and transforms in MMPose's registry
- ``visualization``  drawing on images, sheets, curves
- ``evaluation``     metrics: pure maths in ``functional``, thin MMEngine metrics over it
- ``codecs``         keypoints to training targets and back
- ``formats``        annotation formats, reading and writing side by side; never torch
- ``synthetic``      drawn cats
- ``data``           ``AnnotationSet`` and its records, images, splits, the inner format
- ``schema``         ``KeypointSchema``, and what follows from keypoint names
- ``compat``         stand-ins for what no longer installs upstream
- ``structures``     ``PoseResult``, ``BadInputError``, coordinate conventions; numpy only

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
    from kpplugins.apis.test import test
    from kpplugins.apis.train import train
    from kpplugins.config.load import load_config
    from kpplugins.curation.check import check
    from kpplugins.curation.convert import convert
    from kpplugins.curation.split import split
    from kpplugins.formats.load_annotations import load_annotations
    from kpplugins.inference.predictor import Predictor
    from kpplugins.schema import KeypointSchema
    from kpplugins.structures import BadInputError, PoseResult

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
    "split",
    "test",
    "train",
]

_HOMES = {
    "BadInputError": "structures",
    "KeypointSchema": "schema",
    "PoseResult": "structures",
    "Predictor": "inference.predictor",
    "check": "curation.check",
    "compare": "apis.compare",
    "convert": "curation.convert",
    "export": "apis.export",
    "load_annotations": "formats.load_annotations",
    "load_config": "config.load",
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
