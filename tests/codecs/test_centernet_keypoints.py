"""The targets of CenterNet and what is read back from them."""

import logging

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import kpplugins.register  # noqa: F401
from kpplugins.codecs.centernet_decode import decode_maps, local_peaks, mirrored_back
from kpplugins.codecs.centernet_keypoints import CenterNetKeypoints
from kpplugins.codecs.centernet_maps import draw_peaks, gaussian_patch, gaussian_radii, mask_outside
from kpplugins.structures import BadInputError

SIZE = dict(input_size=(256, 192), heatmap_size=(64, 48))
W, H = 64, 48


def perfect_maps(encoded: dict, num_keypoints: int) -> dict[str, torch.Tensor]:
    """The six maps that a perfect network gives: the targets where they are, rubbish elsewhere."""
    rubbish, depths = np.random.default_rng(0), dict(wh=2, hps=2 * num_keypoints, reg=2, hp_offset=2)
    maps = {name: rubbish.uniform(0, 1, (n, H * W)) for name, n in depths.items()}
    chosen = encoded["instance_weights"] > 0
    cells = encoded["center_indices"][chosen]
    maps["wh"][:, cells] = encoded["box_sizes"][chosen].T
    maps["reg"][:, cells] = encoded["center_offsets"][chosen].T
    maps["hps"][:, cells] = encoded["keypoint_vectors"][chosen].reshape(-1, 2 * num_keypoints).T
    taught = encoded["keypoint_weights"] > 0
    maps["hp_offset"][:, encoded["keypoint_indices"][taught]] = encoded["keypoint_offsets"][taught].T
    maps = {name: value.reshape(-1, H, W) for name, value in maps.items()}
    maps |= dict(hm=encoded["heatmaps"], hm_hp=encoded["keypoint_heatmaps"])
    return {name: torch.from_numpy(np.asarray(value, np.float32)) for name, value in maps.items()}


