"""Any kind of model on any kind of input: in batches as one by one, and what cannot be read is told."""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmpose.registry import MODELS

from kpplugins.config.load import load_config
from kpplugins.deploy.exported_folder import ExportedFolder
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.inference.ahead import ahead
from kpplugins.inference.box_detector import BoxDetector
from kpplugins.inference.instance_search import search_windows
from kpplugins.inference.pose_result import PoseResult
from kpplugins.inference.predictor import Predictor
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError, VisibilityCalibration
from kpplugins.structures.checksum import sha256_of

TOP_DOWN = """
_base_ = "{root}/configs/custom_hourglass_small.py"
input_size = (64, 64)
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=2), test_cfg=dict(flip_test=True))
"""
SIZES = ((60, 100), (80, 50), (64, 64), (40, 120), (90, 90))
BOX = np.array([[5.0, 5, 35, 38]])


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work dir of a run whose weights were not trained."""
    folder = tmp_path_factory.mktemp("runs") / "cats"
    folder.mkdir()
    (folder / "cats.py").write_text(TOP_DOWN.format(root=root))
    CAT_SCHEMA.save(folder / "schema.json")
    torch.manual_seed(0)
    network = MODELS.build(load_config(folder / "cats.py", schema=CAT_SCHEMA).model)
    torch.save({"state_dict": network.state_dict()}, folder / "epoch_1.pth")
    return folder


@pytest.fixture(scope="module")
def predictor(run: Path) -> Predictor:
    return Predictor(run, device="cpu")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five images of different sizes."""
    folder, generator = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for i, (h, w) in enumerate(SIZES):
        cv2.imwrite(str(folder / f"{i}.png"), generator.integers(0, 256, (h, w, 3), np.uint8))
    return folder


def same(found: list, expected: list) -> bool:
    """Batches are summed in another order, which may move the few keypoints of maps with two equal peaks."""
    a, b = (np.concatenate([one.keypoints.ravel() for one in some]) for some in (found, expected))
    c, d = (np.concatenate([one.scores.ravel() for one in some]) for some in (found, expected))
    close = len(a) == len(b) and (np.abs(a - b) <= 1e-2).mean() > 0.9 and np.allclose(c, d, atol=1e-5)
    return close and [a.boxes.tolist() for a in found] == [b.boxes.tolist() for b in expected]


def test_batches_give_what_single_images_give(predictor: Predictor, images: Path):
    files = sorted(images.glob("*.png"))
    boxes = [np.repeat(BOX, n, axis=0) + np.arange(n)[:, None] for n in (1, 3, 0, 2, 1)]
    single = [predictor(file, box) for file, box in zip(files, boxes, strict=True)]
    assert [len(one) for one in single] == [1, 3, 0, 2, 1]
    assert single[0].image_size == (100, 60) and single[0].source == str(files[0])
    for batch_size in (1, 2, 16):
        assert same(list(predictor.predict(files, boxes, batch_size=batch_size)), single)
    arrays = (cv2.imread(str(file)) for file in files)
    found = list(predictor.predict(arrays, iter(boxes)))
    assert same(found, single) and found[0].source == ""
    assert same(list(predictor.predict(str(images / "*.png"), boxes)), single)
    assert same(list(predictor(images / "?.png")), [predictor(file) for file in files])


def test_an_endless_source_is_predicted_on_as_it_comes(predictor: Predictor):
    drawn = []

    def frames():
        for i in count():
            drawn.append(i)
            yield np.full((20, 20, 3), i % 256, np.uint8)

    found = list(
        islice(predictor.predict(frames(), (np.array([[2, 2, 15, 15]]) for _ in count()), batch_size=2), 5)
    )
    assert len(found) == 5 and len(drawn) < 20


def test_a_stack_of_frames_is_several_images(predictor: Predictor):
    stack = np.zeros((3, 20, 30, 3), np.uint8)
    assert [one.image_size for one in predictor(stack, [[[2, 2, 15, 15]]] * 3)] == [(30, 20)] * 3


def test_what_cannot_be_read_is_raised_at_its_turn_or_kept_with_its_fault(
    predictor: Predictor, images: Path, tmp_path: Path
):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not an image")
    given = [images / "0.png", bad, images / "1.png"]
    boxes = [BOX] * 3
    results = predictor.predict(given, boxes)
    assert len(next(results)) == 1
    with pytest.raises(BadInputError, match=r"bad\.png"):
        next(results)
    first, broken, last = predictor.predict(given, boxes, skip_bad=True)
    assert len(first) == len(last) == 1 and len(broken) == 0
    assert "bad.png" in str(broken.fault) and broken.to_dict()["fault"] == str(broken.fault)


