"""Every recipe that is not in `test_baselines`: two iterations of training, the test, each network's export."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from kpplugins.apis.export import export
from kpplugins.apis.test import test as run_test
from kpplugins.apis.train import train
from kpplugins.curation.convert import convert
from kpplugins.deploy.exported_folder import ExportedFolder
from kpplugins.schema.from_names import COCO_SIGMAS

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
TINY = {
    "max_epochs": 1,
    "input_size": (32, 32),
    "default_hooks.checkpoint.save_optimizer": False,  # two thirds of the file
    **{f"{loader}.num_workers": 0 for loader in LOADERS},
    **{f"{loader}.persistent_workers": False for loader in LOADERS},
}
HOURGLASS = {"model.backbone.channels": 16, "model.head.in_channels": 16, "model.head.depth": 1}
ENCODER = {"model.backbone.channels": 4, "model.head.in_channels": 4, "model.backbone.depth": 2}
RECIPES = {  # data, instances that it trains on, what makes it small, output, keypoints
    "cat_heatmap_circle": ("cats", 12, ENCODER, "heatmaps", 3),
    "cat_hourglass": ("cats", 12, HOURGLASS, "heatmaps", 9),
    "cat_hourglass_sample": ("cats", 12, HOURGLASS, "heatmaps", 9),
    "coco_hourglass": ("persons", 4, HOURGLASS, "heatmaps", 17),
    "custom_hourglass": ("own", 16, HOURGLASS, "heatmaps", 9),
    "custom_hourglass_small": ("own", 16, HOURGLASS, "heatmaps", 9),
    "custom_dinov2_frozen": (
        "own",
        16,
        {"backbone": "timm:test_vit", "backbone_weights": False},
        "heatmaps",
        9,
    ),
    "custom_mobilenetv2": (
        "own",
        16,
        {"backbone_weights": False, "model.head.deconv_out_channels": (16, 16, 16)},
        "heatmaps",
        9,
    ),
    "facial_heatmap": ("faces", 24, HOURGLASS, "heatmaps", 15),
    "facial_resnet18_fc": ("faces", 24, {}, "coordinates", 15),
    "facial_resnet50_fc": ("faces", 24, {}, "coordinates", 15),
    "facial_vgg16_fc": ("faces", 24, {"model.head.hidden_channels": (32,)}, "coordinates", 15),
}


@pytest.fixture(scope="module")
def data(drawn_cats: Path, kaggle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("recipes")
    convert(drawn_cats, folder / "own")
    draw_persons(folder / "persons")
    return {"cats": drawn_cats, "faces": kaggle_folder, "own": folder / "own", "persons": folder / "persons"}


def draw_persons(root: Path) -> None:
    """COCO's folder with four persons in one image of noise, for either split."""
    (root / "annotations").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for split in ("train", "val"):
        (root / f"{split}2017").mkdir()
        image = generator.integers(0, 256, (160, 200, 3), dtype=np.uint8)
        cv2.imwrite(str(root / f"{split}2017/1.png"), image)
        persons = []
        for i in range(4):
            x, y = generator.uniform(5, 100, 2).round(1).tolist()
            points = (generator.uniform(0, 50, (17, 2)) + [x, y]).round(1).tolist()
            persons.append(
                {
                    "id": i + 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 1500.0,
                    "bbox": [x, y, 50.0, 50.0], "num_keypoints": 17,
                    "keypoints": [v for point in points for v in (*point, 2)],
                }
            )  # fmt: skip
        content = {
            "images": [{"id": 1, "file_name": "1.png", "width": 200, "height": 160}],
            "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_SIGMAS), "skeleton": []}],
            "annotations": persons,
        }
        (root / f"annotations/person_keypoints_{split}2017.json").write_text(json.dumps(content))


METHODS = {"heatmaps": ("dark_udp", "argmax", "mean"), "coordinates": ("coordinates",)}
"""How keypoints are read from an output."""
AS_OTHERS = {
    "cat_hourglass_sample", "coco_hourglass", "custom_dinov2_frozen", "custom_hourglass_small", "facial_resnet50_fc",
}  # fmt: skip
"""Not exported a second time: the network is that of another recipe, or a deeper one of its kind."""
FIND_BOXES = {
    "coco_centernet_hg104", "coco_keypoint_rcnn", "custom_centernet", "custom_centernet_resnet18",
    "detector_rtmdet_tiny", "glue_tubes_centernet", "glue_tubes_keypoint_rcnn", "glue_tubes_keypoint_rcnn_mobilenet",
}  # fmt: skip
"""Not exported: only top-down models are."""


def test_no_recipe_is_left_out(root: Path):
    elsewhere = (root / "tests/test_baselines.py").read_text()
    others = {path.stem for path in (root / "configs").glob("*.py")} - set(RECIPES) - FIND_BOXES
    assert [name for name in others if f'"{name}": (' not in elsewhere] == []


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", RECIPES)
def test_two_iterations_then_test_and_export(root: Path, name: str, data: dict[str, Path], tmp_path: Path):
    source, instances, small, output, keypoints = RECIPES[name]
    if "timm" in str(small):
        pytest.importorskip("timm")
    options = {**TINY, **small, "train_dataloader.batch_size": instances // 2}
    out = train(root / f"configs/{name}.py", data=data[source], work_dir=tmp_path, cfg_options=options)
    checkpoint = out / "epoch_1.pth"
    assert torch.load(checkpoint, weights_only=False)["meta"]["iter"] == 2
    numbers, _, table = run_test(out / f"{name}.py", checkpoint, work_dir=out)
    assert numbers["EPE"] > 0 and table
    if name in AS_OTHERS:
        return
    pytest.importorskip("onnxscript", reason="extra 'export' is not installed")
    file, proof = export(out / f"{name}.py", checkpoint)
    assert file == out / f"{name}_onnx" and (file / "model.onnx").is_file()
    facts = ExportedFolder.read(file).facts
    assert facts["outputs"][0]["shape"] == ["N", keypoints, 2]
    assert facts["decode"]["method"] in METHODS[output]
    points = proof["keypoints"]
    assert points["compared"] + points["unsteady"] >= keypoints and points["max_px"] <= 0.1