def random_scene(rng: np.random.Generator, num_keypoints: int, num_classes: int) -> dict:
    """0 to 10 instances; no two centres in one cell, and no two points in one, of whatever keypoint.

    (The offsets of all keypoints are in one map: two of them in one cell share it.)
    """
    n = rng.integers(0, 11)
    low = rng.uniform(-20, [220, 160], (n, 2))
    boxes = np.concatenate([low, low + rng.uniform(8, 100, (n, 2))], axis=1)
    cut = np.clip(boxes, -0.5, [256, 192, 256, 192])
    centres = (cut[:, :2] + cut[:, 2:]) / 2
    whole = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = (whole >= -0.5).all(1) & (whole < [256, 192]).all(1)
    cells = (centres // 4).astype(int) @ [1, W]
    alone = np.zeros(n, bool)
    alone[np.unique(cells, return_index=True)[1]] = True
    boxes, cut = boxes[inside & alone], cut[inside & alone]
    n = len(boxes)
    sides = cut[:, None, 2:] - cut[:, None, :2]
    points = cut[:, None, :2] + rng.uniform(-0.2, 1.2, (n, num_keypoints, 2)) * sides
    visible = (rng.random((n, num_keypoints)) < 0.8) & (points >= 0).all(2) & (points <= [255, 191]).all(2)
    cells = (np.where(visible[..., None], points, 0) // 4).astype(int) @ [1, W]
    cells[~visible] = -1
    first = np.zeros(visible.size, bool)
    first[np.unique(cells.ravel(), return_index=True)[1]] = True
    visible &= first.reshape(visible.shape)
    return dict(
        keypoints=points.astype(np.float32), keypoints_visible=visible.astype(np.float32),
        bbox=boxes.astype(np.float32), category_id=rng.integers(1, num_classes + 1, n), cut=cut,
    )  # fmt: skip


def match(found: dict, scene: dict) -> tuple[np.ndarray, np.ndarray]:
    """For each true box the detection of its class that is nearest, and how far its corners are."""
    if not len(scene["cut"]):
        return np.zeros(0, int), np.zeros(0)
    far = np.abs(found["bboxes"][None] - scene["cut"][:, None]).max(axis=2)
    far[found["labels"][None] + 1 != scene["category_id"][:, None]] = np.inf
    return far.argmin(axis=1), far.min(axis=1)


@pytest.mark.parametrize("num_classes", [1, 3])
def test_a_thousand_random_scenes_come_back(num_classes: int):
    """Every box to 0.01 px, every point to 0.01 px, nothing that was not there."""
    rng, codec = (
        np.random.default_rng(num_classes),
        CenterNetKeypoints(**SIZE, num_classes=num_classes, top_k=20),
    )
    scenes, maps = [], []
    for _ in range(500):
        scene = random_scene(rng, 5, num_classes)
        encoded = codec.encode(*(scene[k] for k in ("keypoints", "keypoints_visible", "bbox", "category_id")))
        scenes.append(scene)
        maps.append(perfect_maps(encoded, 5))
    assert sum(len(s["bbox"]) for s in scenes) > 1500
    found = codec.batch_decode({name: torch.stack([m[name] for m in maps]) for name in maps[0]})
    for scene, one in zip(scenes, found, strict=True):
        count = len(scene["bbox"])
        assert (one["bbox_scores"][:count] == 1).all() and (one["bbox_scores"][count:] < 1).all()
        index, error = match({k: v[:count] for k, v in one.items()}, scene)
        assert sorted(index) == list(range(count)) and (error < 0.01).all()
        shown = scene["keypoints_visible"] > 0
        assert np.abs(one["keypoints"][index] - scene["keypoints"])[shown].max(initial=0) < 0.01


def one_instance(bbox=(40, 40, 120, 100), points=((60, 60), (100, 80)), visible=(1, 1)) -> dict:
    return dict(
        keypoints=np.float32([points]), keypoints_visible=np.float32([visible]), bbox=np.float32([bbox]),
        category_id=np.array([1]), iscrowd=np.array([0]),
    )  # fmt: skip


def together(*scenes: dict) -> dict:
    return {name: np.concatenate([s[name] for s in scenes]) for name in scenes[0]}


@pytest.fixture
def codec() -> CenterNetKeypoints:
    return CenterNetKeypoints(**SIZE, num_classes=1)


def test_targets_by_hand(codec: CenterNetKeypoints):
    scene = one_instance(bbox=(41, 40, 121, 102), points=((62, 60), (101, 81)), visible=(1, 0))
    encoded = codec.encode(**scene)
    # centre (81, 71) is cell (20.25, 17.75); point (62, 60) is (15.5, 15)
    assert encoded["center_indices"].tolist() == [17 * 64 + 20]
    assert encoded["center_offsets"].tolist() == [[0.25, 0.75]]
    assert encoded["box_sizes"].tolist() == [[20, 15.5]]
    assert encoded["keypoint_indices"].tolist() == [[15 * 64 + 15, 0]]
    assert encoded["keypoint_offsets"].tolist() == [[[0.5, 0], [0, 0]]]
    assert encoded["keypoint_vectors"].tolist() == [[[15.5 - 20, 15 - 17], [0, 0]]]
    assert encoded["keypoint_weights"].tolist() == [[1, 0]] and encoded["instance_weights"].tolist() == [1]
    assert encoded["heatmaps"].shape == (1, 48, 64) and encoded["keypoint_heatmaps"].shape == (2, 48, 64)
    assert np.argwhere(encoded["heatmaps"] == 1).tolist() == [[0, 17, 20]]
    assert np.argwhere(encoded["keypoint_heatmaps"] == 1).tolist() == [[0, 15, 15]]
    # sizes 20 and 16: √((0.7·36)² + 2.8·0.3·320) - 0.7·36 = √(635.04 + 268.8) - 25.2 = 4.86
    (row,) = np.nonzero(encoded["heatmaps"][0, 17])
    assert row.tolist() == list(range(16, 25))
    assert {k: v.dtype for k, v in encoded.items()} == {
        **{k: np.dtype("float32") for k in encoded}, "center_indices": np.dtype("int64"),
        "keypoint_indices": np.dtype("int64"), "heatmap_mask": np.dtype(bool), "keypoint_heatmap_mask": np.dtype(bool),
    }  # fmt: skip
    assert encoded["heatmap_mask"].all() and encoded["keypoint_heatmap_mask"].all()


def test_radii_by_hand_and_against_mmdetection():
    from mmdet.models.utils import gaussian_radius

    sizes = np.random.default_rng(0).uniform(1, 120, (50, 2))
    expected = [int(gaussian_radius(np.ceil(s[::-1]), 0.7)) for s in sizes]
    assert gaussian_radii(sizes, exact=True).tolist() == expected
    # side 10: √(14² + 84) - 14 = 2.73; exactly it is (20 - √(400 - 120)) / 4 = 0.82
    assert gaussian_radii(np.array([[10, 10]])).tolist() == [2]
    assert gaussian_radii(np.array([[10, 10]]), exact=True).tolist() == [0]
    assert gaussian_radii(np.array([[20, 20]]), exact=True).tolist() == [1]
    assert gaussian_radii(np.zeros((0, 2))).shape == (0,)


def test_peaks_overlap_by_the_higher_and_are_cut_at_the_border():
    maps = np.zeros((1, 5, 6), np.float32)
    draw_peaks(maps, np.array([0, 0]), np.array([[0, 0], [2, 0]]), np.array([1, 1]))
    side, corner = gaussian_patch(1)[1, 0], gaussian_patch(1)[0, 0]  # sigma ½: e^-2, e^-4
    assert [side, corner] == pytest.approx([np.exp(-2), np.exp(-4)])
    assert maps[0, :2].tolist() == [[1, side, 1, side, 0, 0], [side, corner, side, corner, 0, 0]]
    assert not maps[0, 2:].any()


def test_masked_cells_are_those_that_a_box_touches():
    mask = mask_outside(np.array([[1.5, 1, 3, 2.01], [-9, -9, -1, -1], [5.5, 0, 99, 0.5]]), (6, 4))
    hole = [True, False, False, True, True, True]
    assert mask[0].tolist() == [[True] * 5 + [False], hole, hole, [True] * 6]


def test_a_point_at_the_border_is_taught_and_one_outside_is_not(codec: CenterNetKeypoints):
    scene = one_instance(bbox=(100, 90, 256, 192), points=((255, 191), (255.5, 150)))
    encoded = codec.encode(**scene)
    assert encoded["keypoint_weights"].tolist() == [[1, 0]]
    assert encoded["keypoint_indices"][0, 0] == 47 * 64 + 63
    found = codec.decode(perfect_maps(encoded, 2))
    assert found["keypoints"][0, 0] == pytest.approx([255, 191])
    assert found["bboxes"][0] == pytest.approx([100, 90, 256, 192])


def test_a_box_partly_outside_is_cut_and_one_with_its_centre_outside_is_ignored(codec: CenterNetKeypoints):
    cut, gone = one_instance(bbox=(-20, 40, 60, 100)), one_instance(bbox=(200, 40, 320, 100))
    encoded = codec.encode(**together(cut, gone))
    assert encoded["box_sizes"].tolist() == [[60.5 / 4, 15]]
    assert (
        not encoded["heatmap_mask"][0, 10:25, 50:].any()
        and encoded["heatmap_mask"].sum() == 48 * 64 - 15 * 14
    )
    # one that leaves only half of its first pixel has its centre before pixel 0
    sliver = codec.encode(**one_instance(bbox=(-0.5, 40, 0, 100)))
    assert sliver["center_indices"].tolist() == [17 * 64] and sliver["center_offsets"][0, 0] == -0.0625


def test_a_image_without_instances_has_empty_maps(codec: CenterNetKeypoints):
    none = np.zeros(0, int)
    encoded = codec.encode(np.zeros((0, 3, 2)), np.zeros((0, 3)), np.zeros((0, 4)), none, none)
    assert encoded["heatmaps"].shape == (1, 48, 64) and encoded["keypoint_heatmaps"].shape == (3, 48, 64)
    assert (
        not encoded["heatmaps"].any()
        and not encoded["keypoint_heatmaps"].any()
        and encoded["heatmap_mask"].all()
    )
    assert encoded["keypoint_vectors"].shape == (0, 3, 2) and encoded["center_indices"].shape == (0,)
    assert {*CenterNetKeypoints.label_mapping_table, *CenterNetKeypoints.field_mapping_table} == set(encoded)


def test_a_crowd_is_masked_and_teaches_nothing(codec: CenterNetKeypoints):
    crowd = one_instance(bbox=(160, 40, 240, 80)) | dict(iscrowd=np.array([1]))
    encoded, alone = codec.encode(**together(one_instance(), crowd)), codec.encode(**one_instance())
    for name in ("heatmaps", "keypoint_heatmaps", "center_indices", "keypoint_weights"):
        assert (encoded[name] == alone[name]).all()
    for name in ("heatmap_mask", "keypoint_heatmap_mask"):
        assert np.argwhere(~encoded[name][0]).min(0).tolist() == [10, 40]
        assert np.argwhere(~encoded[name][0]).max(0).tolist() == [19, 59] and (~encoded[name]).sum() == 200


def test_an_instance_without_points_has_box_and_centre_only(codec: CenterNetKeypoints):
    encoded = codec.encode(**one_instance(points=((np.nan, 0), (0, 0)), visible=(0, 0)))
    assert encoded["instance_weights"].tolist() == [1] and (encoded["heatmaps"] == 1).sum() == 1
    assert not encoded["keypoint_weights"].any() and not encoded["keypoint_heatmaps"].any()
    assert encoded["heatmap_mask"].all() and not encoded["keypoint_heatmap_mask"][0, 10:25, 10:30].any()
    assert all(np.isfinite(v).all() for v in encoded.values())


def test_more_instances_than_max_objects_teach_the_largest_and_ignore_the_rest(
    caplog: pytest.LogCaptureFixture,
):
    codec = CenterNetKeypoints(**SIZE, num_classes=1, max_objects=2)
    boxes = [(0, 0, 40, 40), (100, 0, 180, 60), (100, 100, 160, 150)]
    scene = together(*(one_instance(bbox=b) for b in boxes))
    with caplog.at_level(logging.WARNING):
        encoded = [codec.encode(**scene, img_path="a.jpg") for _ in range(3)][-1]
    (said,) = [r.getMessage() for r in caplog.records if "max_objects" in r.getMessage()]
    assert said.startswith(
        "a.jpg: 3 instances; the 2 largest are taught (codec.max_objects), the others ignored"
    )
    assert encoded["box_sizes"].tolist() == [[20, 15], [15, 12.5]]
    assert not encoded["heatmap_mask"][0, :10, :10].any() and encoded["heatmap_mask"].sum() == 48 * 64 - 100


def test_two_centres_in_one_cell_say_what_the_larger_box_says():
    codec = CenterNetKeypoints(**SIZE, num_classes=2)
    small, large = one_instance(bbox=(70, 60, 90, 80)), one_instance(bbox=(40, 40, 120, 100))
    encoded = codec.encode(**together(small, large | dict(category_id=np.array([2]))))
    assert encoded["instance_weights"].tolist() == [1, 0] and encoded["box_sizes"][0].tolist() == [20, 15]
    found = codec.decode(perfect_maps(encoded, 2))
    assert sorted(found["labels"][:2]) == [0, 1] and (found["bbox_scores"][:2] == 1).all()
    assert found["bboxes"][:2] == pytest.approx(np.float32([[40, 40, 120, 100]] * 2))
    same = codec.encode(**together(small, large))
    assert codec.decode(perfect_maps(same, 2))["bbox_scores"][1] < 1  # of one class one is found


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (dict(bbox=np.float32([[40, 40, np.nan, 90]])), r"a\.jpg: bbox of instance 0.*nan"),
        (dict(bbox=np.float32([[40, 40, np.inf, 90]])), "bbox of instance 0"),
        (dict(bbox=np.float32([[40, 40, 40, 90]])), r"right > left.*\[40\.0, 40\.0, 40\.0, 90\.0\]"),
        (dict(bbox=np.float32([[140, 40, 60, 90]])), "right > left"),  # xywh for xyxy
        (dict(bbox=np.float32([[300, 40, 280, 90]])), "right > left"),  # inverted, though outside
        (dict(bbox=np.zeros((1, 4, 2))), "bbox_keep_corner=False"),
        (dict(bbox=None), r"\(1, 4\).*found \(0, 4\)"),
        (dict(category_id=np.array([2])), "from 1 to 1.*found 2 of instance 0"),
        (dict(category_id=np.array([0])), "found 0 of instance 0"),
        (dict(category_id=np.array([1, 1])), "1 numbers from 1 to 1.*found 2 numbers"),
        (dict(keypoints=np.float32([[[60, 60], [np.nan, 80]]])), "keypoint 1 of instance 0"),
        (dict(keypoints=np.zeros((2, 2))), r"\(N, K, 2\).*\(2, 2\)"),
    ],
)
def test_bad_input_is_named(codec: CenterNetKeypoints, wrong: dict, words: str):
    with pytest.raises(BadInputError, match=words):
        codec.encode(**{**one_instance(), **wrong}, img_path="a.jpg")


