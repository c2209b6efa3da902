"""Keypoint R-CNN: torchvision's numbers, and what is learnt from which instance."""

import copy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.structures import InstanceData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import nn
from torchvision.models.detection import KeypointRCNN as Bare
from torchvision.models.detection import keypointrcnn_resnet50_fpn
from torchvision.models.detection.backbone_utils import mobilenet_backbone
from torchvision.models.detection.keypoint_rcnn import KeypointRCNNHeads, KeypointRCNNPredictor

import kpplugins.register  # noqa: F401
from kpplugins.engine.cpu_amp_optim_wrapper import CpuAmpOptimWrapper
from kpplugins.evaluation import BoxKeypointMetric
from kpplugins.models.detectors import ignoring_roi_heads, ignoring_rpn
from kpplugins.models.detectors.ignoring_rpn import IgnoringRPN
from kpplugins.models.detectors.keypoint_rcnn import KeypointRCNN
from kpplugins.models.detectors.keypoint_rcnn_targets import target_of
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

LOSSES = ["loss_classifier", "loss_box_reg", "loss_keypoint", "loss_objectness", "loss_rpn_box_reg"]
K = 3
SMALL = dict(
    num_keypoints=K,
    num_classes=2,
    backbone="mobilenet_v3_small",
    min_size=96,
    max_size=160,
    keypoint_layers=(32, 32),
    torchvision_args=dict(
        box_batch_size_per_image=16,
        rpn_batch_size_per_image=64,
        rpn_post_nms_top_n_train=200,
        rpn_post_nms_top_n_test=50,
    ),
)


@pytest.fixture(scope="module")
def small() -> KeypointRCNN:
    """Untrained; tests that change it take a copy."""
    torch.manual_seed(0)
    return KeypointRCNN(**SMALL)


def bare_of(model: KeypointRCNN) -> Bare:
    """The same network by torchvision alone."""
    backbone = mobilenet_backbone(
        backbone_name="mobilenet_v3_small",
        weights=None,
        fpn=True,
        norm_layer=nn.BatchNorm2d,
        trainable_layers=6,
        returned_layers=[1, 2, 3, 5],
    )
    bare = Bare(
        backbone,
        3,
        min_size=96,
        max_size=160,
        keypoint_head=KeypointRCNNHeads(256, (32, 32)),
        keypoint_predictor=KeypointRCNNPredictor(32, K),
        **SMALL["torchvision_args"],
    )
    bare.load_state_dict(model.state_dict())
    return bare.train(model.training)


def drawn(seed: int, size: tuple[int, int] = (100, 140), number: int = 2, **changed) -> dict:
    """An image of ``size`` (h, w) with bright boxes, three points in each; the second box is of the second class."""
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 60, (*size, 3)).astype(np.uint8)
    boxes = np.zeros((number, 4), np.float32)
    for i in range(number):
        x, y = 10 + 60 * i + generator.integers(0, 10), 15 + generator.integers(0, 20)
        boxes[i] = x, y, x + 35, y + 45
        cv2.rectangle(image, (int(x), int(y)), (int(x) + 35, int(y) + 45), (40, 200, 240 - 200 * i), -1)
    corners = boxes.reshape(-1, 2, 2)
    middle = corners.mean(1, keepdims=True)
    keypoints = np.concatenate([middle + 0.5 * (corners - middle), middle], axis=1)
    for point in keypoints.reshape(-1, 2):
        cv2.circle(image, tuple(int(v) for v in point), 3, (255, 0, 255), -1)
    truth = dict(
        bboxes=boxes,
        labels=np.arange(number) % 2,
        keypoints=keypoints,
        keypoints_visible=np.ones((number, K), np.float32),
        iscrowd=np.zeros(number, np.int64),
    )
    sample = PoseDataSample(metainfo={"img_path": f"drawn_{seed}.png", "ori_shape": size, "img_shape": size})
    sample.gt_instances = InstanceData(**{**truth, **changed})
    return {"inputs": torch.from_numpy(image).permute(2, 0, 1).contiguous(), "data_samples": sample}


def batch_of(*drawings: dict) -> dict:
    return {key: [copy.deepcopy(one[key]) for one in drawings] for key in ("inputs", "data_samples")}


