"""Make the network in an ONNX file float16 or int8; what is around it stays float32."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

NETWORK = "network/"
"""Beginning of the names of the nodes in a graph's ``network``."""
_LARGEST = 65504.0
"""The largest number of float16."""
_FLOAT32_OF_RESIZE = (1, 2)
"""Inputs of Resize that are float32 in any case: roi and scales."""
LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
QUANTISED = (
    "Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul", "Relu", "Clip", "Concat", "MaxPool", "AveragePool",
    "GlobalAveragePool", "Resize",
)  # fmt: skip
"""Operations that have a kernel for 8 bits; between two of them the numbers stay 8 bits."""


def to_float16(file: Path) -> None:
    """Rewrite a file with its network in float16: weights and activations, with casts where it begins and ends.

    Args:
        file: the ONNX file.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(file)
    graph = model.graph
    inside = [node for node in graph.node if node.name.startswith(NETWORK)]
    made = {name for node in inside for name in node.output}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    entering = {value.name for value in graph.input if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    typed = onnx.shape_inference.infer_shapes(model).graph
    entering |= {v.name for v in typed.value_info if v.type.tensor_type.elem_type == TensorProto.FLOAT}
    added: dict[str, Any] = {}  # by the name of what is cast
    for node in inside:
        for i, name in enumerate(node.input):
            if not name or name in made or (node.op_type == "Resize" and i in _FLOAT32_OF_RESIZE):
                continue
            if name in weights and weights[name].data_type == TensorProto.FLOAT:
                if name not in added:
                    values = np.clip(numpy_helper.to_array(weights[name]), -_LARGEST, _LARGEST)
                    added[name] = numpy_helper.from_array(values.astype(np.float16), f"{NETWORK}{name}")
                    graph.initializer.append(added[name])
                node.input[i] = f"{NETWORK}{name}"
            elif name not in weights and name in entering:
                if name not in added:
                    added[name] = helper.make_node(
                        "Cast", [name], [f"{NETWORK}{name}"], f"{NETWORK}{name}/cast", to=TensorProto.FLOAT16
                    )
                node.input[i] = f"{NETWORK}{name}"
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16
    _place_casts(model, inside, added)
    without_unused(model)
    onnx.save(model, file)


def _place_casts(model: Any, inside: list[Any], added: Mapping[str, Any]) -> None:
    """Put the casts before the network into the graph, and casts to float32 behind what others take from it."""
    from onnx import NodeProto, TensorProto, helper

    graph = model.graph
    made = {name for node in inside for name in node.output}
    names = {node.name for node in inside}
    floats = {v.name for v in graph.output} | {
        name for n in graph.node if n.name not in names for name in n.input
    }
    halves = made & floats
    for node in inside:
        for i, name in enumerate(node.output):
            if name in halves:
                node.output[i] = f"{name}/half"
        for i, name in enumerate(node.input):
            if name in halves:
                node.input[i] = f"{name}/half"
    nodes = []
    before = [cast for cast in added.values() if isinstance(cast, NodeProto)]
    for node in graph.node:
        if node.name in names:
            nodes += [cast for cast in before if cast.output[0] in node.input]
            before = [cast for cast in before if cast.output[0] not in node.input]
        nodes.append(node)
        if node.name in names:
            nodes += [
                helper.make_node(
                    "Cast", [name], [name.removesuffix("/half")], f"{name}/cast", to=TensorProto.FLOAT
                )
                for name in node.output
                if name.endswith("/half")
            ]
    kept = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.value_info[:]  # their types are no longer true
    graph.node.extend(kept)


def to_int8(file: Path, calibration: Callable[[], Iterator[Mapping[str, np.ndarray]]]) -> None:
    """Rewrite a file with its network in int8: weights by channel, activations by the ranges seen in calibration.

    Args:
        file: the ONNX file.
        calibration: yields inputs by name.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        """Hands out the inputs, one image at a time."""

        def __init__(self) -> None:
            self.inputs = calibration()

        def get_next(self) -> dict[str, np.ndarray] | None:
            """Return the next inputs; ``None`` after the last."""
            given = next(self.inputs, None)
            return None if given is None else dict(given)

    model = onnx.load(file)
    scales_as_convolutions(model)
    outside = [node.name for node in model.graph.node if not node.name.startswith(NETWORK)]
    outside += last_layers(model)
    plain = file.with_suffix(".plain.onnx")
    try:
        onnx.save(model, plain)
        with _quiet():
            quantize_static(
                plain, file, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=outside,
                op_types_to_quantize=list(QUANTISED),
            )  # fmt: skip
    finally:
        plain.unlink(missing_ok=True)