def test_boxes_that_cropping_left_flat_are_dropped(codec: CenterNetKeypoints):
    flat = [(0, 10, 0, 50), (256, 10, 256, 50), (255.5, 0, 255.5, 9), (20, 192, 60, 192), (300, 10, 340, 60)]
    encoded = codec.encode(**together(one_instance(), *(one_instance(bbox=b) for b in flat)))
    assert len(encoded["center_indices"]) == 1 and encoded["heatmap_mask"].all()


@pytest.mark.parametrize(
    "wrong",
    [
        dict(input_size=(64,)), dict(heatmap_size=(64, 64)), dict(num_classes=None), dict(num_classes=0),
        dict(min_overlap=1.0), dict(max_objects=0), dict(top_k=0),
    ],
    ids=lambda w: next(iter(w)),
)  # fmt: skip
def test_wrong_arguments_are_named(wrong: dict):
    with pytest.raises(BadInputError, match=rf"codec\.{next(iter(wrong))}.*expected .*found"):
        CenterNetKeypoints(**{**SIZE, "num_classes": 1, **wrong})


def test_one_class_needs_no_class_ids(codec: CenterNetKeypoints):
    scene = one_instance()
    plain = codec.encode(scene["keypoints"], bbox=scene["bbox"])
    assert (plain["heatmaps"] == codec.encode(**scene)["heatmaps"]).all()


