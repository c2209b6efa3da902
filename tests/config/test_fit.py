"""What one-stage models take from the data, and how their configs are settled."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.config.fit import fit_model
from kpplugins.config.load import datasets_of, load_config
from kpplugins.config.parts import classes_of, schema_of
from kpplugins.config.source import read_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cups and jugs, two points; one of them on the left, without a partner on the right."""
    root = tmp_path_factory.mktemp("kinds")
    (root / "images").mkdir()
    (root / "annotations").mkdir()
    cv2.imwrite(str(root / "images/a.png"), np.zeros((40, 60, 3), np.uint8))
    points = ["rim", "foot"]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],
        "categories": [{"id": i, "name": name, "keypoints": points, "flip_pairs": []}
                       for i, name in enumerate(("cup", "jug"), 1)],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 30], "area": 900,
                         "iscrowd": 0, "keypoints": [1, 2, 2, 3, 4, 2]}],
    }  # fmt: skip
    for split in ("train", "val", "test"):
        (root / f"annotations/{split}.json").write_text(json.dumps(content))
    return root


@pytest.fixture
def child(root: Path, tmp_path: Path):
    """Write a child of a config with some more lines, and load it."""

    def write(lines: str = "", base: str = "custom_centernet.py", **kwargs):
        path = tmp_path / "child.py"
        path.write_text(f"_base_ = '{root / 'configs' / base}'\n{lines}\n")
        return load_config(path, **kwargs)

    return write


def steps_of(cfg, loader: str) -> dict:
    return {step.type: step for step in cfg[loader].dataset.pipeline}


def test_points_and_classes_come_from_the_data(child, data: Path):
    cfg = child(data=data)
    head = cfg.model.head
    assert (head.out_channels, head.num_classes, head.decoder.num_classes) == (2, 2, 2)
    assert cfg.codec.num_classes == 2
    assert steps_of(cfg, "train_dataloader")["GenerateTarget"].encoder == cfg.codec == head.decoder


def test_chosen_categories_are_one_line(child, data: Path):
    cfg = child('dataset_args = dict(categories=["jug"])', data=data)
    assert cfg.codec.num_classes == cfg.model.head.num_classes == 1
    assert classes_of(cfg) == ["jug"]


def test_names_go_to_models_that_ask(child, data: Path):
    line = "model = dict(num_keypoints=None, num_classes=None, keypoint_names=None, class_names=None)"
    model = child(line, data=data).model
    assert (model.num_keypoints, model.num_classes) == (2, 2)
    assert (list(model.keypoint_names), list(model.class_names)) == (["rim", "foot"], ["cup", "jug"])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "codec = dict(num_classes=3)",
            "codec.num_classes and train.*numbers of classes; found 3 .* and 2 .*cup, jug",
        ),
        ("model = dict(head=dict(num_classes=1))", "model.head.num_classes and train.*found 1 .* and 2"),
        ("model = dict(num_classes=80)", "model.num_classes and train.*found 80 .* and 2"),
        (
            "model = dict(num_keypoints=17)",
            "model.num_keypoints and.*numbers of keypoints; found 17 .* and 2 .*rim, foot",
        ),
        (
            "model = dict(head=dict(out_channels=4))",
            "model.head.out_channels and.*numbers of keypoints; found 4 .* and 2",
        ),
        ("model = dict(class_names=['cup'])", "model.class_names and.*found 1 .* and 2"),
    ],
)
def test_other_numbers_than_the_datas_stop(child, data: Path, line: str, words: str):
    with pytest.raises(BadInputError, match=words):
        child(line, data=data)


def test_data_with_other_classes_stop(child, data: Path):
    line = "val_dataloader = dict(dataset=dict(categories=['cup']))"
    with pytest.raises(BadInputError, match="train.*val.*different classes; found cup, jug and cup"):
        child(line, data=data)


def test_without_data_a_schema_and_classes_do(child):
    cfg = child(data="nowhere", schema=CAT_SCHEMA, classes=["cat", "lynx"])
    assert (cfg.model.head.out_channels, cfg.codec.num_classes) == (9, 2)
    assert child(data="nowhere", schema=CAT_SCHEMA).codec.num_classes == 1  # the one that the schema is of


