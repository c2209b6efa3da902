"""Whole images with all their instances, from the annotation file to the packed batch."""

import json
import logging
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmpose.datasets.transforms import RandomFlip
from mmpose.registry import DATASETS, TRANSFORMS

import kpplugins.register  # noqa: F401
from kpplugins.curation.convert import convert
from kpplugins.datasets import CatDataset, CocoPersonDataset, CustomKeypointDataset, KaggleFacialDataset
from kpplugins.engine import packed_collate
from kpplugins.structures import BadInputError

CATEGORIES = [{"id": 7, "name": "cup", "keypoints": ["rim", "foot"]},
              {"id": 3, "name": "jug", "keypoints": ["spout", "foot"]},
              {"id": 9, "name": "plate"}]  # fmt: skip
CUP = [6, 7, 2, 8, 9, 1]


def annotation(number: int, image: int, category: int, box: list, points: list | None = None, **more) -> dict:
    entry = {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": box,
        "area": 50.0,
        "iscrowd": 0,
    }
    return {**entry, **({} if points is None else {"keypoints": points}), **more}


@pytest.fixture(autouse=True)
def scope():
    init_default_scope("mmpose")


@pytest.fixture
def write(tmp_path: Path):
    """Write three images of 60×40 with these annotations, as all splits."""

    def writing(annotations: list) -> Path:
        for folder in ("images", "annotations"):
            (tmp_path / folder).mkdir(exist_ok=True)
        for name in "abc":
            cv2.imwrite(str(tmp_path / f"images/{name}.png"), np.full((40, 60, 3), ord(name), np.uint8))
        images = [
            {"id": i, "file_name": f"{n}.png", "width": 60, "height": 40} for i, n in enumerate("abc", 1)
        ]
        content = {"images": images, "categories": CATEGORIES, "annotations": annotations}
        for split in ("train", "val", "test"):
            (tmp_path / f"annotations/{split}.json").write_text(json.dumps(content))
        return tmp_path

    return writing


@pytest.fixture
def scene(write) -> Path:
    """a: a cup, a plate without points, a crowd of cups; b: a jug without labelled points; c: nothing."""
    return write([
        annotation(1, 1, 7, [5, 5, 20, 30], CUP),
        annotation(2, 1, 9, [30, 5, 10, 10]),
        annotation(3, 1, 7, [0, 0, 50, 39], [0] * 6, iscrowd=1),
        annotation(4, 2, 3, [1, 2, 3, 4], [0] * 6),
    ])  # fmt: skip


def bottom_up(root: Path, split: str = "train", **kwargs) -> CustomKeypointDataset:
    return CustomKeypointDataset(str(root), split, data_mode="bottomup", **kwargs)


