"""CenterNet's head: six losses, gradients everywhere, prediction with flip test, over-fitting."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample

import kpplugins.register  # noqa: F401
from kpplugins.codecs.centernet_keypoints import CenterNetKeypoints
from kpplugins.models.backbones.gated_hourglass import GatedHourglass
from kpplugins.models.heads.centernet_pose_head import LOSS_WEIGHTS, CenterNetPoseHead
from kpplugins.models.losses.masked_l1_loss import MaskedL1Loss
from kpplugins.models.losses.penalty_reduced_focal_loss import PenaltyReducedFocalLoss
from kpplugins.structures import BadInputError

CODEC = dict(type=CenterNetKeypoints, input_size=(64, 64), heatmap_size=(16, 16), num_classes=2, top_k=10)
BRANCHES = dict(hm=2, wh=2, hps=6, reg=2, hm_hp=3, hp_offset=2)
NAMES = ["loss_hm", "loss_wh", "loss_off", "loss_hp", "loss_hm_hp", "loss_hp_offset"]

BOXES = np.float32([[8, 8, 40, 36], [30, 40, 58, 60]])
POINTS = np.float32([[[12, 12], [36, 14], [22, 32]], [[34, 44], [54, 44], [45, 57]]])


def sample_of(boxes=BOXES, points=POINTS, classes=(1, 2), crowd=0) -> PoseDataSample:
    """As the pipeline packs it."""
    n = len(boxes)
    codec = KEYPOINT_CODECS.build(CODEC)
    encoded = codec.encode(
        points, np.ones((n, 3)), boxes, np.array(classes[:n], int), np.full(n, crowd), img_path="a.jpg"
    )
    sample = PoseDataSample(
        metainfo=dict(
            flip_indices=[1, 0, 2], input_size=(64, 64), input_center=np.float32([100, 50]),
            input_scale=np.float32([128, 128]),
        )
    )  # fmt: skip
    sample.gt_fields = PixelData(**{k: encoded[k] for k in codec.field_mapping_table}).to_tensor()
    sample.gt_instance_labels = InstanceData(**{k: encoded[k] for k in codec.label_mapping_table}).to_tensor()
    return sample


def empty_sample() -> PoseDataSample:
    return sample_of(BOXES[:0], POINTS[:0])


def head_of(num_stacks: int = 2, **kwargs) -> CenterNetPoseHead:
    torch.manual_seed(0)
    return CenterNetPoseHead(8, 3, 2, feat_channels=8, num_stacks=num_stacks, decoder=CODEC, **kwargs)


def feats_of(n: int, stacks: int = 2) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(n, 8, 16, 16, generator=generator) for _ in range(stacks)]


def test_a_set_of_six_branches_a_stack_by_their_authors_names():
    head = head_of()
    outputs = head(feats_of(3))
    assert [list(o) for o in outputs] == [list(BRANCHES)] * 2
    assert [{k: tuple(v.shape) for k, v in o.items()} for o in outputs] == [
        {k: (3, n, 16, 16) for k, n in BRANCHES.items()}
    ] * 2
    names = dict(head.named_parameters())
    assert sorted(names) == sorted(
        f"branches.{s}.{b}.{i}.{p}"
        for s in (0, 1)
        for b in BRANCHES
        for i in (0, 2)
        for p in ("weight", "bias")
    )
    assert tuple(names["branches.1.hps.0.weight"].shape) == (8, 8, 3, 3)
    assert tuple(names["branches.1.hps.2.weight"].shape) == (6, 8, 1, 1)


@pytest.mark.parametrize("init_cfg", [None, dict(type="Normal", layer="Conv2d", std=0.001)])
def test_heatmaps_begin_at_a_tenth(init_cfg: dict | None):
    head = head_of(init_cfg=init_cfg)
    head.init_weights()
    for stack in head.branches:
        for name, branch in stack.items():
            assert (branch[-1].bias == -2.19).all().item() == (name in ("hm", "hm_hp"))


def test_six_losses_with_the_published_weights():
    samples, feats = [sample_of(), sample_of(BOXES[:1], POINTS[:1])], feats_of(2)
    losses = head_of().loss(feats, samples)
    assert list(losses) == NAMES and all(v.ndim == 0 and v > 0 for v in losses.values())
    assert list(LOSS_WEIGHTS.values()) == [1, 0.1, 1, 1, 1, 1]
    plain = head_of(loss_weights=dict.fromkeys(LOSS_WEIGHTS, 1.0)).loss(feats, samples)
    for name, value in losses.items():
        assert value.item() == pytest.approx(plain[name].item() * (0.1 if name == "loss_wh" else 1))


def test_losses_by_hand():
    """Of one stack and a batch of two, written out with loops."""
    samples, head = [sample_of(), sample_of(BOXES[:1], POINTS[:1])], head_of(1)
    (maps,) = head(feats_of(2, 1))
    wh, hp, count = 0.0, 0.0, 0
    for i, sample in enumerate(samples):
        labels = sample.gt_instance_labels
        for n, cell in enumerate(labels.center_indices.tolist()):
            row, column, count = cell // 16, cell % 16, count + 1
            wh += (maps["wh"][i, :, row, column] - labels.box_sizes[n]).abs().sum().item()
            hp += (maps["hps"][i, :, row, column] - labels.keypoint_vectors[n].flatten()).abs().sum().item()
    losses = head.loss(feats_of(2, 1), samples)
    assert count == 3
    assert losses["loss_wh"].item() == pytest.approx(0.1 * wh / 6, rel=1e-4)
    assert losses["loss_hp"].item() == pytest.approx(hp / 18, rel=1e-4)


def test_the_loss_is_the_mean_over_the_stacks():
    samples, head, (first, second) = [sample_of()], head_of(), feats_of(1)
    one = {s: head_of(1) for s in (0, 1)}
    for s, single in one.items():
        single.branches[0].load_state_dict(head.branches[s].state_dict())
    both = head.loss([first, second], samples)
    alone = [one[0].loss([first], samples), one[1].loss([second], samples)]
    for name, value in both.items():
        assert value.item() == pytest.approx((alone[0][name] + alone[1][name]).item() / 2, rel=1e-5)


def test_gradients_reach_every_branch_of_every_stack():
    head = head_of()
    sum(head.loss(feats_of(1), [sample_of()]).values()).backward()
    assert [n for n, p in head.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("crowd", [None, 1])
def test_a_image_without_instances_trains_the_heatmaps_only(crowd: int | None):
    head, sample = head_of(), empty_sample() if crowd is None else sample_of(crowd=crowd)
    losses = head.loss(feats_of(1), [sample])
    values = {name: value.item() for name, value in losses.items()}
    assert values["loss_hm"] > 0 and values["loss_hm_hp"] > 0
    assert all(values[name] == 0 for name in ("loss_wh", "loss_off", "loss_hp", "loss_hp_offset"))
    sum(losses.values()).backward()  # every parameter has a gradient, as DistributedDataParallel wants
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in head.parameters())


def test_bfloat16_and_float32_losses_agree():
    head, samples = head_of(), [sample_of(), empty_sample()]
    exact = head.loss(feats_of(2), samples)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = head.loss(feats_of(2), samples)
    assert all(v.dtype == torch.float32 for v in losses.values())
    for name, value in losses.items():
        assert value.item() == pytest.approx(exact[name].item(), rel=0.02)
    sum(losses.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in head.parameters())


def test_penalty_reduced_focal_loss_by_hand():
    logits = torch.tensor([[[[0.0, 2.0, -1.0]]]])
    target = torch.tensor([[[[1.0, 0.5, 0.0]]]])
    p = logits.sigmoid().flatten().double().tolist()
    peak = -((1 - p[0]) ** 2) * np.log(p[0])
    near, far = -(0.5**4) * p[1] ** 2 * np.log(1 - p[1]), -(p[2] ** 2) * np.log(1 - p[2])
    loss = PenaltyReducedFocalLoss()
    assert loss(logits, target).item() == pytest.approx(peak + near + far)
    mask = torch.tensor([[[[False, False, True]]]])
    assert loss(logits, target, mask).item() == pytest.approx(peak + far)  # a peak counts under the mask too
    two = loss(torch.cat([logits] * 2), torch.cat([target] * 2))
    assert two.item() == pytest.approx(peak + near + far)  # divided by two peaks
    nothing = -sum(v**2 * np.log(1 - v) for v in p)
    assert loss(logits, torch.zeros_like(target)).item() == pytest.approx(nothing, rel=1e-5)


def test_no_heatmap_is_too_wrong_to_learn():
    logits = torch.tensor([[[[-200.0, 200.0]]]], requires_grad=True)
    value = PenaltyReducedFocalLoss()(logits, torch.tensor([[[[1.0, 0.0]]]]))
    value.backward()
    assert value.item() == pytest.approx(400) and logits.grad.flatten().tolist() == pytest.approx([-1, 1])


def test_masked_l1_by_hand_and_blind_to_what_is_masked():
    prediction = torch.tensor([[1.0, 2.0], [5.0, float("nan")]], requires_grad=True)
    value = MaskedL1Loss(loss_weight=2.0)(prediction, torch.zeros(2, 2), torch.tensor([1.0, 0.0]))
    value.backward()
    assert value.item() == pytest.approx(2 * 3 / 2.0001)
    assert prediction.grad[1].tolist() == [0, 0]
    assert MaskedL1Loss()(torch.zeros(0, 2), torch.zeros(0, 2), torch.zeros(0)).item() == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CenterNetPoseHead(8, None, 1), r"model\.head\.out_channels.*None"),
        (lambda: CenterNetPoseHead(8, 3, None), r"model\.head\.num_classes.*None"),
        (lambda: CenterNetPoseHead(8, 3, 3, decoder=CODEC), "3 and 2"),
        (lambda: CenterNetPoseHead(8, 3, 2, loss_weights=dict(mask=1)), "hm, wh, off.*found mask"),
        (lambda: head_of(3)(feats_of(1, 2)), "at most 2.*found 3"),
        (lambda: head_of(1).loss([torch.zeros(1, 8, 8, 8)], [sample_of()]), "2 maps of 8×8.*2 of 16×16"),
        (lambda: CenterNetPoseHead(8, 3, 2).predict(feats_of(1), []), "no codec"),
    ],
)
def test_what_does_not_fit_is_named(make, words: str):
    with pytest.raises(BadInputError, match=words):
        make()


def test_predictions_come_sorted_cut_by_score_and_number():
    head = head_of()
    (found,) = head.predict(feats_of(1), [sample_of()], dict(score_thr=0.0))
    assert found.bboxes.shape == (10, 4) and found.keypoints.shape == (10, 3, 2)
    assert found.keypoint_scores.shape == (10, 3) and found.labels.shape == (10,)
    assert (np.diff(found.bbox_scores) <= 0).all() and set(found.labels) <= {0, 1}
    assert all(isinstance(v, np.ndarray) for v in found.values())
    assert found.keypoint_scores.min() >= 0 and found.keypoint_scores.max() <= 1
    (few,) = head.predict(feats_of(1), [sample_of()], dict(score_thr=0.0, max_per_img=4))
    assert (few.bboxes == found.bboxes[:4]).all()
    threshold = float(found.bbox_scores[5])
    (sure,) = head.predict(feats_of(1), [sample_of()], dict(score_thr=threshold))
    assert len(sure) == (found.bbox_scores >= threshold).sum()
    (none,) = head.predict(feats_of(1), [sample_of()], dict(score_thr=1.0))
    assert none.bboxes.shape == (0, 4) and none.keypoints.shape == (0, 3, 2)


def test_a_network_that_has_diverged_is_told():
    """Else nothing would be found, and AP be 0 without a word."""
    with pytest.raises(BadInputError, match="NaN or infinity.*diverged"):
        head_of().predict([feat * float("nan") for feat in feats_of(1)], [sample_of()])


def test_all_heatmaps_on_request():
    predictions, (field,) = head_of().predict(feats_of(1), [sample_of()], dict(output_heatmaps=True))
    assert field.heatmaps.shape == (5, 16, 16) and len(predictions) == 1


def test_flip_test_of_a_symmetrical_network_and_image_is_the_plain_result():
    head = head_of()
    for stack in head.branches:
        for branch in stack.values():
            kernel = branch[0].weight.data
            kernel += kernel.flip(-1).clone()
        for name in ("hps", "hm_hp"):  # what is right of the middle sees left and right exchanged
            weight, bias = stack[name][2].weight.data, stack[name][2].bias.data
            weight[:] = weight[:1] if name == "hm_hp" else 0
            bias[:] = -2.19 if name == "hm_hp" else torch.tensor([2, 1, 0.75 - 2, 1, 0.375, 3])
    decoded: list[dict] = []  # the maps; of peaks that are equally high, which come first is open
    head.decoder.batch_decode = lambda maps: decoded.append(maps) or []
    feats = [f + f.flip(-1) for f in feats_of(1)]
    head.predict(feats, [sample_of()])
    head.predict([feats, [f.flip(-1) for f in feats]], [sample_of()], dict(flip_test=True))
    plain, both = decoded
    for name, value in plain.items():
        assert torch.allclose(both[name], value, atol=1e-5), name


def test_flip_test_averages_probabilities_and_sizes():
    head = head_of()
    feats, mirrored = feats_of(1), [f + 1 for f in feats_of(1)]
    _, (field,) = head.predict([feats, mirrored], [sample_of()], dict(flip_test=True, output_heatmaps=True))
    plain, other = head(feats)[-1], head(mirrored)[-1]
    centres = (plain["hm"].sigmoid() + other["hm"].sigmoid().flip(-1)) / 2
    points = (plain["hm_hp"].sigmoid() + other["hm_hp"].sigmoid().flip(-1)[:, [1, 0, 2]]) / 2
    assert torch.allclose(field.heatmaps, torch.cat([centres, points], 1)[0])


def test_it_overfits_drawn_images_and_predicts_them_in_pixels_of_the_image():
    """Two images of 64×64 that came from 128×128: boxes and points come back to 2 of its pixels, nothing else."""
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type="BottomupPoseEstimator",
            backbone=dict(type=GatedHourglass, channels=16, num_stacks=2, depth=2),
            head=dict(type=CenterNetPoseHead, in_channels=16, out_channels=3, num_classes=2, feat_channels=16,
                      num_stacks=2, decoder=CODEC),
            test_cfg=dict(score_thr=0.3),
        )
    )  # fmt: skip
    model.init_weights()
    shift = np.float32([4, 2])
    truths = [(BOXES, POINTS), (BOXES[:1] + np.tile(shift, 2), POINTS[:1] + shift)]
    images = torch.zeros(2, 3, 64, 64)
    for image, (boxes, points) in zip(images, truths, strict=True):
        for n, (box, three) in enumerate(zip(boxes.astype(int), points.astype(int), strict=True)):
            image[n, box[1] : box[3], box[0] : box[2]] = 1
            for k, (x, y) in enumerate(three):
                image[2, y - 1 : y + 2, x - 1 : x + 2] = k - 1
    samples = [sample_of(*truth) for truth in truths]
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 160)
    model.train()
    for _ in range(160):
        losses = model.loss(images, samples)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        schedule.step()
    values = {name: value.item() for name, value in losses.items()}
    assert sum(values.values()) < 0.15, values
    with torch.no_grad():
        results = model.predict(images, samples)
    for result, (boxes, points) in zip(results, truths, strict=True):
        found = result.pred_instances
        assert len(found) == len(boxes)
        order = np.argsort(found.labels)
        assert found.labels[order].tolist() == list(range(len(boxes)))
        # input_center - input_scale / 2 is (36, -14), and the image is twice as large as the input
        origin = np.float32([100 - 64, 50 - 64])
        assert np.abs(found.bboxes[order] - (boxes * 2 + np.tile(origin, 2))).max() < 2
        assert np.abs(found.keypoints[order] - (points * 2 + origin)).max() < 2


def test_the_neck_of_mmdetection_brings_a_resnet_to_stride_four():
    model = MODELS.build(
        dict(
            type="BottomupPoseEstimator",
            backbone=dict(type="ResNet", depth=18),
            neck=dict(type="mmdet.CTResNetNeck", in_channels=512, num_deconv_filters=(32, 16, 16),
                      num_deconv_kernels=(4, 4, 4), use_dcn=False),
            head=dict(type=CenterNetPoseHead, in_channels=16, out_channels=3, num_classes=2, feat_channels=16,
                      decoder=CODEC),
        )
    )  # fmt: skip
    losses = model.loss(torch.zeros(2, 3, 64, 64), [sample_of(), empty_sample()])
    assert list(losses) == NAMES and all(torch.isfinite(v) for v in losses.values())