def bare_inputs(batch: dict) -> tuple[list, list]:
    images = [image.flip(0).float() / 255 for image in batch["inputs"]]
    targets = [
        dict(
            boxes=torch.from_numpy(t.bboxes),
            labels=torch.from_numpy(t.labels) + 1,
            keypoints=torch.from_numpy(
                np.concatenate([t.keypoints, t.keypoints_visible[..., None]], axis=-1)
            ),
        )
        for t in (sample.gt_instances for sample in batch["data_samples"])
    ]
    return images, targets


def losses_of(model: KeypointRCNN, *drawings: dict) -> dict:
    model = copy.deepcopy(model).train()
    torch.manual_seed(0)
    return model(**model.data_preprocessor(batch_of(*drawings), True), mode="loss")


def assert_same(samples: list, found: list) -> None:
    """Ours in NumPy against torchvision's, bit by bit."""
    for sample, expected in zip(samples, found, strict=True):
        ours = sample.pred_instances
        assert np.array_equal(ours.bboxes, expected["boxes"].numpy())
        assert np.array_equal(ours.bbox_scores, expected["scores"].numpy())
        assert np.array_equal(ours.labels, expected["labels"].numpy() - 1)
        assert np.array_equal(ours.keypoints, expected["keypoints"].numpy()[..., :2])
        assert np.array_equal(ours.keypoint_scores, expected["keypoints_scores"].sigmoid().numpy())
        assert (np.diff(ours.bbox_scores) <= 0).all()


def test_predictions_are_torchvisions_bit_by_bit(small: KeypointRCNN):
    batch = batch_of(drawn(0), drawn(1, (120, 90), 1), drawn(2, (64, 64), 0))
    small.eval()
    with torch.inference_mode():
        found = bare_of(small)(bare_inputs(batch)[0])
        assert sum(len(one["boxes"]) for one in found) > 10
        assert_same(small.test_step(batch), found)


def test_the_published_architecture_is_torchvisions_bit_by_bit():
    torch.manual_seed(0)
    bare = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None, min_size=64, max_size=96).eval()
    model = KeypointRCNN(17, 1, min_size=64, max_size=96).eval()
    model.load_state_dict(bare.state_dict())  # no name differs
    batch = batch_of(drawn(0), drawn(1, (90, 70), 1))
    with torch.inference_mode():
        assert_same(model.test_step(batch), bare(bare_inputs(batch)[0]))


def test_real_images_give_torchvisions_numbers(small: KeypointRCNN, real_data: Path):
    files = sorted((real_data / "coco_mini/val2017").glob("*.jpg"))[:4]
    images = [cv2.imread(str(file)) for file in files]
    batch = {
        "inputs": [torch.from_numpy(p).permute(2, 0, 1).contiguous() for p in images],
        "data_samples": [PoseDataSample(metainfo={"ori_shape": p.shape[:2]}) for p in images],
    }
    small.eval()
    with torch.inference_mode():
        found = bare_of(small)([p.flip(0).float() / 255 for p in batch["inputs"]])
        assert_same(small.test_step(batch), found)


def test_losses_are_torchvisions_on_the_same_seed(small: KeypointRCNN):
    drawings = drawn(0), drawn(1, (120, 90), 1), drawn(2, (64, 64), 0)
    ours = losses_of(small, *drawings)
    bare = bare_of(small).train()
    torch.manual_seed(0)
    theirs = bare(*bare_inputs(batch_of(*drawings)))
    assert list(ours) == LOSSES
    for name in LOSSES:
        assert torch.equal(ours[name], theirs[name]) and ours[name] > 0, name


def test_channels_last_gives_the_same_but_for_rounding(small: KeypointRCNN):
    changed = KeypointRCNN(**SMALL, channels_last=True)
    changed.load_state_dict(small.state_dict())
    weight = changed.backbone.fpn.layer_blocks[0][0].weight
    assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    images = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, found = small.eval().backbone(images), changed.eval().backbone(images)
        for level, features in expected.items():
            torch.testing.assert_close(found[level], features, rtol=1e-3, atol=1e-4)
        proposals = torch.rand(3, small.roi_heads.keypoint_head[0].in_channels, 14, 14)
        maps = [
            m.roi_heads.keypoint_predictor(m.roi_heads.keypoint_head(proposals)) for m in (small, changed)
        ]
        torch.testing.assert_close(*maps, rtol=1e-3, atol=1e-4)
    sum(losses_of(changed, drawn(0), drawn(1, (120, 90), 1)).values()).backward()  # by torchvision's losses