def last_layers(model: Any) -> list[str]:
    """Find the last layers of the network, and what follows them in it: there 8 bits are too coarse for places.

    Args:
        model: an ONNX model.

    Returns:
        The names of the nodes.
    """
    makers = {name: node for node in model.graph.node for name in node.output}
    inside = {node.name for node in model.graph.node if node.name.startswith(NETWORK)}
    taken = {name for node in model.graph.node if node.name not in inside for name in node.input}
    todo = [makers[name] for name in taken | {o.name for o in model.graph.output} if name in makers]
    found: dict[str, None] = {}
    while todo:
        node = todo.pop()
        if node.name not in inside or node.name in found:
            continue
        found[node.name] = None
        if node.op_type not in LAYERS:
            todo += [makers[name] for name in node.input if name in makers]
    return list(found)


def scales_as_convolutions(model: Any) -> None:
    """Write what scales whole channels of the network as 1×1 convolutions by channel, which have a kernel for 8 bits.

    That are batch normalisations that no convolution before them could take over, and products with one number a
    channel.

    Args:
        model: an ONNX model; it is changed.
    """
    from onnx import helper, numpy_helper

    weights = {tensor.name: tensor for tensor in model.graph.initializer}

    def values(name: str) -> np.ndarray | None:
        return numpy_helper.to_array(weights[name]) if name in weights else None

    for node in model.graph.node:
        if not node.name.startswith(NETWORK):
            continue
        found = _scale_of(node, values)
        if found is None:
            continue
        source, scale, shift = found
        made = [numpy_helper.from_array(scale.reshape(-1, 1, 1, 1).astype(np.float32), f"{node.name}/scale")]
        if shift is not None:
            made.append(numpy_helper.from_array(shift.astype(np.float32), f"{node.name}/shift"))
        model.graph.initializer.extend(made)
        node.op_type = "Conv"
        del node.input[:], node.attribute[:]
        node.input.extend([source, *(tensor.name for tensor in made)])
        node.attribute.extend(
            [helper.make_attribute("group", len(scale)), helper.make_attribute("kernel_shape", [1, 1])]
        )
    without_unused(model)


def without_unused(model: Any) -> None:
    """Remove the weights that no node takes.

    Args:
        model: an ONNX model; it is changed.
    """
    used = {name for node in model.graph.node for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _scale_of(
    node: Any, values: Callable[[str], np.ndarray | None]
) -> tuple[str, np.ndarray, np.ndarray | None] | None:
    """Return the input of a node that scales channels, the scales (C,), and what is added (C,)."""
    if node.op_type == "BatchNormalization":
        numbers = [values(name) for name in node.input[1:5]]
        if any(n is None for n in numbers):
            return None
        gain, bias, mean, variance = (np.asarray(n, np.float64) for n in numbers)
        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        scale = gain / np.sqrt(variance + epsilon)
        return node.input[0], scale, bias - mean * scale
    if node.op_type == "Mul":
        for i in (0, 1):
            scale = values(node.input[i])
            if scale is not None and scale.ndim == 4 and scale.size == scale.shape[1] > 1:
                return node.input[1 - i], scale.ravel(), None
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the converters advise."""
    import onnxruntime

    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    onnxruntime.set_default_logger_severity(3)
    try:
        yield
    finally:
        logger.setLevel(level)
        onnxruntime.set_default_logger_severity(2)
