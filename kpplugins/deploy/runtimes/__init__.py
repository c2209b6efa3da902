"""What runs exported models; importing this imports neither torch nor mmengine nor mmpose.

- ``onnx_runtime``         ONNX files, with ONNX Runtime
- ``openvino_runtime``     OpenVINO's ``.xml`` and ``.bin``
- ``litert_runtime``       LiteRT, for whose files ``cut_crop`` cuts the crops
- ``torchscript_runtime``  TorchScript, the only one that needs torch

Adding a new runtime: a class that takes a file and has ``run``, and a line in ``open_runtime``.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from kpplugins.structures import BadInputError

_RUNTIMES = {
    "onnx": ("onnx_runtime", "OnnxRuntime"),
    "openvino": ("openvino_runtime", "OpenvinoRuntime"),
    "litert": ("litert_runtime", "LitertRuntime"),
    "torchscript": ("torchscript_runtime", "TorchscriptRuntime"),
}


def open_runtime(target: str, file: Path, threads: int | None = None) -> Any:
    """Load an exported file with the program that runs its kind.

    Args:
        target: the kind of file, as ``kpplugins export --to`` names it.
        file: the file.
        threads: of one run; default: all cores.

    Returns:
        An object with ``run(inputs by name) -> outputs by name``.

    Raises:
        BadInputError: files of this kind are not run here.
    """
    if target not in _RUNTIMES:
        raise BadInputError(
            "kpplugins does not run models of this kind",
            where=str(file),
            expected=" or ".join(_RUNTIMES),
            found=target,
        )
    module, name = _RUNTIMES[target]
    return getattr(import_module(f"{__name__}.{module}"), name)(file, threads)