@pytest.mark.parametrize(
    ("numbers", "precision"),
    [
        ((0, 0), None),
        ((0, 0), torch.bfloat16),
        ((2, 0), None),
        ((2, 0), torch.bfloat16),
        ((2, 0), torch.float16),
    ],
    ids=str,
)
def test_every_weight_has_a_finite_gradient(small: KeypointRCNN, numbers: tuple, precision):
    torch.manual_seed(0)
    narrow = precision == torch.float16  # whose convolutions run backward without a fast path on a CPU
    model = (KeypointRCNN(**SMALL, fpn_channels=32) if narrow else copy.deepcopy(small)).train()
    batch = batch_of(*(drawn(i, (64, 140), number=n) for i, n in enumerate(numbers)))
    with torch.autocast("cpu", dtype=precision or torch.bfloat16, enabled=precision is not None):
        losses = model(**model.data_preprocessor(batch, True), mode="loss")
    assert all(value.isfinite() for value in losses.values()) and list(losses) == LOSSES
    if not sum(numbers):
        assert losses["loss_keypoint"] == losses["loss_box_reg"] == losses["loss_rpn_box_reg"] == 0
    sum(losses.values()).backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None and weight.grad.isfinite().all(), name


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_coordinates(small: KeypointRCNN, precision):
    """Anchors and decoded boxes are float32: bfloat16 has 8 bits, multiples of 1 from 128 on."""
    model = copy.deepcopy(small).eval()
    proposals = []
    model.rpn.register_forward_hook(lambda _m, _i, output: proposals.append(output[0][0]))
    with torch.inference_mode():
        exact = model.test_step(batch_of(drawn(0)))[0].pred_instances
        with torch.autocast("cpu", dtype=precision):
            half = model.test_step(batch_of(drawn(0)))[0].pred_instances
    inner = proposals[1][(proposals[1] > 64) & (proposals[1] < 95)]
    assert (
        proposals[1].dtype == torch.float32 and len(inner) and ((inner * 2).frac() != 0).float().mean() > 0.9
    )
    assert half.bboxes.dtype == half.keypoints.dtype == np.float32
    assert len(half.bboxes) and np.abs(half.bbox_scores[:5] - exact.bbox_scores[:5]).max() < 0.05


def test_crowds_teach_nothing_and_their_place_is_no_background(small: KeypointRCNN):
    alone, crowded = drawn(0), drawn(0)
    alone["data_samples"].gt_instances = alone["data_samples"].gt_instances[:1]
    crowd = crowded["data_samples"].gt_instances
    crowd.iscrowd[1], crowd.labels[1] = 1, 9
    crowd.keypoints[1] = np.nan  # nobody looks at it
    inputs = [one["inputs"].flip(0).float() / 255 for one in (alone, crowded)]
    targets = [
        target_of(one["data_samples"], (100, 140), K, 2, torch.device("cpu")) for one in (alone, crowded)
    ]
    assert [len(t["boxes"]) for t in targets] == [1, 1]
    assert torch.equal(targets[1]["ignored"], torch.from_numpy(crowd.bboxes[1:]))
    images, moved = small.transform(inputs, targets)
    region = targets[1]["ignored"] * torch.tensor([134 / 140, 96 / 100] * 2)  # its shorter side becomes 96
    features = small.backbone(images.tensors)
    anchors = small.rpn.anchor_generator(images, list(features.values()))
    moved[1]["ignored"] = region
    (plain, other), _ = small.rpn.assign_targets_to_anchors(anchors, moved)
    changed = plain != other
    assert changed.any() and (plain[changed] == 0).all() and (other[changed] == -1).all()
    x, y = ((anchors[0][changed, :2] + anchors[0][changed, 2:]) / 2).unbind(1)
    assert ((x > region[0, 0]) & (x < region[0, 2]) & (y > region[0, 1]) & (y < region[0, 3])).all()
    # in the heads: the crowd's own box as a proposal is no sample, beside one far from it
    far = torch.tensor([[100.0, 80, 120, 100]])
    heads = copy.deepcopy(small).train().roi_heads
    samples, *_ = heads.select_training_samples([torch.cat([region, far])] * 2, moved)
    assert (samples[0] == region).all(1).any() and not (samples[1] == region).all(1).any()
    assert (samples[1] == far).all(1).any()