def test_all_instances_of_every_image(scene: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        dataset = bottom_up(scene)
    a, b, c = dataset
    assert dataset.metainfo["classes"] == ["jug", "cup", "plate"]  # by their ids
    assert dataset.schema.keypoints == ("rim", "foot", "spout")
    assert [len(s["bbox"]) for s in (a, b, c)] == [3, 1, 0]
    assert a["category_id"].tolist() == [2, 3, 2]
    assert a["iscrowd"].tolist() == [0, 0, 1]
    assert a["bbox"].tolist() == [[5, 5, 25, 35], [30, 5, 40, 15], [0, 0, 50, 39]]
    assert a["keypoints"][0].tolist() == [[6, 7], [8, 9], [0, 0]]
    assert a["keypoints_visible"].tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert [e["category"] for e in a["raw_ann_info"]] == ["cup", "plate", "cup"]
    assert [e["num_keypoints"] for e in a["raw_ann_info"]] == [2, 0, 0]
    assert (b["category_id"].tolist(), b["raw_ann_info"][0]["bbox"]) == ([1], [1, 2, 3, 4])
    assert (Path(c["img_path"]).name, c["raw_ann_info"], c["keypoints"].shape) == ("c.png", [], (0, 3, 2))
    (message,) = [r.message for r in caplog.records if "instances" in r.message]
    assert message.startswith(
        "4 instances in 3 images, 1 of them without any; not learnt: 1 crowds, the keypoints of 2"
    )


def test_training_and_testing_see_the_same(scene: Path):
    train, test = bottom_up(scene), bottom_up(scene, "test", test_mode=True)
    assert [s["raw_ann_info"] for s in train] == [s["raw_ann_info"] for s in test]
    assert [s["bbox"].tolist() for s in train] == [s["bbox"].tolist() for s in test]


def test_chosen_categories_leave_the_others_as_background(scene: Path):
    dataset = bottom_up(scene, categories=["cup"])
    assert dataset.metainfo["classes"] == ["cup"]
    assert dataset.schema.keypoints == ("rim", "foot")
    found = {Path(s["img_path"]).name: s["category_id"].tolist() for s in dataset}
    assert found == {"a.png": [1, 1], "b.png": [], "c.png": []}


def test_chosen_points(scene: Path):
    a = bottom_up(scene, keypoints=["foot"])[0]
    assert a["keypoints"][0].tolist() == [[8, 9]]
    assert a["raw_ann_info"][0]["keypoints"] == [8, 9, 1]


def test_points_that_nobody_has(scene: Path):
    with pytest.raises(BadInputError, match="no instance has any of the chosen keypoints"):
        bottom_up(scene, keypoints=["spout"])


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([5, 5, -3, 9], "positive size"),
        ([math.nan, 5, 3, 9], "annotation 2: bbox is wrong"),
    ],
)
def test_impossible_boxes_stop(write, box: list, words: str):
    root = write([annotation(1, 1, 7, [5, 5, 20, 30], CUP), annotation(2, 2, 7, box, CUP)])
    with pytest.raises(BadInputError, match=words):
        bottom_up(root)


def test_a_bad_instance_can_be_skipped(write, caplog: pytest.LogCaptureFixture):
    root = write([annotation(1, 1, 7, [5, 5, 20, 30], CUP), annotation(2, 2, 7, [5, 5, -3, 9], [0] * 6)])
    with caplog.at_level(logging.WARNING):
        assert bottom_up(root, skip_bad=True)[0]["id"] == [1]
    assert "skipped 1 of 2: 1 × bbox must be" in caplog.text


def test_a_box_outside_stops_and_one_over_the_border_is_cut(write, caplog: pytest.LogCaptureFixture):
    """With ``skip_bad`` the image with the box outside goes whole: what is left would not be all that is there."""
    root = write([
        annotation(1, 1, 7, [5, 5, 20, 30], CUP),
        annotation(2, 1, 7, [70, 5, 20, 30], CUP),
        annotation(3, 2, 7, [40, 20, 55, 35], [45, 25, 2, 50, 30, 2]),
    ])  # fmt: skip
    with caplog.at_level(logging.WARNING):
        with pytest.raises(BadInputError, match="annotation 2: box has no area in its image"):
            bottom_up(root)
        sample, empty = bottom_up(root, skip_bad=True)
    assert sample["bbox"].tolist() == [[40, 20, 59, 39]] and len(empty["bbox"]) == 0
    assert sample["raw_ann_info"][0]["bbox"] == [40, 20, 19, 19]
    assert "1 × box reaches beyond its image, cut to it" in caplog.text


@pytest.mark.parametrize("key", [8, None, "8"])
def test_a_class_without_a_name_stops(write, key, caplog: pytest.LogCaptureFixture):
    """By whatever it is called; with ``skip_bad`` the others train."""
    root = write([annotation(1, 1, 7, [5, 5, 20, 30], CUP), annotation(2, 2, key, [5, 5, 9, 9])])
    words = rf"annotation 2: a category_id that has no name; expected 7 \(cup\) or 3 \(jug\).*found {key!r}"
    with pytest.raises(BadInputError, match=words):
        bottom_up(root)
    with caplog.at_level(logging.WARNING):
        assert bottom_up(root, skip_bad=True)[0]["id"] == [1]


@pytest.mark.parametrize("field", ["bbox", "keypoints", "area"])
@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_a_number_that_is_none_is_named_with_its_instance(write, field: str, value: float):
    bad = annotation(2, 1, 7, [5, 5, 20, 30], list(CUP))
    bad[field] = value if field == "area" else [value, *bad[field][1:]]
    root = write([annotation(1, 1, 7, [5, 5, 20, 30], CUP), bad])
    with pytest.raises(BadInputError, match=rf"annotation 2: {field} is wrong; expected .*between"):
        bottom_up(root)