@pytest.mark.parametrize(
    ("given", "boxes", "message"),
    [
        (["a.png"], [], "fewer boxes than images"),
        (["a.png"], [BOX, BOX], "more boxes than images"),
        (["a.png"], [[[5, 5, 5, 9]]], "x2 > x1"),
        (["gone.png"], None, r"gone\.png: image is missing"),
        ("*.gif", None, "no file matches"),
        (7, None, "not an image.*found int"),
        ([None], None, "not an image.*found NoneType"),
        (np.zeros((2, 3, 4, 5, 6), np.uint8), None, "not an image"),
    ],
)
def test_other_input_is_said(predictor: Predictor, images: Path, given, boxes, message: str, monkeypatch):
    monkeypatch.chdir(images)
    (images / "a.png").write_bytes((images / "0.png").read_bytes())
    with pytest.raises(BadInputError, match=message):
        list(predictor.predict(given, boxes))
    (images / "a.png").unlink()
    with pytest.raises(BadInputError, match="batch_size"):
        list(predictor.predict([], batch_size=0))


def test_flip_test_is_switched(run: Path, images: Path):
    image = cv2.imread(str(images / "0.png"))
    usual, on, off = (Predictor(run, device="cpu", flip_test=f)(image, BOX) for f in (None, True, False))
    assert same([usual], [on]) and not same([on], [off])
    one_sided = replace(CAT_SCHEMA, flip_pairs=(), unpaired=(), flips="unknown")
    with pytest.raises(BadInputError, match="cannot be mirrored"):
        one_sided.save(run.parent / "schema.json")
        (run.parent / "epoch_1.pth").write_bytes((run / "epoch_1.pth").read_bytes())
        Predictor(run / "cats.py", run.parent / "epoch_1.pth", "cpu", flip_test=True)


def test_a_model_without_boxes_searches_the_whole_image(predictor: Predictor, images: Path):
    (found,) = predictor.predict([images / "0.png"])
    assert len(found) == 1 and (found.boxes[0, 2:] > found.boxes[0, :2]).all()
    whole, *smaller = search_windows(100, 60)
    windows = np.concatenate([whole, *smaller])
    assert windows[0].tolist() == [0, 0, 99, 59] and windows.min() >= 0
    assert windows[:, 2].max() <= 99 and windows[:, 3].max() <= 59


def test_work_is_done_ahead_in_order_and_faults_come_at_their_turn():
    names, gate = set(), threading.Event()

    def work(i: int) -> int:
        names.add(threading.current_thread().name)
        if i == 0:
            gate.wait(10)  # the first is done last
        if i == 3:
            raise ValueError("three")
        if i == 1:
            gate.set()
        return i * i

    results = ahead(work, iter(range(6)), 2, 4)
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert threading.current_thread().name not in names
    assert list(ahead(work, [], 2, 4)) == []


def test_heavy_results_keep_further_work_from_being_begun():
    begun = []

    def work(i: int) -> int:
        begun.append(i)
        return i

    results = ahead(work, range(20), 2, 10, weight=lambda _: 1, limit=3)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3] and len(begun) <= 4 + 3 + 2
    assert list(results) == list(range(4, 20))
    light = ahead(work, range(20), 2, 10)
    next(light)
    assert list(light) == list(range(1, 20))