def test_the_crowds_box_is_resized_with_the_image(small: KeypointRCNN, monkeypatch: pytest.MonkeyPatch):
    crowded, seen = drawn(0), []
    crowded["data_samples"].gt_instances.iscrowd[1] = 1
    real = IgnoringRPN.assign_targets_to_anchors
    monkeypatch.setattr(
        IgnoringRPN, "assign_targets_to_anchors", lambda self, a, t: seen.extend(t) or real(self, a, t)
    )
    losses_of(small, crowded)
    expected = crowded["data_samples"].gt_instances.bboxes[1:] * np.array([134 / 140, 96 / 100] * 2)
    assert np.allclose(seen[0]["ignored"].numpy(), expected, atol=0.5)


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("number", [1, 2])
def test_a_image_of_nothing_but_crowds_is_one_without_instances(
    small: KeypointRCNN, number: int, everywhere: bool, monkeypatch: pytest.MonkeyPatch
):
    if everywhere:  # no anchor and no proposal is left to learn from
        for room in (ignoring_rpn, ignoring_roi_heads):
            monkeypatch.setattr(
                room, "mostly_within", lambda boxes, regions: torch.ones(len(boxes), dtype=bool)
            )
    losses = losses_of(small, drawn(0, number=number, iscrowd=np.ones(number, np.int64)))
    assert losses["loss_keypoint"] == 0 and losses["loss_box_reg"] == 0 and losses["loss_rpn_box_reg"] == 0
    assert all(torch.isfinite(losses[name]) and losses[name].requires_grad for name in LOSSES)


def test_an_instance_without_points_trains_the_boxes_only(small: KeypointRCNN):
    nowhere = np.full((2, K, 2), np.nan, np.float32)
    losses = losses_of(small, drawn(0, keypoints=nowhere, keypoints_visible=np.zeros((2, K), np.float32)))
    assert losses["loss_keypoint"] == 0 and losses["loss_keypoint"].requires_grad
    assert losses["loss_box_reg"] > 0 and losses["loss_rpn_box_reg"] > 0
    mixed = drawn(0, keypoints_visible=np.array([[1, 1, 1], [0, 0, 0]], np.float32))
    assert losses_of(small, mixed)["loss_keypoint"] > 1


def test_boxes_are_clipped_and_those_outside_go(small: KeypointRCNN):
    beyond = drawn(0, bboxes=np.array([[-30, -20, 60, 70], [90, 50, 500, 400]], np.float32))
    within = drawn(0, bboxes=np.array([[0, 0, 60, 70], [90, 50, 140, 100]], np.float32))
    one, other = losses_of(small, beyond), losses_of(small, within)
    assert all(torch.equal(one[name], other[name]) for name in LOSSES)
    boxes = np.array([[10, 10, 50, 50], [-40, 0, -5, 30]], np.float32)
    one = losses_of(small, drawn(0, bboxes=boxes))
    other = losses_of(small, drawn(0, bboxes=boxes, iscrowd=np.array([0, 1])))
    assert all(torch.equal(one[name], other[name]) for name in LOSSES)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(bboxes=np.array([[1, 2, np.nan, 9], [0, 0, 5, 5]])), "drawn_7.png: box 0 has no area"),
        (dict(bboxes=np.array([[0, 0, 5, 5], [9, 9, 9, 20]])), "drawn_7.png: box 1 has no area"),
        (dict(bboxes=np.array([[60, 50, 35, 45], [0, 0, 5, 5]])), "drawn_7.png: box 0.*height for corners"),
        (dict(labels=np.array([0, 2])), "drawn_7.png: a class .*category_id 1 to 2; found 3"),
        (dict(labels=np.array([-1, 0])), "drawn_7.png: a class .*found 0"),
        (dict(labels=None), "drawn_7.png: not one class per box"),
        (
            dict(keypoints=np.zeros((2, 5, 2))),
            r"model.num_keypoints and drawn_7.png.*\(2, 3, 2\).*\(2, 5, 2\)",
        ),
        (dict(keypoints=np.full((2, K, 2), np.inf)), "drawn_7.png: keypoint 0 of instance 0 is labelled"),
    ],
)
def test_wrong_truths_name_the_image(small: KeypointRCNN, changed: dict, message: str):
    drawing = drawn(7, **{key: value for key, value in changed.items() if value is not None})
    for key in (key for key, value in changed.items() if value is None):
        drawing["data_samples"].gt_instances.pop(key)
    with pytest.raises(BadInputError, match=message):
        losses_of(small, drawing)