def corners(write) -> Path:
    """Cups all over the image, each with x1, y1, x2, y2 for x, y, width, height."""
    boxes = [(5, 5, 25, 35), (30, 10, 50, 35), (40, 2, 58, 30), (20, 8, 44, 38)]
    return write([
        annotation(i, 1 + i % 3, 7, list(box), [box[0] + 2, box[1] + 2, 2, box[2] - 2, box[3] - 2, 2])
        for i, box in enumerate(boxes, 1)
    ])  # fmt: skip


@pytest.mark.parametrize("mode", ["bottomup", "topdown"])
def test_corners_in_the_field_for_width_and_height_stop(write, mode: str, caplog: pytest.LogCaptureFixture):
    root = corners(write)
    with pytest.raises(BadInputError, match="two corners.*found 3 of .*--box-format xyxy"):
        CustomKeypointDataset(str(root), data_mode=mode)
    with caplog.at_level(logging.WARNING):
        CustomKeypointDataset(str(root), data_mode=mode, skip_bad=True)
    assert "two corners" in caplog.text
    convert(root / "annotations/train.json", root / "mended", ratios=(100, 0, 0), box_format="xyxy")
    CustomKeypointDataset(str(root / "mended"), data_mode=mode)


def test_corners_of_a_real_set_stop(real_data: Path):
    with pytest.raises(BadInputError, match="6 of 6 boxes"):
        CocoPersonDataset(str(real_data / "broken_coco"), data_mode="bottomup")


def test_images_without_instances_can_be_left_out_of_training(scene: Path):
    assert len(bottom_up(scene)) == 3 and len(bottom_up(scene, backgrounds=False)) == 2
    assert len(bottom_up(scene, "test", backgrounds=False, test_mode=True)) == 3


def test_a_test_of_boxes_needs_no_points(write):
    root = write([annotation(1, 1, 9, [5, 5, 20, 30])])
    assert len(bottom_up(root, "test", test_mode=True)) == 3
    with pytest.raises(BadInputError, match="no instance has any"):
        bottom_up(root)


def test_a_converted_folder_keeps_its_backgrounds(scene: Path, tmp_path: Path):
    convert(scene / "annotations/train.json", tmp_path / "out", ratios=(100, 0, 0))
    dataset = bottom_up(tmp_path / "out")
    assert sorted(len(s["bbox"]) for s in dataset) == [0, 1, 3]
    assert dataset.metainfo["classes"] == ["cup", "jug", "plate"]


def test_what_is_kept_of_a_image_is_small(scene: Path):
    """Bytes of one instance of 3 points: 12 numbers of 8, one of 4, and 4 of 1."""
    kept = bottom_up(scene).load_data_list()[1]
    assert len(kept["rows"]) == 12 * 8 + 4 + 4
    assert set(kept) == {"img_id", "img_path", "rows"}


def test_other_datasets_have_the_mode_too(one_cat: Path, kaggle_folder: Path):
    cats = CatDataset(str(one_cat), data_mode="bottomup")
    assert (cats.metainfo["classes"], cats[0]["keypoints"].shape) == (["cat"], (1, 9, 2))
    faces = KaggleFacialDataset(str(kaggle_folder), "train", data_mode="bottomup")
    assert (faces.metainfo["classes"], faces[0]["img"].shape) == (["face"], (96, 96, 3))


def test_coco_persons(real_data: Path):
    """Every image and annotation of the two files, as they are."""
    parts = [
        CocoPersonDataset(str(real_data / "coco_mini"), s, data_mode="bottomup") for s in ("train", "val")
    ]
    samples = [sample for part in parts for sample in part]
    raw = [json.loads(p.read_text()) for p in sorted((real_data / "coco_mini/annotations").glob("*.json"))]
    assert len(samples) == sum(len(content["images"]) for content in raw)
    entries = {e["area"]: e for content in raw for e in content["annotations"]}
    truths = [e for s in samples for e in s["raw_ann_info"]]
    assert len(truths) == sum(len(content["annotations"]) for content in raw)
    sizes = {i["id"]: (i["width"], i["height"]) for content in raw for i in content["images"]}
    for truth in truths:
        entry = entries[truth["area"]]
        (x, y, w, h), (width, height) = entry["bbox"], sizes[entry["image_id"]]
        right, bottom = min(x + w, width - 1), min(y + h, height - 1)  # cut to the image
        assert truth["bbox"] == pytest.approx([x, y, right - x, bottom - y], abs=1e-9)
        assert truth["iscrowd"] == entries[truth["area"]]["iscrowd"]
    assert sum(s["iscrowd"].sum() for s in samples) == sum(t["iscrowd"] for t in truths) > 0
    assert parts[0].metainfo["classes"] == ["person"]