def exported(folder: Path, kind: str, facts: dict | None = None) -> Path:
    """An exported model that finds the corners of boxes, or of one box around the whole image."""
    import onnx
    from onnx import TensorProto as Type
    from onnx import helper

    folder.mkdir(exist_ok=True)
    image = helper.make_tensor_value_info("image", Type.UINT8, ["H", "W", 3])
    boxes = helper.make_tensor_value_info("boxes", Type.FLOAT, ["N", 4])
    constant = helper.make_node

    def value(name: str, array: np.ndarray):
        return onnx.numpy_helper.from_array(array, name)

    def output(name: str, kind: int, shape: list):
        return helper.make_tensor_value_info(name, kind, shape)

    box = value("box", np.array([[2, 3, 30, 40]], np.float32))
    to_points, one = value("to", np.array([-1, 2, 2])), value("one", np.array([[0.9, 0.8]], np.float32))
    if kind == "keypoints in boxes":
        nodes = [
            constant("Reshape", ["boxes", "to"], ["keypoints"]),
            constant("Slice", ["boxes", "zero", "two", "axis"], ["half"]),
            constant("Mul", ["half", "none"], ["nothing"]),
            constant("Add", ["nothing", "one"], ["scores"]),
        ]
        values = [to_points, one, value("none", np.zeros(1, np.float32)), value("zero", np.array([0])),
                  value("two", np.array([2])), value("axis", np.array([1]))]  # fmt: skip
        inputs = [image, boxes]
        outputs = [output("keypoints", Type.FLOAT, ["N", 2, 2]), output("scores", Type.FLOAT, ["N", 2])]
    else:
        nodes = [
            constant("Identity", ["box"], ["boxes"]),
            constant("Identity", ["s"], ["box_scores"]),
            constant("Identity", ["label"], ["labels"]),
            constant("Reshape", ["box", "to"], ["keypoints"]),
            constant("Identity", ["one"], ["scores"]),
        ]
        values = [box, to_points, one, value("s", np.array([0.7], np.float32)), value("label", np.array([1]))]
        inputs = [image]
        outputs = [output("boxes", Type.FLOAT, [1, 4]), output("box_scores", Type.FLOAT, [1]),
                   output("labels", Type.INT64, [1]), output("keypoints", Type.FLOAT, [1, 2, 2]),
                   output("scores", Type.FLOAT, [1, 2])]  # fmt: skip
    graph = helper.make_graph(nodes, "corners", inputs, outputs, values)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), folder / "model.onnx")
    schema = None if kind == "boxes" else {"name": "thing", "keypoints": ["low", "high"]}
    about = {
        "format": 1, "kpplugins_version": "0", "kind": kind, "name": "corners", "target": "onnx", "file": "model.onnx",
        "checksum": sha256_of(folder / "model.onnx"), "schema": schema, "classes": ["cup", "plate"],
        "pixels": {"range": None, "percentile": None}, "boxes": None, "flip_test": False, **(facts or {}),
    }  # fmt: skip
    (folder / "model.json").write_text(json.dumps(about))
    return folder


ALONE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "mmengine", "mmcv", "mmpose", "mmdet", "matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
import kpplugins
sys.meta_path.insert(0, Refuse())
import numpy as np
from kpplugins import Predictor
found = Predictor(sys.argv[1])(np.zeros((60, 80, 3), np.uint8))
print(found.keypoints.tolist(), found.categories, found.draw(np.zeros((60, 80, 3), np.uint8)).shape)
try:
    Predictor("configs/cat_hourglass.py")
except ValueError as error:
    print(type(error).__name__, error)