def test_a_sample_without_instances_is_no_background(small: KeypointRCNN):
    drawing = drawn(7)
    del drawing["data_samples"].gt_instances
    with pytest.raises(BadInputError, match="drawn_7.png: no boxes to learn from.*bottomup"):
        losses_of(small, drawing)


def test_nothing_found_is_an_empty_result():
    model = KeypointRCNN(**SMALL, test_cfg=dict(score_thr=1.0, flip_test=False)).eval()
    with torch.inference_mode():
        found = model.test_step(batch_of(drawn(0)))[0].pred_instances
    assert found.bboxes.shape == (0, 4) and found.keypoints.shape == (0, K, 2)
    assert found.keypoint_scores.shape == (0, K) and found.labels.shape == (0,)


def test_test_cfg_reaches_torchvision():
    model = KeypointRCNN(**SMALL, test_cfg=dict(score_thr=0.0, max_per_img=7, nms_thr=0.9)).eval()
    assert (model.roi_heads.score_thresh, model.roi_heads.nms_thresh) == (0.0, 0.9)
    with torch.inference_mode():
        found = model.test_step(batch_of(drawn(0)))[0].pred_instances
        own = model(**model.data_preprocessor(batch_of(drawn(0))), mode="tensor")
    assert len(found.bboxes) == len(own[0]["boxes"]) == 7
    assert set(found.labels.tolist()) <= {0, 1}
    assert ((found.keypoint_scores >= 0) & (found.keypoint_scores <= 1)).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (dict(num_keypoints=None), "model.num_keypoints"),
        (dict(keypoint_names=["a", "b"]), "model.num_keypoints.*found 3 and a, b"),
        (dict(num_classes=0), "model.num_classes"),
        (dict(backbone="vgg16"), "model.backbone.*mobilenet_v3_large.*'vgg16'"),
        (dict(backbone="vgg16", weights="imagenet"), "model.backbone"),
        (dict(norm="layer"), "model.norm"),
        (dict(fpn_channels=0), "model.fpn_channels"),
        (dict(weights="coco", trainable_backbone_layers=7), "model.trainable_backbone_layers.*0 to 6"),
        (dict(keypoint_layers=()), "model.keypoint_layers"),
        (
            dict(torchvision_args=dict(box_nms_tresh=0.3)),
            "model.torchvision_args.*'box_nms_tresh'.*box_nms_thresh",
        ),
        (dict(torchvision_args=dict(num_classes=3)), "model.torchvision_args.*'num_classes'"),
        (dict(test_cfg=dict(flip_test=True)), "model.test_cfg.flip_test"),
        (dict(test_cfg=dict(score=0.3)), "model.test_cfg.score.*score_thr"),
    ],
)
def test_wrong_arguments_are_named(wrong: dict, message: str):
    with pytest.raises(BadInputError, match=message):
        KeypointRCNN(**{**SMALL, **wrong})


