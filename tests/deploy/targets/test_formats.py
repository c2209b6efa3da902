"""The small model in every format and precision: what runs gives what PyTorch gives."""

import functools
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from kpplugins.data.pixel_rule import PixelRule
from kpplugins.deploy.description import describe
from kpplugins.deploy.exported_folder import ExportedFolder
from kpplugins.deploy.graphs.crops_graph import CropsGraph
from kpplugins.deploy.graphs.top_down_graph import TopDownGraph
from kpplugins.deploy.replaced_folder import write_facts
from kpplugins.deploy.runtimes import open_runtime
from kpplugins.deploy.targets.export_target import Order
from kpplugins.deploy.targets.onnx_target import write_float32
from kpplugins.deploy.targets.registry import TARGETS, target_named
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError, MachineError

Written = Callable[[str, str], Path]


def subnormals_count() -> bool:
    """Tell whether float32 numbers below 1.2e-38 count in this thread, or become zero."""
    return bool(np.float32(1e-40) * np.float32(1.0) > 0)


@pytest.fixture(scope="module")
def written(
    graph: TopDownGraph, calibration: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Written]:
    """Writes the model; ONNX in float32, from which the others follow, only once."""
    kept = tmp_path_factory.mktemp("once") / "model.onnx"

    def once(shown: Any, file: Path, opset: int) -> None:
        assert shown is graph and opset == 18
        if not kept.exists():
            write_float32(shown, kept, opset)
        shutil.copy(kept, file)

    @functools.cache
    def write(to: str, precision: str) -> Path:
        target, folder = TARGETS[to], tmp_path_factory.mktemp(f"{to}_{precision}")
        for package in target.packages:
            pytest.importorskip(package, reason=f"extra {target.extra!r} is not installed")
        target.require(precision)
        shown = target.graph_for(graph)
        target.write(shown, folder, Order(precision, calibration=calibration))
        facts = describe(
            shown, folder / target.file, kind="keypoints in boxes", name="tiny", target=to, precision=precision,
            schema=CAT_SCHEMA, classes=(), pixels=PixelRule(range=(0, 4095)), layout=None, flip_test=False,
        )  # fmt: skip
        write_facts(folder / "model.json", facts)
        return folder

    before = subnormals_count()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("kpplugins.deploy.targets.onnx_target.write_float32", once)
        yield write
    assert subnormals_count() == before, "a converter changed the arithmetic of the process"


@pytest.mark.parametrize(
    ("to", "precision", "pixels"),
    [
        ("onnx", "fp32", 0.01), ("onnx", "fp16", 1.0), ("onnx", "int8", 10.0),
        ("openvino", "fp32", 0.1), ("openvino", "fp16", 1.0), ("openvino", "int8", 10.0),
        ("torchscript", "fp32", 0.01), ("litert", "fp32", 0.1),
    ],
)  # fmt: skip
def test_it_finds_what_pytorch_finds(
    written: Written, inputs: dict, expected: dict, to: str, precision: str, pixels: float
):
    read = ExportedFolder.read(written(to, precision))
    runtime = open_runtime(read.target, read.file, threads=1)
    found = runtime.run(inputs)
    away = np.linalg.norm(found["keypoints"] - expected["keypoints"], axis=-1)
    assert away.shape == (3, 9) and np.median(away) <= pixels
    assert (
        np.abs(found["scores"] - expected["scores"]).max()
        <= {"fp32": 1e-5, "fp16": 2e-3, "int8": 0.05}[precision]
    )
    if precision == "fp32":
        assert away.max() <= 0.1
    nothing = runtime.run({**inputs, "boxes": np.zeros((0, 4), np.float32)})
    assert nothing["keypoints"].shape == (0, 9, 2) and nothing["scores"].shape == (0, 9)
    assert read.facts["words"]["pixels"].endswith("4095 becomes 255") and read.facts["precision"] == precision


@pytest.mark.parametrize("to", ["onnx", "openvino", "torchscript", "litert"])
def test_a_runtime_leaves_the_arithmetic_of_the_process_alone(
    written: Written, inputs: dict, to: str, tmp_path: Path
):
    np.savez(tmp_path / "inputs.npz", **inputs)
    program = f"""
import threading
from pathlib import Path
import numpy as np
from kpplugins.deploy.exported_folder import ExportedFolder
from kpplugins.deploy.runtimes import open_runtime

read = ExportedFolder.read(Path({str(written(to, "fp32"))!r}))
inputs = dict(np.load({str(tmp_path / "inputs.npz")!r}))
for threads in (1, 2):
    open_runtime(read.target, read.file, threads).run(inputs)
found = []
look = lambda: found.append(float(np.float32(1e-40) * np.float32(1)))
look()
thread = threading.Thread(target=look)
thread.start()
thread.join()
print(all(found), len(found))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.split()[-2:] == ["True", "2"], done.stderr


def test_core_ml_is_written_with_the_names_and_shapes_of_the_graph(written: Written):
    folder = written("coreml", "fp32")
    read = ExportedFolder.read(folder)
    assert read.file == folder / "model.mlpackage" and [p["name"] for p in read.facts["inputs"]] == ["crop"]
    with pytest.raises(BadInputError, match="does not run models of this kind"):
        open_runtime("coreml", read.file)
    (weights,) = read.file.rglob("weight.bin")
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    with pytest.raises(BadInputError, match="not the file that was exported"):
        ExportedFolder.read(folder)


def test_the_weights_of_openvino_are_checked_too(written: Written, tmp_path: Path):
    folder = Path(shutil.copytree(written("openvino", "fp32"), tmp_path / "copy"))
    (folder / "model.bin").write_bytes(b"")
    with pytest.raises(BadInputError, match="not the file that was exported"):
        ExportedFolder.read(folder)


def test_what_takes_a_crop_says_how_to_cut_it(graph: TopDownGraph):
    crops = CropsGraph(graph)
    assert crops.inputs[0].shape == (1, 84, 60, 3) and crops.outputs[0].shape == (1, 9, 2)
    assert "· 1.25" in crops.words["crop"] and "(59, 83)" in crops.words["crop"]
    with pytest.raises(BadInputError, match="only top-down models are written as litert"):
        TARGETS["litert"].graph_for(nn.Identity())


def test_what_is_missing_or_unknown_is_named(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(
        BadInputError, match="--to: unknown format; expected onnx, openvino, torchscript, litert, coreml"
    ):
        target_named("tensorrt")
    with pytest.raises(BadInputError, match="torchscript is not written in int8"):
        TARGETS["torchscript"].require("int8")
    for to, package, extra in (("openvino", "nncf", "openvino"), ("litert", "litert_torch", "litert")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MachineError, match=rf"is not installed.*kpplugins\[{extra}\]"):
            TARGETS[to].require("fp32")


def test_a_network_that_cannot_be_traced_is_one_line(graph: TopDownGraph, tmp_path: Path):
    class Branching(nn.Module):
        inputs, outputs = graph.inputs, graph.outputs

        def forward(self, image: Any, boxes: Any) -> Any:
            return graph(image, boxes if boxes.sum() > 0 else -boxes)

    with pytest.raises(BadInputError, match="cannot write this network as onnx; found") as caught:
        TARGETS["onnx"].write(Branching(), tmp_path, Order())
    assert "\n" not in str(caught.value)