def test_data_that_do_not_name_their_classes(tmp_path: Path):
    path = tmp_path / "coco.py"
    path.write_text(
        "_base_ = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py'\n"
        "model = dict(head=dict(num_classes=None))\n"
    )
    with pytest.raises(BadInputError, match="no dataset names its classes.*model.head.num_classes"):
        cfg, layer = read_config(path)
        fit_model(cfg, layer, schema_of(cfg))
    assert load_config(path).model.head.num_classes is None  # without our data it is MMPose's own business


def test_another_input_size_is_one_line(child, data: Path):
    cfg = child("input_size = (320, 192)", data=data)
    assert cfg.codec.heatmap_size == (80, 48)
    assert cfg.model.head.decoder == cfg.codec
    assert steps_of(cfg, "train_dataloader")["RandomImageAffine"].input_size == (320, 192)
    for loader in LOADERS[1:]:
        affine = steps_of(cfg, loader)["ImageAffine"]
        assert affine.input_size == (320, 192)
        assert "use_udp" not in affine


def test_augmentation_is_one_line(child, data: Path):
    cfg = child("image_augment = dict(degrees=30, zoom=(0.9, 1.1))", data=data)
    step = steps_of(cfg, "train_dataloader")["RandomImageAffine"]
    assert (step.degrees, step.zoom) == (30, (0.9, 1.1))
    with pytest.raises(BadInputError, match="image_augment"):
        child("image_augment = 30", data=data)


def test_another_dataset_and_length_are_one_line_each(child):
    cfg = child('dataset_type = "CocoPersonDataset"\nmax_epochs = 10', data="nowhere")
    assert {d.type for _, d in datasets_of(cfg)} == {"CocoPersonDataset"}
    assert (cfg.model.head.out_channels, cfg.codec.num_classes) == (17, 1)
    assert (cfg.train_cfg.max_epochs, cfg.param_scheduler.total_steps) == (10, 10)


def test_points_without_partners_are_not_flipped(child):
    cfg = child('dataset_type = "CatDataset"\nkeypoints = ["left_eye", "mouth"]', data="nowhere")
    assert cfg.model.head.out_channels == 2
    assert "RandomFlip" not in steps_of(cfg, "train_dataloader")
    assert not cfg.model.test_cfg.flip_test


THING = KeypointSchema("thing", ("a", "b"))
NOT_FLIPPED = {
    "unknown": THING,
    "one-sided": KeypointSchema("thing", ("l", "r"), flip_pairs=(("l", "r"),), flips="one-sided"),
    "unpaired": KeypointSchema("thing", ("l", "n"), unpaired=("l",)),
}


@pytest.mark.parametrize("state", NOT_FLIPPED)
@pytest.mark.parametrize(
    "name", ["custom_hourglass_small", "custom_centernet", "facial_resnet18_fc", "coco_keypoint_rcnn"]
)
def test_what_is_not_known_to_be_right_is_not_flipped(
    root: Path, name: str, state: str, caplog: pytest.LogCaptureFixture
):
    path = root / f"configs/{name}.py"
    cfg = load_config(path, data="nowhere", schema=NOT_FLIPPED[state])
    assert "RandomFlip" not in steps_of(cfg, "train_dataloader")
    assert not cfg.model.get("test_cfg", {}).get("flip_test")
    said = [r.message for r in caplog.records if "no flips in training or test" in r.message]
    assert len(said) == 1 and NOT_FLIPPED[state].unflipped in said[0]
    assert ("--flip-pairs" in said[0]) == (state != "unpaired")
    for known in (replace(THING, flips="known"), replace(THING, flip_pairs=(("a", "b"),))):
        caplog.clear()
        assert "RandomFlip" in steps_of(load_config(path, data="nowhere", schema=known), "train_dataloader")
        assert "no flips" not in caplog.text


def test_datasets_with_other_flips(child, data: Path, tmp_path: Path):
    """One that may not be flipped rules; two that are flipped otherwise are refused."""
    other = tmp_path / "other"
    shutil.copytree(data, other)
    line = f"val_dataloader = dict(dataset=dict(data_root={str(other)!r}))"
    KeypointSchema("thing", ("rim", "foot")).save(other / "schema.json")
    cfg = child(f"data_root = {str(data)!r}\n{line}")
    assert "RandomFlip" not in steps_of(cfg, "train_dataloader") and not cfg.model.test_cfg.flip_test
    KeypointSchema("thing", ("rim", "foot"), flip_pairs=(("rim", "foot"),)).save(other / "schema.json")
    with pytest.raises(BadInputError, match="different flip pairs.*found none; and rim/foot"):
        child(f"data_root = {str(data)!r}\n{line}")


