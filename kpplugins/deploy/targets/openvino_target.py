"""Graphs as OpenVINO's intermediate representation, from the ONNX file."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.deploy.targets.export_target import FP16, FP32, INT8, ExportTarget, Order
from kpplugins.deploy.targets.onnx_precision import NETWORK, last_layers
from kpplugins.deploy.targets.onnx_target import quiet, write_onnx

_NO_OPERATIONS = ("Constant", "Parameter", "Result")


class OpenvinoTarget(ExportTarget):
    """OpenVINO: ``model.xml`` and ``model.bin``; fp16 halves the network's weights, int8 is calibrated by NNCF."""

    name = "openvino"
    file = "model.xml"
    extra = "openvino"
    packages = ("onnx", "onnxscript", "openvino", "nncf")
    precisions = (FP32, FP16, INT8)

    def require(self, precision: str = FP32) -> None:
        """Import the packages, without NNCF's messages to its makers."""
        os.environ.setdefault("NNCF_CI", "1")
        super().require(precision)

    def _write(self, graph: Any, folder: Path, order: Order) -> None:
        import onnx
        import openvino

        with tempfile.TemporaryDirectory() as aside:
            file = Path(aside) / "model.onnx"
            # OpenVINO's own compression would also round the numbers of the geometry
            write_onnx(graph, file, Order(FP16 if order.precision == FP16 else FP32, order.opset))
            model = openvino.Core().read_model(file)  # `convert_model` would call home
            if order.precision == INT8 and order.calibration is not None:
                model = _quantised(model, list(order.calibration()), last_layers(onnx.load(file)))
        openvino.save_model(model, folder / self.file, compress_to_fp16=False)


def _quantised(model: Any, inputs: list[Mapping[str, np.ndarray]], last: list[str]) -> Any:
    import nncf

    named = {op.get_friendly_name(): op.get_type_name() for op in model.get_ops()}
    outside = [
        name
        for name, kind in named.items()
        # the parts of an operation of ONNX have its name, and a slash and more behind it
        if kind not in _NO_OPERATIONS
        and (not name.startswith(NETWORK) or name in last or name.rpartition("/")[0] in last)
    ]
    with quiet("nncf"):
        return nncf.quantize(
            model, nncf.Dataset(inputs, dict), subset_size=len(inputs),
            ignored_scope=nncf.IgnoredScope(names=outside, validate=False),
        )  # fmt: skip
