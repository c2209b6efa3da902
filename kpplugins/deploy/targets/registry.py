"""The targets by name."""

from kpplugins.deploy.targets.coreml_target import CoremlTarget
from kpplugins.deploy.targets.export_target import ExportTarget
from kpplugins.deploy.targets.litert_target import LitertTarget
from kpplugins.deploy.targets.onnx_target import OnnxTarget
from kpplugins.deploy.targets.openvino_target import OpenvinoTarget
from kpplugins.deploy.targets.torchscript_target import TorchscriptTarget
from kpplugins.structures import BadInputError

_ALL = (OnnxTarget(), OpenvinoTarget(), TorchscriptTarget(), LitertTarget(), CoremlTarget())
TARGETS: dict[str, ExportTarget] = {target.name: target for target in _ALL}


def target_named(name: str) -> ExportTarget:
    """Return a target.

    Args:
        name: as ``--to`` has it.

    Returns:
        The target.

    Raises:
        BadInputError: there is none of that name.
    """
    if name not in TARGETS:
        raise BadInputError("unknown format", where="--to", expected=", ".join(TARGETS), found=name)
    return TARGETS[name]