def test_boxes_alone_are_flipped(root: Path, caplog: pytest.LogCaptureFixture):
    cfg = load_config(root / "configs/detector_rtmdet_tiny.py", data="nowhere", schema=THING)
    assert "RandomFlip" in str(cfg.train_dataloader) and "no flips" not in caplog.text


def test_flips_are_removed_wherever_training_finds_them(child, data: Path):
    """In steps inside steps, in the pipeline of the last epochs, and in images that are mixed up."""
    lines = """
flip = dict(type="RandomFlip", direction="horizontal")
blur = dict(type="GenerateTarget", encoder=_base_.codec)
first, last = _base_.train_pipeline[0], _base_.train_pipeline[-1]
train_pipeline = [
    first, dict(type="RandomApply", transforms=[flip], prob=0.5),
    dict(type="RandomChoice", transforms=[[flip, blur], [blur]]),
    dict(type="Albumentation", transforms=[dict(type="HorizontalFlip"), dict(type="Blur")]),
    dict(type="YOLOXMixUp", img_scale=(64, 64), pre_transform=[first, flip]), last,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
custom_hooks = [dict(type="mmdet.PipelineSwitchHook", switch_epoch=1, switch_pipeline=[first, flip, last])]
"""
    assert str(child(lines, data=data)).count("Flip") > 4
    cfg = child(lines, data=data, schema=THING, classes=["cup", "jug"])
    everything = str(cfg.train_dataloader) + str(cfg.custom_hooks)
    assert "RandomFlip" not in everything and "HorizontalFlip" not in everything
    steps = steps_of(cfg, "train_dataloader")
    assert steps["YOLOXMixUp"].flip_ratio == 0 and "RandomApply" not in steps
    assert [len(choice) for choice in steps["RandomChoice"].transforms] == [1, 1]
    assert [step.type for step in steps["Albumentation"].transforms] == ["Blur"]


def test_images_keep_their_size_without_an_affine_step(root: Path):
    cfg = load_config(root / "configs/_base_/onestage_data.py", data="nowhere", schema=CAT_SCHEMA)
    assert list(steps_of(cfg, "train_dataloader")) == ["LoadCachedImage", "RandomFlip", "PackImageInputs"]
    assert list(steps_of(cfg, "test_dataloader")) == ["LoadImage", "PackImageInputs"]
    assert {d.data_mode for _, d in datasets_of(cfg)} == {"bottomup"}


@pytest.mark.parametrize("name", ["custom_centernet", "glue_tubes_centernet", "coco_centernet_hg104"])
def test_the_recipes_are_settled(root: Path, name: str):
    cfg = load_config(root / f"configs/{name}.py", data="nowhere", schema=CAT_SCHEMA)
    assert cfg.model.head.decoder == steps_of(cfg, "train_dataloader")["GenerateTarget"].encoder
    sizes = {
        "custom_centernet": (256, 256),
        "glue_tubes_centernet": (320, 192),
        "coco_centernet_hg104": (512, 512),
    }
    assert steps_of(cfg, "test_dataloader")["ImageAffine"].input_size == sizes[name]
    width, height = cfg.codec.heatmap_size
    assert (4 * width, 4 * height) == tuple(cfg.codec.input_size)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ("[s for s in _base_.train_pipeline if s['type'] != 'RandomFlip']", True),
        ("[dict(s, prob=0) for s in _base_.train_pipeline]", True),
        ("[*_base_.train_pipeline]", False),
    ],
)
def test_a_flip_test_of_what_has_never_been_flipped_is_told(
    child, data: Path, steps: str, told: bool, caplog: pytest.LogCaptureFixture
):
    lines = f"train_pipeline = {steps}\ntrain_dataloader = dict(dataset=dict(pipeline=train_pipeline))"
    child(lines, data=data)
    assert ("no RandomFlip in training" in caplog.text) == told
    caplog.clear()
    child(f"{lines}\nmodel = dict(test_cfg=dict(flip_test=False))", data=data)
    assert "no RandomFlip" not in caplog.text
