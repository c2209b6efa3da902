"""MMPose's own configs through train, test and predictor: on COCO as they are, on other keypoints by two lines."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kpplugins.apis.test import test as run_test
from kpplugins.apis.train import train
from kpplugins.inference.predictor import Predictor
from kpplugins.structures import BadInputError

BODY = "body_2d_keypoint/"
TOP_DOWN = {
    "HeatmapHead": "topdown_heatmap/coco/td-hm_mobilenetv2_8xb64-210e_coco-256x192.py",
    "RTMCCHead": "rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py",
    "SimCCHead": "simcc/coco/simcc_mobilenetv2_wo-deconv-8xb64-210e_coco-256x192.py",
    "RLEHead": "topdown_regression/coco/td-reg_mobilenetv2_rle-pretrained-8xb64-210e_coco-256x192.py",
    "RegressionHead": "topdown_regression/coco/td-reg_res50_8xb64-210e_coco-256x192.py",
    "DSNTHead": "integral_regression/coco/ipr_res50_8xb64-210e_coco-256x256.py",
    "ViPNASHead": "topdown_heatmap/coco/td-hm_vipnas-mbv3_8xb64-210e_coco-256x192.py",
    "MSPNHead": "topdown_heatmap/coco/td-hm_mspn50_8xb32-210e_coco-256x192.py",
    "CPMHead": "topdown_heatmap/coco/td-hm_cpm_8xb64-210e_coco-256x192.py",
}
"""By head, a config that is small of its family."""
WHOLE_BODY = "topdown_heatmap/coco-wholebody/td-hm_vipnas-mbv3_8xb64-210e_coco-wholebody-256x192.py"
"""One for 133 keypoints, which COCO's own annotations do not have."""
AT_128 = "codec = dict(input_size=(128, 128), heatmap_size=(32, 32))\n"
ONE_STAGE = {
    "RTMOHead": ("rtmo/coco/rtmo-s_8xb32-600e_coco-640x640.py", "input_size = (256, 256)\n"),
    "DEKRHead": ("dekr/coco/dekr_hrnet-w32_8xb10-140e_coco-512x512.py", AT_128),
    "CIDHead": ("cid/coco/cid_hrnet-w32_8xb20-140e_coco-512x512.py", AT_128),
}  # fmt: skip
SMALL = {"input_size": (96, 128)}
RESNET18 = {"model.backbone.depth": 18, "model.head.in_channels": 512}
TWO_STAGES = {"model.backbone.num_stages": 2, "model.head.num_stages": 2}
SMALL_HRNET = {
    f"model.backbone.extra.stage{stage}.{key}": value
    for stage in (1, 2, 3, 4)
    for key, value in (("num_modules", 1), ("num_blocks", (1,) * stage))
}
LIGHT = {
    **dict.fromkeys((*TOP_DOWN, "whole body"), SMALL),
    **dict.fromkeys(("RTMCCHead", "SimCCHead"), {}),  # their head is made for one size
    **dict.fromkeys(("RegressionHead", "DSNTHead"), {**SMALL, **RESNET18}),
    "CPMHead": {**SMALL, **TWO_STAGES},
    **dict.fromkeys(("DEKRHead", "CIDHead"), SMALL_HRNET),
    "RTMOHead": {},
}
"""The same network with fewer and smaller parts, by settings that its config has."""


def options(loaders: tuple[str, ...] = ("train", "val", "test")) -> dict[str, Any]:
    """Two iterations of two samples."""
    found: dict[str, Any] = {
        "max_epochs": 1,
        "train_dataloader.batch_size": 2,
        "log_level": "ERROR",
        "randomness.seed": 0,
    }
    found.update({"train_cfg.val_begin": 9, "default_hooks.checkpoint.interval": 1})
    found["default_hooks.checkpoint.save_optimizer"] = False  # two thirds of the file
    for loader in loaders:
        place = f"{loader}_dataloader"
        found.update({f"{place}.num_workers": 0, f"{place}.persistent_workers": False})
        found[f"{place}.dataset.indices"] = 4 if loader == "train" else 2
    return found


def run(
    config: Path, work_dir: Path, image: np.ndarray, keypoints: int, more: dict[str, Any], data: Path | None
) -> None:
    out = train(config, data=data, work_dir=work_dir, cfg_options={**options(), **more}, from_scratch=True)
    (checkpoint,) = out.glob("epoch_1.pth")
    tested = {k: v for k, v in {**options(("test",)), **more}.items() if k.startswith("test_")}
    numbers, _, _ = run_test(out / config.name, checkpoint, work_dir=out, cfg_options=tested)
    assert any(name.endswith("AP") for name in numbers)
    whole = np.array([[0, 0, image.shape[1] - 1, image.shape[0] - 1]], float)
    top_down = "TopdownPoseEstimator" in (out / config.name).read_text()
    result = Predictor(out / config.name, checkpoint)(image, boxes=whole if top_down else None)
    assert result.keypoints.shape[1:] == (keypoints, 2) and np.isfinite(result.keypoints).all()


