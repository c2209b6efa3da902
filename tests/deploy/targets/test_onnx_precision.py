"""Scales of channels as convolutions, computed by hand and by ONNX Runtime; float16 between casts."""

from pathlib import Path

import numpy as np
import pytest

from kpplugins.deploy.targets.onnx_precision import NETWORK, last_layers, scales_as_convolutions, to_float16

onnx = pytest.importorskip("onnx", reason="extra 'export' is not installed")
runtime = pytest.importorskip("onnxruntime", reason="extra 'export' is not installed")


def model_of(prefix: str = NETWORK) -> "onnx.ModelProto":
    """x (1, 2, 1, 3) → BatchNormalization → · gate → + 1, the last one outside of the network."""
    from onnx import TensorProto, helper, numpy_helper

    values = {
        "gain": [2.0, 3.0], "bias": [1.0, -1.0], "mean": [0.5, 0.0], "variance": [1.0, 4.0],
        "gate": [[[[10.0]], [[0.5]]]], "one": [1.0],
    }  # fmt: skip
    weights = [numpy_helper.from_array(np.float32(v), name) for name, v in values.items()]
    nodes = [
        helper.make_node(
            "BatchNormalization",
            ["x", "gain", "bias", "mean", "variance"],
            ["a"],
            f"{prefix}norm",
            epsilon=0.0,
        ),
        helper.make_node("Mul", ["gate", "a"], ["b"], f"{prefix}gate"),
        helper.make_node("Add", ["b", "one"], ["y"], "outside"),
    ]
    sides = [helper.make_tensor_value_info(n, TensorProto.FLOAT, (1, 2, 1, 3)) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "small", sides[:1], sides[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


X = np.float32([[[[0, 1, 2]], [[0, 2, 4]]]])
# (x - 0.5) / 1 · 2 + 1 = 0, 2, 4, times 10; x / 2 · 3 - 1 = -1, 2, 5, times 0.5; plus 1
Y = np.float32([[[[1, 21, 41]], [[0.5, 2, 3.5]]]])


def run(model: "onnx.ModelProto | Path") -> np.ndarray:
    given = str(model) if isinstance(model, Path) else model.SerializeToString()
    return runtime.InferenceSession(given, providers=["CPUExecutionProvider"]).run(None, {"x": X})[0]


def test_scales_become_convolutions_by_channel():
    model = model_of()
    assert (run(model) == Y).all()
    scales_as_convolutions(model)
    assert [node.op_type for node in model.graph.node] == ["Conv", "Conv", "Add"]
    assert {t.name for t in model.graph.initializer} == {
        "one", "network/norm/scale", "network/norm/shift", "network/gate/scale",
    }  # fmt: skip
    assert run(model) == pytest.approx(Y)


def test_what_is_outside_of_the_network_stays():
    model = model_of(prefix="")
    scales_as_convolutions(model)
    assert [node.op_type for node in model.graph.node] == ["BatchNormalization", "Mul", "Add"]


def test_float16_begins_and_ends_with_casts(tmp_path: Path):
    file = tmp_path / "model.onnx"
    onnx.save(model_of(), file)
    to_float16(file)
    made = onnx.load(file)
    onnx.checker.check_model(made, full_check=True)
    assert [node.op_type for node in made.graph.node] == ["Cast", "BatchNormalization", "Mul", "Cast", "Add"]
    kinds = {t.name: t.data_type for t in made.graph.initializer}
    assert kinds.pop("one") == onnx.TensorProto.FLOAT and set(kinds.values()) == {onnx.TensorProto.FLOAT16}
    assert run(file) == pytest.approx(Y, rel=1e-3)


def test_the_last_layers_are_those_before_the_end():
    from onnx import TensorProto, helper

    def conv(name: str, source: str, target: str) -> "onnx.NodeProto":
        return helper.make_node("Conv", [source, "w"], [target], NETWORK + name)

    nodes = [
        conv("first", "x", "a"), conv("left", "a", "b"), conv("right", "a", "c"),
        helper.make_node("Relu", ["c"], ["d"], f"{NETWORK}relu"),
        helper.make_node("Add", ["b", "d"], ["y"], "outside"),
    ]  # fmt: skip
    sides = [helper.make_tensor_value_info(n, TensorProto.FLOAT, (1, 2, 1, 3)) for n in ("x", "y")]
    model = helper.make_model(helper.make_graph(nodes, "small", sides[:1], sides[1:]))
    assert sorted(last_layers(model)) == [f"{NETWORK}left", f"{NETWORK}relu", f"{NETWORK}right"]
