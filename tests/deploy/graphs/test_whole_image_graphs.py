"""The graphs of CenterNet, Keypoint R-CNN and RTMDet in ONNX Runtime, against the trained models."""

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS
from torch import nn

from kpplugins.apis.exporting.samples import Sample
from kpplugins.apis.exporting.whole_image_graphs import box_graph, one_stage_graph
from kpplugins.apis.exporting.whole_image_proof import FAR, WholeImageProof
from kpplugins.config.load import load_config
from kpplugins.deploy.graphs.centernet_graph import CenterNetGraph
from kpplugins.deploy.graphs.keypoint_rcnn_graph import KeypointRcnnGraph
from kpplugins.deploy.graphs.rtmdet_graph import RtmdetGraph
from kpplugins.deploy.runtimes.onnx_runtime import OnnxRuntime
from kpplugins.deploy.targets.export_target import Order
from kpplugins.deploy.targets.onnx_target import write_onnx
from kpplugins.inference.trained.trained_model import TrainedModel
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

SCHEMA = KeypointSchema("thing", ("head", "tail"), flip_pairs=(("head", "tail"),))
SIZES = [(80, 80), (200, 120), (97, 211), (640, 480), (33, 20)]
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "centernet": ("custom_centernet", {
        "input_size": (64, 64), "model.backbone.channels": 16, "model.head.in_channels": 16,
        "model.head.feat_channels": 16,
    }),
    "keypoint_rcnn": ("_base_/keypoint_rcnn", {
        "model.weights": None, "model.backbone": "mobilenet_v3_small", "model.min_size": 64, "model.max_size": 96,
        "model.fpn_channels": 16, "model.keypoint_layers": (16, 16),
        "model.torchvision_args": {"rpn_pre_nms_top_n_test": 50, "rpn_post_nms_top_n_test": 50},
        "model.test_cfg.score_thr": 0.0,
    }),
    "rtmdet": ("detector_rtmdet_tiny", {
        "input_size": (64, 64), "model.backbone.widen_factor": 0.125, "model.backbone.init_cfg": None,
        "model.neck.in_channels": [32, 64, 128], "model.neck.out_channels": 32, "model.bbox_head.in_channels": 32,
        "model.bbox_head.feat_channels": 32, "model.bbox_head.exp_on_reg": True,
    }),
}  # fmt: skip
"""Small children of the configs that users have."""
GRAPHS = {"centernet": CenterNetGraph, "keypoint_rcnn": KeypointRcnnGraph, "rtmdet": RtmdetGraph}


def scene(count: int, size: tuple[int, int] = (80, 80), shift: int = 0) -> np.ndarray:
    """An image with nothing, a bright cup, or a cup and a dark plate."""
    image = np.full((80, 80, 3), 127, np.uint8)
    if count:
        image[6 : 6 + 24, 4 + shift : 34 + shift] = 250
    if count > 1:
        image[30 : 30 + 24, 44:74] = 10
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)


SCENES = [scene(count, size, i) for i, size in enumerate(SIZES) for count in (0, 1, 2)]