def test_local_peaks_are_those_of_max_pooling():
    maps = (
        torch.rand(2, 3, 9, 7, generator=torch.Generator().manual_seed(0)) * 8
    ).round() / 8  # with equal neighbours
    assert torch.equal(local_peaks(maps), maps * (F.max_pool2d(maps, 3, 1, 1) == maps))


def snapping_maps(peak: float, at: tuple[int, int]) -> dict[str, torch.Tensor]:
    """One centre at cell (10, 10) with a box of 10×10 and its one point seen at (12, 12), and one peak."""
    depths = dict(hm=1, wh=2, hps=2, reg=2, hm_hp=1, hp_offset=2)
    maps = {name: torch.zeros(1, n, 20, 20) for name, n in depths.items()}
    maps["hm"][0, 0, 10, 10] = 0.9
    maps["wh"][:] = 10
    maps["hps"][:] = 2
    maps["hp_offset"][:] = 0.5
    maps["hm_hp"][0, 0, at[1], at[0]] = peak
    return maps


@pytest.mark.parametrize(
    ("peak", "at", "expected", "score"),
    [
        (0.6, (13, 12), (13.5, 12.5), 0.6),
        (0.1, (13, 12), (12, 12), 0.0),  # not above 0.1
        (0.6, (13, 14), (13.5, 14.5), 0.6),  # 2.92 cells away, less than 0.3 · 10
        (0.6, (14, 14), (12, 12), 0.0),  # 3.54
        (0.6, (14, 12), (14.5, 12.5), 0.6),  # 2.55
    ],
)
def test_a_point_snaps_to_a_peak_that_is_high_near_and_inside(peak, at, expected, score):
    found = decode_maps(snapping_maps(peak, at), top_k=3)
    assert found["points"][0, 0, 0].tolist() == list(expected)
    assert found["point_scores"][0, 0, 0].item() == pytest.approx(score)
    assert found["boxes"][0, 0].tolist() == [5, 5, 15, 15]
    assert found["scores"][0].tolist() == pytest.approx([0.9, 0, 0])