"""


def test_an_exported_pair_predicts_without_pytorch(tmp_path: Path, root: Path):
    folder = exported(tmp_path / "pair", "keypoints in boxes")
    exported(folder / "detector", "boxes")
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(folder)], cwd=root, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert "[[[2.0, 3.0], [30.0, 40.0]]] ('plate',) (60, 80, 3)" in done.stdout
    assert "MachineError" in done.stdout and "kpplugins[train]" in done.stdout


def test_exported_models_take_what_runs_take(tmp_path: Path):
    image = np.zeros((60, 80, 3), np.uint8)
    boxes = np.array([[1.0, 2, 30, 40], [5, 6, 50, 55]])
    top_down = Predictor(exported(tmp_path / "a", "keypoints in boxes"))
    found = top_down(image, boxes)
    assert found.keypoints.tolist() == boxes.reshape(2, 2, 2).tolist() and found.scores[0] == pytest.approx(
        [0.9, 0.8]
    )
    assert [len(one) for one in top_down.predict([image] * 3, [boxes, boxes[:1], boxes[:0]])] == [2, 1, 0]
    whole = Predictor(exported(tmp_path / "b", "boxes and keypoints"), box_thr=0.6)(image)
    assert whole.categories == ("plate",) and whole.box_scores == pytest.approx([0.7])
    assert len(Predictor(tmp_path / "b", box_thr=0.8)(image)) == 0
    detector = BoxDetector(exported(tmp_path / "c", "boxes"), categories=["plate"])
    assert detector(image)[0].tolist() == [[2, 3, 30, 40]]


def calibration(names: tuple[str, ...] = ("low", "high")) -> VisibilityCalibration:
    """Of a run whose second keypoint is seldom there below a score of 0.85."""
    scores, visibility = np.linspace(0, 1, 200).repeat(2).reshape(200, 2), np.full((200, 2), 2)
    visibility[:170, 1] = 0
    visibility[:30, 0] = 0
    return VisibilityCalibration.fit(names, scores, visibility, np.ones((200, 2), bool))


@pytest.mark.parametrize("kind", ["keypoints in boxes", "boxes and keypoints"])
def test_an_exported_model_says_what_is_visible(tmp_path: Path, kind: str):
    known = calibration()
    predictor = Predictor(exported(tmp_path / "a", kind, {"visibility": known.to_dict()}))
    assert predictor.model.visibility == known
    found = predictor(np.zeros((60, 80, 3), np.uint8))
    assert found.states.tolist() == [[2, 0]]  # of scores 0.9 and 0.8
    assert found.visibility.tolist() == known.probabilities(found.scores).tolist()


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (
            {"visibility": calibration(("a", "b")).to_dict()},
            "model.json: calibration of other keypoints.*low, high",
        ),
        ({"visibility": {"seen": 3}}, "model.json: not a calibration of visibility"),
        ({"format": 2, "kpplugins_version": "9.9"}, "newer version.*format 2, kpplugins 9.9.*upgrade"),
        ({"format": "1"}, "not an exported model"),
        ({"checksum": "00"}, "not the file that was exported"),
        ({"file": "../model.onnx"}, "lies elsewhere"),
        ({"file": "gone.onnx"}, "file is missing"),
        ({"target": "coreml"}, "does not run models of this kind.*coreml"),
        ({"schema": {"name": "x"}}, "not the description"),
        ({"kind": "boxes", "schema": None}, "a detector finds boxes, not keypoints"),
        ({"kind": "other"}, "not the description"),
        ({"boxes": {"places": 3}}, "not the description"),
    ],
)
def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path, facts: dict, message: str):
    folder = exported(tmp_path / "a", "keypoints in boxes", facts)
    with pytest.raises(BadInputError, match=message):
        Predictor(folder)


def test_an_exported_model_keeps_what_it_was_exported_with(tmp_path: Path):
    folder = exported(tmp_path / "a", "keypoints in boxes")
    assert ExportedFolder.read(folder).schema == KeypointSchema("thing", ("low", "high"))
    with pytest.raises(BadInputError, match="flip test of an exported model is part of its file"):
        Predictor(folder, flip_test=True)
    with pytest.raises(BadInputError, match="contains its weights"):
        Predictor(folder, "best.pth")
    with pytest.raises(BadInputError, match="run on the CPU"):
        Predictor(folder, device="cuda:0")
    with pytest.raises(BadInputError, match="not a detector"):
        BoxDetector(folder)
    (folder / "model.onnx").write_bytes(b"x" * 100)
    about = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**about, "checksum": None}))
    with pytest.raises(BadInputError, match="ONNX Runtime cannot load this file"):
        Predictor(folder)


def test_a_search_stops_where_an_instance_is_found(run: Path, images: Path):
    """The whole image first, smaller windows only while the keypoints are unsure; the last look is as the run's."""
    predictor = Predictor(run, device="cpu")
    image = cv2.imread(str(images / "0.png"))
    sure, looks = 0.1, []

    def look(units: list, quick: bool = False) -> list[PoseResult]:
        looks.append((len(units), quick))
        k = CAT_SCHEMA.num_keypoints
        points = [
            np.linspace(box[:2] * 0.8 + box[2:] * 0.2, box[2:] * 0.9 + box[:2] * 0.1, k) for box, _ in units
        ]
        return [
            PoseResult(p[None], np.full((1, k), sure if box[2] < 60 else 0.1), box[None], CAT_SCHEMA)
            for p, (box, _) in zip(points, units, strict=True)
        ]

    predictor.model.run = look
    predictor(image)
    sizes = [len(windows) for windows in search_windows(100, 60)]
    assert (
        sum(n for n, _ in looks if n > 1) == sum(sizes[1:])
        and not looks[-1][1]
        and all(q for _, q in looks[:-1])
    )
    sure, looks[:] = 0.9, []
    predictor(image)  # in the first window on the left
    assert looks == [(1, True), (1, True), (sizes[1], True), (1, True), (1, False)]