def test_modes_and_resized_images_are_refused_in_words(small: KeypointRCNN):
    resized = drawn(0)
    resized["data_samples"].set_metainfo({"ori_shape": (200, 280)})
    small.eval()
    with pytest.raises(BadInputError, match="drawn_0.png.*280×200.*found 140×100"):
        small.test_step(batch_of(resized))
    with pytest.raises(RuntimeError, match=r"model\.train\(\)"):
        small(**small.data_preprocessor(batch_of(drawn(0))), mode="loss")
    with pytest.raises(RuntimeError, match="unknown mode"):
        small([], [], mode="losses")


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet_v2", "mobilenet_v3_large"])
def test_other_backbones_have_five_levels(backbone: str):
    model = KeypointRCNN(**{**SMALL, "backbone": backbone}, fpn_channels=64).eval()
    with torch.inference_mode():
        levels = model.backbone(torch.zeros(1, 3, 64, 64))
    assert [tuple(v.shape[1:]) for v in levels.values()] == [(64, n, n) for n in (16, 8, 4, 2, 1)]
    assert all(p.requires_grad for p in model.parameters())


def test_the_config_builds_it_and_the_runners_step_trains_it():
    """Two images are learnt: their boxes, classes and points are found again."""
    torch.manual_seed(0)
    preprocessor = dict(type="ImageListPreprocessor")
    model = MODELS.build(dict(type="KeypointRCNN", **SMALL, fpn_channels=64, data_preprocessor=preprocessor))
    model.init_weights()
    drawings = [drawn(0), drawn(1)]
    optimizer = OptimWrapper(torch.optim.AdamW(model.parameters(), lr=1e-3))
    logged = [model.train().train_step(batch_of(*drawings), optimizer) for _ in range(28)]
    assert list(logged[0]) == ["loss", *LOSSES]
    assert logged[-1]["loss"] < 0.5 * logged[0]["loss"]
    for module in model.modules():  # statistics of these two images
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    with torch.inference_mode():
        model(**model.data_preprocessor(batch_of(*drawings)), mode="loss")
        samples = model.eval().test_step(batch_of(*drawings))
    for sample, drawing in zip(samples, drawings, strict=True):
        found, truth = sample.pred_instances, drawing["data_samples"].gt_instances
        best = [np.flatnonzero(found.labels == label)[0] for label in truth.labels]
        assert np.abs(found.bboxes[best] - truth.bboxes).max() < 12
        assert np.abs(found.keypoints[best] - truth.keypoints).max() < 5


def test_mixed_precision_trains(small: KeypointRCNN):
    model = copy.deepcopy(small).train()
    optimizer = CpuAmpOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9))
    logged = [model.train_step(batch_of(drawn(0), drawn(1)), optimizer) for _ in range(6)]
    assert logged[-1]["loss"] < logged[0]["loss"]


def test_it_overfits_drawn_images():
    """To COCO's AP of 1 for boxes and points, by the very numbers that a test prints."""
    torch.manual_seed(0)
    model = KeypointRCNN(**SMALL, fpn_channels=32)
    drawings = [drawn(0), drawn(1, number=1), drawn(2), drawn(3, number=0)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 60)
    model.train()
    for _ in range(60):
        losses = model(**model.data_preprocessor(batch_of(*drawings), True), mode="loss")
        optimizer.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10)
        optimizer.step()
        schedule.step()
    with torch.inference_mode():
        samples = model.eval().test_step(batch_of(*drawings))
    metric = BoxKeypointMetric()
    schema = KeypointSchema("thing", ("a", "b", "middle"), sigmas=(0.05,) * K)
    metric.dataset_meta = {**parse_pose_metainfo(schema.to_metainfo()), "classes": ["bright", "dark"]}
    for i, sample in enumerate(samples):
        truth = sample.gt_instances
        sample.set_metainfo({"img_id": i, "raw_ann_info": [
            {"id": 10 * i + n, "image_id": i, "category": ["bright", "dark"][truth.labels[n]], "iscrowd": 0,
             "bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()], "area": float((box[2:] - box[:2]).prod()),
             "keypoints": np.column_stack([truth.keypoints[n], [2] * K]).ravel().tolist(), "num_keypoints": K}
            for n, box in enumerate(truth.bboxes)
        ]})  # fmt: skip
    metric.process({}, [sample.to_dict() for sample in samples])
    numbers = metric.compute_metrics(metric.results)
    assert (numbers["AP"], numbers["box/AP50"]) == pytest.approx((1, 1))