def test_the_nearest_peak_counts_and_not_the_nearest_inside():
    maps = snapping_maps(0.6, (12, 12))  # 12.5: inside, 2.4 from the point at 14.9
    maps["hps"][0, 0] = 4.9
    maps["hm_hp"][0, 0, 12, 16] = 0.9  # 16.5: 1.7 from it, outside of the box grown to 16
    assert decode_maps(maps)["points"][0, 0, 0].tolist() == pytest.approx([14.9, 12])
    assert decode_maps(maps, snap_margin=0.15)["points"][0, 0, 0].tolist() == [16.5, 12.5]


def test_the_mirrored_images_targets_mirrored_back_are_the_plain_ones(codec: CenterNetKeypoints):
    scene = one_instance(bbox=(41, 40, 121, 102), points=((62, 60), (101, 81)))
    other = dict(scene)
    other["keypoints"] = scene["keypoints"][:, [1, 0]] * [-1, 1] + [255, 0]
    other["bbox"] = scene["bbox"][:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [255, 0, 255, 0]
    plain, mirrored = (perfect_maps(codec.encode(**s), 2) for s in (scene, other))
    back = mirrored_back({k: v[None] for k, v in mirrored.items()}, [1, 0], codec.stride)
    for name in ("hm", "hm_hp"):
        assert torch.equal(back[name][0], plain[name])
    for name in ("wh", "hps"):
        assert back[name][0, :, 17, 20].tolist() == plain[name][:, 17, 20].tolist()