@pytest.fixture(scope="module")
def coco(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """COCO's layout, as ``coco`` in a folder, where RTMO looks for it."""
    root = tmp_path_factory.mktemp("data")
    (root / "coco").symlink_to((real_data / "coco_mini").resolve())
    return root


@pytest.fixture(scope="module")
def beetles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images a split of two bright beetles on grey, three keypoints each: other data than MMPose's."""
    out = tmp_path_factory.mktemp("beetles")
    (out / "images").mkdir()
    (out / "annotations").mkdir()
    names, generator = ["head", "left_wing", "right_wing"], np.random.default_rng(0)
    for start, split in ((0, "train"), (4, "val"), (8, "test")):
        images, annotations = [], []
        for i in range(start, start + 4):
            image = np.full((120, 160, 3), 90, np.uint8)
            for n in (0, 1):
                x, y = 15 + 75 * n + int(generator.integers(10)), 20 + int(generator.integers(30))
                cv2.ellipse(image, (x + 25, y + 25), (20, 24), 0, 0, 360, (250, 240, 230), -1)
                points = [x + 25, y + 3, 2, x + 8, y + 30, 2, x + 42, y + 30, 2]
                annotations.append({
                    "id": 2 * i + n + 1, "image_id": i + 1, "category_id": 1, "iscrowd": 0, "area": 2000,
                    "bbox": [x, y, 50, 50], "keypoints": points, "num_keypoints": 3,
                })  # fmt: skip
            cv2.imwrite(str(out / f"images/{i}.png"), image)
            images.append({"id": i + 1, "file_name": f"images/{i}.png", "width": 160, "height": 120})
        categories = [{"id": 1, "name": "beetle", "keypoints": names}]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (out / f"annotations/{split}.json").write_text(json.dumps(content))
    return out


def written(folder: Path, base: str, more: str = "") -> Path:
    path = folder / "mine.py"
    path.write_text(f'_base_ = "mmpose::{base}"\n{more}')
    return path


OF_COCO = {"val_dataloader.dataset.bbox_file": None, "test_dataloader.dataset.bbox_file": None}
"""Boxes of a detector, which MMPose's top-down configs test in, are no part of COCO."""


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("head", TOP_DOWN)
def test_top_down_on_coco(head: str, coco: Path, tmp_path: Path):
    image = cv2.imread(str(next((coco / "coco/val2017").glob("*.jpg"))))
    run(
        written(tmp_path, BODY + TOP_DOWN[head]),
        tmp_path / "run",
        image[:200, :200],
        17,
        {**OF_COCO, **LIGHT[head]},
        coco / "coco",
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("head", [*TOP_DOWN, "whole body"])
def test_top_down_on_other_keypoints(head: str, beetles: Path, tmp_path: Path):
    base = BODY + TOP_DOWN[head] if head in TOP_DOWN else f"wholebody_2d_keypoint/{WHOLE_BODY}"
    lines = f'dataset_type = "CustomKeypointDataset"\ndata_root = "{beetles}"\n'
    image = cv2.imread(str(beetles / "images/8.png"))
    run(written(tmp_path, base, lines), tmp_path / "run", image, 3, LIGHT[head], None)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("head", ONE_STAGE)
def test_one_stage_on_coco(head: str, coco: Path, tmp_path: Path):
    base, small = ONE_STAGE[head]
    image = cv2.imread(str(next((coco / "coco/val2017").glob("*.jpg"))))
    data = coco if head == "RTMOHead" else coco / "coco"
    run(written(tmp_path, BODY + base, small), tmp_path / "run", image[:200, :200], 17, LIGHT[head], data)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("head", ONE_STAGE)
def test_one_stage_on_other_keypoints(head: str, beetles: Path, tmp_path: Path):
    base, small = ONE_STAGE[head]
    lines = f'dataset_type = "CustomKeypointDataset"\ndata_root = "{beetles}"\n{small}'
    image = cv2.imread(str(beetles / "images/8.png"))
    run(written(tmp_path, BODY + base, lines), tmp_path / "run", image, 3, LIGHT[head], None)


def test_what_mmpose_cannot_train_either_is_one_line(coco: Path, tmp_path: Path):
    ae = written(tmp_path, BODY + "associative_embedding/coco/ae_hrnet-w32_8xb24-300e_coco-512x512.py")
    with pytest.raises(BadInputError, match="no training pipeline"):
        train(ae, data=coco / "coco", work_dir=tmp_path / "run", cfg_options=options(), from_scratch=True)
