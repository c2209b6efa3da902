"""Graphs as ONNX files."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kpplugins.deploy.graphs.port import Port
from kpplugins.deploy.targets.export_target import FP16, FP32, INT8, ExportTarget, Order
from kpplugins.deploy.targets.onnx_precision import NETWORK, to_float16, to_int8
from kpplugins.structures import BadInputError

_SIZES = {"H": 48, "W": 64, "N": 2}
"""Sizes with which a graph is traced; a batch of one would be taken for a constant."""


class OnnxTarget(ExportTarget):
    """ONNX, written by PyTorch's exporter, with every size free that the graph leaves free."""

    name = "onnx"
    file = "model.onnx"
    extra = "export"
    packages = ("onnx", "onnxruntime", "onnxscript")
    precisions = (FP32, FP16, INT8)

    def _write(self, graph: Any, folder: Path, order: Order) -> None:
        write_onnx(graph, folder / self.file, order)


def write_onnx(graph: Any, file: Path, order: Order) -> None:
    """Write a graph as ONNX.

    Args:
        graph: see ``deploy.graphs``.
        file: to write.
        order: opset, and precision of the network.

    Raises:
        BadInputError: PyTorch's exporter fixed a size that is to be free, or the weights do not fit into one file.
    """
    write_float32(graph, file, order.opset)
    if order.precision == FP16:
        to_float16(file)
    if order.precision == INT8 and order.calibration is not None:
        to_int8(file, order.calibration)


def write_float32(graph: Any, file: Path, opset: int) -> None:
    """Write a graph as ONNX in float32; the names of the nodes of its network begin with ``NETWORK``.

    Args:
        graph: see ``deploy.graphs``.
        file: to write.
        opset: of ONNX.

    Raises:
        BadInputError: see ``write_onnx``.
    """
    with quiet():
        if getattr(graph, "traced", False):
            _write_traced(graph, file, opset)
        else:
            _write_exported(graph, file, opset)
    if len(list(file.parent.glob(f"{file.name}*"))) > 1:
        raise BadInputError("the network is too large for one file", expected="less than 2 GB of weights")


def _write_exported(graph: Any, file: Path, opset: int) -> None:
    """Write a graph by ``torch.export``."""
    program = torch.onnx.export(
        graph,
        example_of(graph.inputs),
        dynamo=True,
        verbose=False,
        opset_version=opset,
        input_names=[port.name for port in graph.inputs],
        output_names=[port.name for port in graph.outputs],
        dynamic_shapes=dynamic_shapes(graph.inputs),
    )
    if program is None:  # of the old exporter only
        raise RuntimeError("PyTorch gave no program")
    for port, value in zip(graph.inputs, program.model.graph.inputs, strict=True):
        for wanted, size in zip(port.shape, value.shape or (), strict=True):
            if isinstance(wanted, str) and isinstance(size, int):
                raise BadInputError(
                    "the exporter fixed a size", where=port.name, expected=f"{wanted} free", found=str(size)
                )
    for node in program.model.graph:
        scopes = node.metadata_props.get("pkg.torch.onnx.name_scopes", "")
        node.name = f"{NETWORK}{node.name}" if "'network'" in scopes else node.name
        node.metadata_props.clear()  # stack traces of this machine
    program.save(str(file))


def _write_traced(graph: Any, file: Path, opset: int) -> None:
    """Write a graph by tracing: for one in which the number of things that are found decides what is done."""
    import onnx

    ports = (*graph.inputs, *graph.outputs)
    torch.onnx.export(
        graph,
        example_of(graph.inputs),
        str(file),
        dynamo=False,
        opset_version=opset,
        input_names=[port.name for port in graph.inputs],
        output_names=[port.name for port in graph.outputs],
        dynamic_axes={
            port.name: {axis: size for axis, size in enumerate(port.shape) if isinstance(size, str)}
            for port in ports
        },
    )
    program = onnx.load(file)
    _constants_as_initializers(program.graph)
    for i, node in enumerate(program.graph.node):
        node.name = f"{NETWORK}{i}{node.name}" if node.name.startswith(f"/{NETWORK}") else f"{i}{node.name}"
        node.doc_string = ""  # stack traces of this machine
    onnx.save(program, file)


def _constants_as_initializers(graph: Any) -> None:
    """Turn nodes that give a constant tensor into initializers, as the other exporter writes them."""
    kept = []
    for node in graph.node:
        value = next((a.t for a in node.attribute if a.name == "value"), None)
        if node.op_type == "Constant" and value is not None:
            value.name = node.output[0]
            graph.initializer.append(value)
        else:
            kept.append(type(node).FromString(node.SerializeToString()))
    del graph.node[:]
    graph.node.extend(kept)


def example_of(ports: Sequence[Port]) -> tuple[Tensor, ...]:
    """Make inputs of the right shapes.

    Args:
        ports: the inputs; one called ``boxes`` gets boxes with an area.

    Returns:
        A tensor for each.
    """
    made = []
    for port in ports:
        shape = [_SIZES[size] if isinstance(size, str) else size for size in port.shape]
        tensor = torch.zeros(shape, dtype=getattr(torch, port.dtype))
        if port.name == "boxes":
            tensor[:] = torch.tensor([4.0, 5.0, 40.0, 30.0])
        made.append(tensor)
    return tuple(made)


def dynamic_shapes(ports: Sequence[Port]) -> tuple[dict[int, Any], ...]:
    """Say which sizes are free.

    Args:
        ports: the inputs.

    Returns:
        As ``torch.export`` takes it.
    """
    sizes: dict[str, Any] = {}
    return tuple(
        {
            axis: sizes.setdefault(size, torch.export.Dim(size))
            for axis, size in enumerate(port.shape)
            if isinstance(size, str)
        }
        for port in ports
    )


@contextmanager
def quiet(*names: str) -> Iterator[None]:
    """Silence what the exporters say about their own internals.

    Args:
        names: of their loggers. Default: those of PyTorch's exporter.

    Yields:
        Nothing.
    """
    names = names or ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
