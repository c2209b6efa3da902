"""Models that find boxes and points at once, by themselves and chosen by ``Predictor``."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from kpplugins.config.load import load_config
from kpplugins.inference.predictor import Predictor
from kpplugins.inference.trained.trained_one_stage import TrainedOneStage
from kpplugins.inference.trained.trained_top_down import TrainedTopDown
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

SCHEMA = KeypointSchema("thing", ("left_end", "right_end"), flip_pairs=(("left_end", "right_end"),))
ONE_STAGE = """
_base_ = "{root}/configs/custom_centernet.py"
input_size = (64, 64)
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, feat_channels=16))
"""
TOP_DOWN = """
_base_ = "{root}/configs/custom_hourglass_small.py"
input_size = (64, 64)
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=2))
"""
IMAGE = np.full((60, 100, 3), 127, np.uint8)


def run_folder(folder: Path, root: Path, text: str, classes: list[str] | None) -> tuple[Path, Path]:
    """What training leaves, with weights that were not trained."""
    folder.mkdir()
    config, checkpoint = folder / "run.py", folder / "epoch_1.pth"
    config.write_text(text.format(root=root))
    SCHEMA.save(folder / "schema.json")
    if classes is not None:
        (folder / "classes.json").write_text(json.dumps(classes))
    torch.manual_seed(0)
    network = MODELS.build(load_config(config, schema=SCHEMA, classes=classes).model)
    torch.save({"state_dict": network.state_dict()}, checkpoint)
    return config, checkpoint


@pytest.fixture(scope="module")
def one_stage(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return run_folder(tmp_path_factory.mktemp("runs") / "one", root, ONE_STAGE, ["cup", "plate"])


def finding(predictor: Predictor, scores: list[float], labels: list[int]) -> Predictor:
    """The predictor with a network that finds as many instances, the i-th i pixels to the right."""
    n = len(scores)
    places = np.arange(n, dtype=np.float32)[:, None]
    found = InstanceData(
        bboxes=np.array([[10, 20, 30, 40]], np.float32) + places * [1, 0, 1, 0],
        bbox_scores=np.array(scores, np.float32),
        labels=np.array(labels),
        keypoints=np.array([[[12, 22], [28, 38]]], np.float32) + places[..., None] * [1, 0],
        keypoint_scores=np.full((n, 2), 0.5, np.float32),
    )
    sample = PoseDataSample()
    sample.pred_instances = found
    predictor.model.trained.network.test_step = lambda batch: [sample]
    return predictor


def test_the_config_says_which_model_it_is(root: Path, one_stage, tmp_path: Path):
    assert isinstance(Predictor(*one_stage, "cpu").model, TrainedOneStage)
    top_down = run_folder(tmp_path / "two", root, TOP_DOWN, None)
    assert isinstance(Predictor(*top_down, "cpu").model, TrainedTopDown)


def test_a_real_network_gives_instances_in_the_images_pixels(one_stage):
    result = Predictor(*one_stage, "cpu", box_thr=0.0)(IMAGE)
    n = len(result.boxes)
    assert n > 0 and result.keypoints.shape == (n, 2, 2) and result.scores.shape == (n, 2)
    assert set(result.categories) <= {"cup", "plate"}
    assert np.isfinite(result.keypoints).all() and (np.diff(result.box_scores) <= 0).all()


def test_instances_below_the_threshold_are_left_out_with_all_that_is_theirs(one_stage):
    predictor = finding(Predictor(*one_stage, "cpu", box_thr=0.4), [0.9, 0.3, 0.4], [1, 0, 0])
    result = predictor(IMAGE)
    assert result.boxes.tolist() == [[10, 20, 30, 40], [12, 20, 32, 40]]
    assert result.keypoints[:, 0].tolist() == [[12, 22], [14, 22]]
    assert result.categories == ("plate", "cup")
    assert result.box_scores == pytest.approx([0.9, 0.4])
    content = result.to_dict()["instances"]
    assert content[0]["category"] == "plate" and content[0]["score"] == pytest.approx(0.9)
    assert predictor.follow(IMAGE, result).boxes.tolist() == result.boxes.tolist()


def test_nothing_found_is_an_empty_result(one_stage):
    result = finding(Predictor(*one_stage, "cpu"), [0.1], [0])(IMAGE)
    assert result.keypoints.shape == (0, 2, 2) and result.categories == ()
    assert result.to_dict()["instances"] == []


def test_without_names_of_classes_there_is_one_called_as_the_schema(root: Path, tmp_path: Path):
    predictor = Predictor(*run_folder(tmp_path / "run", root, ONE_STAGE, None), "cpu")
    assert finding(predictor, [0.9], [0])(IMAGE).categories == ("thing",)
    with pytest.raises(BadInputError, match="label without a name"):
        finding(predictor, [0.9], [1])(IMAGE)


def test_what_it_does_not_take_is_said(one_stage, root: Path, tmp_path: Path):
    predictor = Predictor(*one_stage, "cpu")
    with pytest.raises(BadInputError, match="does not take boxes"):
        predictor(IMAGE, np.array([[0, 0, 10, 10]]))
    with pytest.raises(BadInputError, match="not an image"):
        predictor(np.zeros((5, 6, 7), np.uint8))
    with pytest.raises(BadInputError, match="finds its boxes itself"):
        Predictor(*one_stage, "cpu", detector=object())
    broken = run_folder(tmp_path / "run", root, ONE_STAGE, None)
    (broken[0].parent / "classes.json").write_text('{"a": 1}')
    with pytest.raises(BadInputError, match=r"classes\.json: not the names of categories"):
        Predictor(*broken, "cpu")