def learn(model: Any, cfg: Any, steps: int) -> None:
    """Let a network learn four images, more or less."""
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    batch = pseudo_collate([dataset[i] for i in range(4)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    model.train()
    for _ in range(steps):
        losses = model(**model.data_preprocessor(batch, True), mode="loss")
        optimizer.zero_grad()
        sum(value for name, value in losses.items() if "loss" in name).backward()
        optimizer.step()


def scatter(model: Any) -> None:
    """Let scores and boxes of random weights differ from place to place: statistics of images, and larger weights."""
    inputs = torch.from_numpy(np.stack([cv2.resize(image, (64, 64)) for image in SCENES]))
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = None  # the mean of all batches
    with torch.no_grad():
        model.train()(inputs.permute(0, 3, 1, 2) / 60.0 - 2, None, mode="tensor")
        for layer in model.bbox_head.rtm_cls:
            layer.weight.normal_(std=0.1)


@pytest.fixture(scope="module")
def trained(root: Path, cups_and_plates: Path) -> Callable[[str], TrainedModel]:
    """A model by its name, whose own threshold leaves nothing in some images, and one or several in others."""
    made: dict[str, TrainedModel] = {}

    def of(name: str) -> TrainedModel:
        if name not in made:
            made[name] = model_of(root, name, cups_and_plates)
        return made[name]

    return of


def model_of(root: Path, name: str, data: Path) -> TrainedModel:
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    config, options = CONFIGS[name]
    cfg = load_config(
        root / f"configs/{config}.py", data=data, schema=SCHEMA, classes=("cup", "plate"), cfg_options=options
    )
    init_default_scope("mmpose")
    model = MODELS.build(cfg.model)
    model.init_weights()
    if name == "rtmdet":
        scatter(model)
    else:
        learn(model, cfg, 60 if name == "centernet" else 5)
    if name == "keypoint_rcnn":  # else its maps are almost flat after so little learning
        model.roi_heads.keypoint_predictor.kps_score_lowres.weight.data.mul_(100)
    pipeline = Compose(cfg.test_dataloader.dataset.pipeline)
    made = TrainedModel(cfg, model.eval(), pipeline, SCHEMA, ("cup", "plate"), "cpu", name)
    proof = WholeImageProof(made, None, False)
    found = [np.sort(proof.expected(Sample(image, None))["box_scores"])[::-1] for image in SCENES]
    threshold = dividing(found)
    if name == "centernet":
        model.test_cfg = {**model.test_cfg, "score_thr": threshold}
    elif name == "rtmdet":
        model.bbox_head.test_cfg.score_thr = threshold
    else:
        model.roi_heads.score_thresh = threshold
    return made


def dividing(found: list[np.ndarray]) -> float:
    """A score that nothing reaches in some images, one instance in others, and several in yet others."""
    for high, low in pairwise(np.unique(np.concatenate(found))[::-1]):
        counts = [int((scores > low).sum()) for scores in found]
        if high - low > 1e-5 and 0 in counts and 1 in counts and max(counts) > 1:
            return float(high + low) / 2
    raise AssertionError("no such score")


def graph_of(trained: TrainedModel, flip_test: bool = False) -> Any:
    graph = box_graph(trained) if "bbox_head" in trained.config.model else one_stage_graph(trained, flip_test)
    return graph.eval()


def proof_of(trained: TrainedModel, flip_test: bool = False) -> WholeImageProof:
    return WholeImageProof(trained, graph_of(trained, flip_test), flip_test)


@pytest.fixture(scope="module")
def written(
    trained: Callable[[str], TrainedModel], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., OnnxRuntime]:
    """The graph in ONNX Runtime."""
    made: dict[tuple, OnnxRuntime] = {}

    def of(name: str, flip_test: bool = False) -> OnnxRuntime:
        if (name, flip_test) not in made:
            folder = tmp_path_factory.mktemp(name)
            write_onnx(graph_of(trained(name), flip_test), folder / "model.onnx", Order())
            made[name, flip_test] = OnnxRuntime(folder / "model.onnx", 1)
        return made[name, flip_test]

    return of


def same(proof: WholeImageProof, file: OnnxRuntime, image: np.ndarray) -> int:
    """Assert that the file finds what the trained model finds; returns how many instances."""
    sample = Sample(image, None)
    expected, actual = proof.expected(sample), file.run(proof.inputs(sample))
    assert {name: value.shape for name, value in actual.items()} == {n: v.shape for n, v in expected.items()}
    away, scores = proof.distances(expected, actual)
    wrong = away > 0.1
    if wrong.any():  # in an almost flat map rounding decides where the peak is
        assert not (wrong & proof.steady(sample, actual, 0.1)).any() and wrong.mean() < 0.1
    assert scores.max(initial=0) <= 1e-4
    if "scores" in expected:
        assert np.sort(actual["scores"], axis=0) == pytest.approx(
            np.sort(expected["scores"], axis=0), abs=1e-4
        )
    assert (np.diff(actual["box_scores"]) <= 0).all()
    return len(expected["boxes"])


@pytest.mark.parametrize("name", CONFIGS)
def test_the_file_finds_what_the_trained_model_finds(trained, written, name: str):
    """In images with nothing, one and several instances, of several sizes."""
    proof, file = proof_of(trained(name)), written(name)
    counts = [same(proof, file, image) for image in SCENES]
    assert min(counts) == 0 and 1 in counts and max(counts) > 1
    graph = graph_of(trained(name))
    assert isinstance(graph, GRAPHS[name])
    assert file.names == [port.name for port in graph.outputs]


def test_the_mirrored_image_is_averaged_in(trained, written):
    proof, file = proof_of(trained("centernet"), True), written("centernet", True)
    counts = [same(proof, file, image) for image in SCENES]
    assert max(counts) > 0
    once = written("centernet").run({"image": SCENES[2]})
    assert not np.array_equal(once["box_scores"], file.run({"image": SCENES[2]})["box_scores"])


@pytest.mark.parametrize("name", CONFIGS)
def test_real_images_too(trained, written, real_data: Path, name: str):
    files = sorted((real_data / "glue_tubes").rglob("*.jpg"))[:4]
    assert files
    proof, file = proof_of(trained(name)), written(name)
    for path in files:
        image = cv2.imread(str(path))
        same(proof, file, image)
        same(proof, file, cv2.resize(image, None, fx=0.37, fy=0.37))


def test_what_has_no_graph_is_refused(trained):
    model = trained("centernet")
    steps = model.config.test_dataloader.dataset.pipeline
    with pytest.raises(BadInputError, match="no flip test"):
        one_stage_graph(trained("keypoint_rcnn"), True)
    before = steps[1]
    steps[1] = {"type": "BottomupResize", "input_size": (64, 64)}
    with pytest.raises(BadInputError, match="no graph for this test pipeline; expected ImageAffine"):
        one_stage_graph(model, False)
    steps[1] = {**before, "input_size": (32, 32)}
    with pytest.raises(BadInputError, match="different sizes"):
        one_stage_graph(model, False)
    steps[1] = before
    other = TrainedModel(model.config, nn.Identity(), model.pipeline, SCHEMA, (), "cpu", "dekr")
    with pytest.raises(BadInputError, match="no graph for this one-stage model.*CenterNetPoseHead"):
        one_stage_graph(other, False)
    with pytest.raises(BadInputError, match="no graph for this detector.*RTMDet"):
        box_graph(other)
    steps = trained("rtmdet").config.test_dataloader.dataset.pipeline
    fit = next(step for step in steps if step.type.endswith("Resize"))
    fit.keep_ratio = False
    with pytest.raises(BadInputError, match="no graph for this way to fit images"):
        box_graph(trained("rtmdet"))
    fit.keep_ratio = True


def test_the_proof_sees_what_is_wrong(trained):
    """A surplus instance, a missing one, one of another category, and a keypoint beside its place."""
    proof, sample = proof_of(trained("centernet")), Sample(SCENES[2], None)
    right = proof.expected(sample)
    assert len(right["boxes"]) and proof.distances(right, right)[0].max() == 0

    def steadily_wrong(**changed: np.ndarray) -> float:
        actual = {**right, **changed}
        away = proof.distances(right, actual)[0]
        return float(away[proof.steady(sample, actual, 0.1)].max())

    twice = {name: np.concatenate([value, value[:1]]) for name, value in right.items()}
    assert steadily_wrong(**{**twice, "boxes": np.concatenate([right["boxes"], right["boxes"][:1] + 7])}) > 4
    assert steadily_wrong(**{name: value[:0] for name, value in right.items()}) == FAR
    assert steadily_wrong(labels=right["labels"] + 5) == FAR
    assert steadily_wrong(keypoints=right["keypoints"] + [0.3, 0.4]) == pytest.approx(0.5, abs=1e-4)
