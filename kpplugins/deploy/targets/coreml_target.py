"""Top-down graphs as Core ML packages, for Apple's devices."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from kpplugins.deploy.targets.export_target import FP16, FP32, ExportTarget, Order
from kpplugins.deploy.targets.litert_target import crops_of
from kpplugins.deploy.targets.onnx_target import example_of, quiet
from kpplugins.structures import BadInputError


class CoremlTarget(ExportTarget):
    """Core ML: one crop, as for LiteRT. It runs on Apple's systems alone: elsewhere only its structure is checked."""

    name = "coreml"
    file = "model.mlpackage"
    extra = "coreml"
    packages = ("coremltools",)
    precisions = (FP32, FP16)
    runs_here = False

    def graph_for(self, graph: Any) -> Any:
        """Return the graph without its crop."""
        return crops_of(graph, self.name)

    def _write(self, graph: Any, folder: Path, order: Order) -> None:
        import coremltools

        (port,) = graph.inputs
        halves = coremltools.precision.FLOAT16 if order.precision == FP16 else coremltools.precision.FLOAT32
        with quiet(), torch.no_grad():
            traced = torch.jit.trace(graph.eval(), example_of(graph.inputs), check_trace=False)
            package = coremltools.convert(
                traced,
                inputs=[coremltools.TensorType(name=port.name, shape=port.shape, dtype=np.float32)],
                outputs=[coremltools.TensorType(name=output.name) for output in graph.outputs],
                convert_to="mlprogram",
                compute_precision=halves,
            )
        package.save(str(folder / self.file))
        _check_structure(
            graph, coremltools.models.MLModel(str(folder / self.file), skip_model_load=True).get_spec()
        )


def _check_structure(graph: Any, spec: Any) -> None:
    """Compare the names and shapes of the written package with the graph's."""
    given, made = spec.description.input, spec.description.output
    shape = tuple(given[0].type.multiArrayType.shape)
    if [p.name for p in graph.inputs] != [v.name for v in given] or shape != graph.inputs[0].shape:
        raise BadInputError(
            "the Core ML package has other inputs", expected=str(graph.inputs), found=str(given)
        )
    if [p.name for p in graph.outputs] != [v.name for v in made]:
        raise BadInputError(
            "the Core ML package has other outputs", expected=str(graph.outputs), found=str(made)
        )
