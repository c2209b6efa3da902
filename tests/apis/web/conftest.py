"""Models that find the brightest pixel: exported folders, made by hand, so that what they find is known."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.structures.checksum import sha256_of
from kpplugins.structures.visibility.visibility_calibration import VisibilityCalibration

OFFSETS = {"near": 10, "far": 25, "sure": 40}
"""How far to the right of the brightest pixel each model finds its second keypoint."""
CALIBRATED = "sure"
"""The model whose scores say that the second keypoint is absent."""


def finder_of_bright(folder: Path, offset: float) -> Path:
    """An exported one-stage model: ``spot`` at the brightest pixel, ``side`` to its right with a low score."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto as Type
    from onnx import helper

    folder.mkdir(parents=True)
    node = helper.make_node
    nodes = [
        node("Cast", ["image"], ["float"], to=Type.FLOAT),
        node("ReduceSum", ["float", "last"], ["grey"], keepdims=0),
        node("Reshape", ["grey", "flat"], ["line"]),
        node("ArgMax", ["line"], ["at"], axis=0, keepdims=0),
        node("Shape", ["image"], ["shape"]),
        node("Gather", ["shape", "one"], ["width"]),
        node("Div", ["at", "width"], ["y"]),
        node("Mod", ["at", "width"], ["x"]),
        node("Concat", ["x1", "y1"], ["xy"], axis=0),
        node("Unsqueeze", ["x", "first"], ["x1"]),
        node("Unsqueeze", ["y", "first"], ["y1"]),
        node("Cast", ["xy"], ["place"], to=Type.FLOAT),
        node("Concat", ["place", "place"], ["twice"], axis=0),
        node("Add", ["twice", "around"], ["edges"]),
        node("Reshape", ["edges", "as_box"], ["boxes"]),
        node("Add", ["twice", "beside"], ["points"]),
        node("Reshape", ["points", "as_points"], ["keypoints"]),
        *(node("Identity", [f"{name}_"], [name]) for name in ("scores", "box_scores", "labels")),
    ]
    nodes = nodes[:8] + nodes[9:11] + nodes[8:9] + nodes[11:]  # in the order of what they need
    values = {
        "last": np.array([2]), "flat": np.array([-1]), "one": np.array(1), "first": np.array([0]),
        "as_box": np.array([1, 4]), "as_points": np.array([1, 2, 2]),
        "around": np.array([-15, -12, 30, 12], np.float32), "beside": np.array([0, 0, offset, 0], np.float32),
        "scores_": np.array([[0.9, 0.2]], np.float32), "box_scores_": np.array([0.7], np.float32),
        "labels_": np.array([0]),
    }  # fmt: skip
    outputs = {"boxes": [1, 4], "box_scores": [1], "labels": [1], "keypoints": [1, 2, 2], "scores": [1, 2]}
    graph = helper.make_graph(
        nodes, "bright", [helper.make_tensor_value_info("image", Type.UINT8, ["H", "W", 3])],
        [helper.make_tensor_value_info(n, Type.INT64 if n == "labels" else Type.FLOAT, s) for n, s in outputs.items()],
        [onnx.numpy_helper.from_array(value, name) for name, value in values.items()],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), folder / "model.onnx")
    about = {
        "format": 1, "kpplugins_version": "0", "kind": "boxes and keypoints", "name": folder.name, "target": "onnx",
        "file": "model.onnx", "checksum": sha256_of(folder / "model.onnx"),
        "schema": {"name": "lamp", "keypoints": ["spot", "side"], "skeleton": [["spot", "side"]]},
        "classes": ["lamp"], "pixels": {"range": None, "percentile": None}, "boxes": None, "flip_test": False,
    }  # fmt: skip
    if folder.name == CALIBRATED:
        scores = np.repeat([[0.9, 0.9], [0.2, 0.2]], 30, axis=0)
        visibility = np.where(scores > 0.5, 2, 0)
        about["visibility"] = VisibilityCalibration.fit(
            ("spot", "side"), scores, visibility, np.ones_like(scores, bool)
        ).to_dict()
    (folder / "model.json").write_text(json.dumps(about))
    return folder


def lamp(x: int, y: int, size: tuple[int, int] = (160, 120)) -> np.ndarray:
    """A dark image whose brightest pixel is at (x, y)."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    glow = 200 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 200)
    grey = np.round(20 + glow).astype(np.uint8)
    grey[y, x] = 255
    return np.dstack([grey] * 3)


@pytest.fixture(scope="session")
def lamps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The models, by name."""
    folder = tmp_path_factory.mktemp("lamps")
    return {name: finder_of_bright(folder / name, offset) for name, offset in OFFSETS.items()}


@pytest.fixture(scope="session")
def lit(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], Path]:
    """An image file with the brightest pixel at a place."""
    folder = tmp_path_factory.mktemp("lit")

    def image(x: int, y: int) -> Path:
        path = folder / f"lamp_{x}_{y}.png"
        if not path.exists():  # a browser does not send a file that has changed since it was chosen
            cv2.imwrite(str(path), lamp(x, y))
        return path

    return image


@pytest.fixture(scope="session")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of twelve frames in which the light goes to the right by eight pixels a frame."""
    path = tmp_path_factory.mktemp("moving") / "moving.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 10, (160, 120))
    for i in range(12):
        writer.write(lamp(30 + 8 * i, 60))
    writer.release()
    return path
