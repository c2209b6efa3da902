"""CVAT's auto-annotation function, loaded by ``cvat-cli`` and checked by cvat-sdk's own driver."""

import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from kpplugins.apis.annotation.cvat_function import create
from kpplugins.apis.annotation.found_instances import found_instances
from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.formats.cvat.written_labels import label_specs, skeleton_svg
from kpplugins.inference.pose_result import PoseResult
from kpplugins.schema import KeypointSchema
from kpplugins.structures import MachineError
from tests.apis.web.conftest import finder_of_bright, lamp

MODULE = "kpplugins.apis.annotation.cvat_function"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finds ``spot`` at the brightest pixel with 0.9, ``side`` 10 px to its right with 0.2, in a box of 45×24 px."""
    return finder_of_bright(tmp_path_factory.mktemp("model") / "near", 10)


@pytest.fixture
def sdk() -> Any:
    return pytest.importorskip("cvat_sdk.auto_annotation", reason="cvat-sdk is not installed (extra cvat)")


def context(threshold: float | None = None) -> Any:
    from cvat_sdk.auto_annotation import DetectionFunctionContext

    class Own(DetectionFunctionContext):
        frame_name, conf_threshold, conv_mask_to_poly = "a.png", threshold, False

    return Own()


def test_skeletons_and_boxes(sdk: Any, model: Path):
    function = create(run=str(model))
    assert isinstance(function.spec, sdk.DetectionFunctionSpec)
    skeleton, box = function.detect(context(), Image.fromarray(lamp(60, 40)))
    spot, side = skeleton["elements"]
    assert (spot["points"], spot["outside"], spot["occluded"]) == ([60.0, 40.0], False, False)
    # too low a score: outside, in the middle of the box from (45, 28) to (90, 52)
    assert (side["points"], side["outside"]) == ([67.5, 40.0], True)
    assert box["points"] == [45.0, 28.0, 90.0, 52.0] and box["group"] == skeleton["group"] == 1
    assert skeleton["score"] == pytest.approx(0.7)
    sure = create(run=str(model), score_thr=0.1).detect(context(0.69), Image.fromarray(lamp(60, 40)))
    assert sure[0]["elements"][1]["points"] == [70.0, 40.0]
    assert function.detect(context(0.71), Image.fromarray(lamp(60, 40))) == []


def test_a_frame_is_turned_as_cvat_shows_it(sdk: Any, model: Path, tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored as it lies, to be turned by 90° clockwise
    Image.fromarray(np.rot90(lamp(60, 40)).copy()).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as turned:
        skeleton, _ = create(run=str(model)).detect(context(), turned)
    assert skeleton["elements"][0]["points"] == [60.0, 40.0]


def test_the_driver_takes_it_for_a_task_of_our_labels(sdk: Any, model: Path):
    """``cvat-cli`` loads the module; the labels are matched with those of ``dataset export --to cvat``."""
    from cvat_sdk import models
    from cvat_sdk.auto_annotation.driver import _AnnotationMapper

    common = pytest.importorskip("cvat_cli._internal.common", reason="cvat-cli is not installed")
    function = common.FunctionLoader(MODULE, None, {"run": str(model)}).load()
    schema = KeypointSchema("lamp", ("spot", "side"), (), (("spot", "side"),))
    specs = label_specs(schema, ["lamp"], skeleton_svg(schema, []))
    labels = [
        models.Label._from_openapi_data(
            id=100 + i, name=spec["name"], type=spec["type"], attributes=[],
            sublabels=[
                models.Sublabel._from_openapi_data(id=200 + j, name=part["name"], type="points", attributes=[])
                for j, part in enumerate(spec.get("sublabels", []))
            ],
        )
        for i, spec in enumerate(specs)
    ]  # fmt: skip
    mapper = _AnnotationMapper(
        logging.getLogger(),
        function.spec.labels,
        labels,
        allow_unmatched_labels=False,
        conv_mask_to_poly=False,
    )
    _, shapes = mapper.validate_and_remap(function.detect(context(), Image.fromarray(lamp(60, 40))), 7)
    assert [(shape.label_id, shape.frame) for shape in shapes] == [(100, 7), (101, 7)]
    assert [element.label_id for element in shapes[0].elements] == [200, 201]
    file = Path(__file__).resolve().parents[3] / "docs/examples/cvat_function.py"
    only = common.FunctionLoader(None, file, {"run": str(model)}).load()  # without boxes
    assert [label.name for label in only.spec.labels] == ["lamp"]
    assert len(only.detect(context(), Image.fromarray(lamp(60, 40)))) == 1


def test_without_cvat_sdk_it_says_what_to_install(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "cvat_sdk", None)
    with pytest.raises(
        MachineError, match=r"cvat-sdk is not installed; to do: pip install 'kpplugins\[cvat\]'"
    ):
        create(run=str(model))


def test_the_function_without_the_package(model: Path, monkeypatch: pytest.MonkeyPatch):
    """What is found becomes shapes of every keypoint, whatever makes the shapes."""
    made = {
        name: (lambda kind: lambda *args, **more: {"kind": kind, "args": args, **more})(name)
        for name in (
            "keypoint_spec",
            "skeleton_label_spec",
            "label_spec",
            "skeleton",
            "rectangle",
            "keypoint",
        )
    }
    fake = SimpleNamespace(**made, DetectionFunctionSpec=lambda labels: labels)
    monkeypatch.setitem(sys.modules, "cvat_sdk", SimpleNamespace(auto_annotation=fake))
    function = create(run=str(model))
    assert [(label["kind"], label["args"][0]) for label in function.spec] == [
        ("skeleton_label_spec", "lamp"), ("label_spec", "lamp box"),
    ]  # fmt: skip
    frame = SimpleNamespace(frame_name="a.png", conf_threshold=None)
    skeleton, box = function.detect(frame, Image.fromarray(lamp(60, 40)))
    assert [part["args"] for part in skeleton["args"][1]] == [(0, [60.0, 40.0]), (1, [67.5, 40.0])]
    assert box["args"] == (1, [45.0, 28.0, 90.0, 52.0])
    deep = Image.fromarray(cv2.cvtColor(lamp(60, 40), cv2.COLOR_BGR2GRAY).astype(np.uint16) * 257)
    assert function.detect(frame, deep)[0]["args"][1][0]["args"] == (0, [60.0, 40.0])


def test_what_is_shown_follows_visibility_and_the_image():
    """By hand: absent, occluded, outside the image; without box and keypoint nothing is left."""
    schema = KeypointSchema("pet", ("a", "b", "c"))
    keypoints = np.array([[[5, 5], [6, 6], [50, 7]], [[90, 90]] * 3], float)
    result = PoseResult(
        keypoints, np.full((2, 3), 0.9), np.array([[0, 0, 20, 20], [80, 80, 99, 99]], float), schema,
        states=np.array([[0, 1, 2], [2, 2, 2]]),
    )  # fmt: skip
    (found,) = found_instances(result, ImageInfo(Path("x.png"), 40, 30))
    assert isinstance(found.record, PoseRecord) and found.record.category == "pet"
    assert found.record.keypoints.tolist() == [[0, 0, 0], [6, 6, 1], [0, 0, 0]]
    assert found.score == pytest.approx(0.9) and found.scores.tolist() == [0.9] * 3