def pipeline(*steps: dict) -> list[dict]:
    keys = ("id", "img_id", "img_path", "ori_shape", "img_shape", "input_size", "raw_ann_info")
    return [{"type": "LoadCachedImage"}, *steps, {"type": "PackImageInputs", "meta_keys": keys}]


SHAPES = dict(
    bboxes=(4,), bbox_scores=(), labels=(), keypoints=(3, 2), keypoints_visible=(3,), areas=(), iscrowd=()
)


@pytest.mark.parametrize("affine", [None, "ImageAffine", "RandomImageAffine"])
def test_the_whole_pipeline(scene: Path, affine: str | None):
    np.random.seed(0)
    moved = [] if affine is None else [{"type": affine, "input_size": (48, 32)}]
    flip = {"type": "RandomFlip", "prob": 0.5, "direction": "horizontal"}
    dataset = bottom_up(scene, pipeline=pipeline(flip, *moved))
    batch = packed_collate([dataset[i] for i in range(3)])
    assert tuple(batch["inputs"].shape) == ((3, 3, 40, 60) if affine is None else (3, 3, 32, 48))
    for sample, most in zip(batch["data_samples"], (3, 1, 0), strict=True):
        found = sample.gt_instances
        n = len(found.bboxes)
        assert n <= most and (affine == "RandomImageAffine" or n == most)
        for key, shape in SHAPES.items():
            assert found[key].shape == (n, *shape), key
        assert (found.bboxes.dtype, found.labels.dtype) == (np.float32, np.int64)
        assert len(sample.raw_ann_info) == most
    assert set(batch["data_samples"][0].gt_instances.labels.tolist()) <= {1, 2}


def test_a_codec_gets_what_it_asks_for(scene: Path):
    """Of MMPose's codecs one takes boxes and categories of several instances: YOLOX-Pose's."""
    codec = {"type": "YOLOXPoseAnnotationProcessor", "input_size": (48, 32)}
    steps = {"type": "ImageAffine", "input_size": (48, 32)}, {"type": "GenerateTarget", "encoder": codec}
    for i, n in enumerate((3, 1, 0)):
        packed = bottom_up(scene, pipeline=pipeline(*steps))[i]["data_samples"]
        assert packed.gt_instance_labels.bboxes.shape == (n, 4)
        assert set(SHAPES) <= set(packed.gt_instances.keys())
        assert packed.gt_instances.labels.tolist() == packed.gt_instance_labels.labels.tolist()


@pytest.mark.parametrize("direction", ["horizontal", "vertical", "diagonal"])
def test_flipped_twice_is_as_before(scene: Path, direction: str):
    """MMPose's RandomFlip takes all instances of an image, and none."""
    dataset, step = bottom_up(scene), RandomFlip(prob=1.0, direction=direction)
    load = TRANSFORMS.build({"type": "LoadCachedImage"})
    for i in range(3):
        before, once = load(dataset[i]), step(load(dataset[i]))
        again = step(dict(once))
        assert once["flip"]
        for key in ("img", "bbox", "keypoints_visible"):
            assert np.array_equal(again[key], before[key]), key
        shown = before["keypoints_visible"] > 0
        assert np.array_equal(again["keypoints"][shown], before["keypoints"][shown])
        assert (once["bbox"][:, 2:] > once["bbox"][:, :2]).all()


def test_it_is_built_from_a_config(scene: Path):
    cfg = {"type": "CustomKeypointDataset", "data_root": str(scene), "split": "val", "data_mode": "bottomup"}
    assert CustomKeypointDataset.classes_of(cfg) == DATASETS.build(cfg).metainfo["classes"]
