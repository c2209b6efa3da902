from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

import kpplugins.register  # noqa: F401
from kpplugins.config.load import load_config
from kpplugins.datasets.quick.quick_pipeline import QuickPipeline
from tests.datasets.quick.test_quick_pack import content

ROOT = Path(__file__).resolve().parents[3]


def dataset_of(config: str, drawn_cats: Path) -> Any:
    init_default_scope("mmpose")
    cfg = load_config(
        ROOT / "configs" / config, cfg_options={"dataset_type": "CatDataset", "data_root": str(drawn_cats)}
    )
    return DATASETS.build(cfg.train_dataloader.dataset)


@pytest.mark.parametrize(
    ("config", "most"),
    [("custom_hourglass_small.py", 1e-4), ("custom_rtmpose_t.py", 1e-2), ("custom_centernet.py", 1e-5)],
)
def test_samples_are_those_of_the_steps_one_by_one(config: str, most: float, drawn_cats: Path):
    dataset = dataset_of(config, drawn_cats)
    differ = pixels = 0
    for i in range(20):
        packed = []
        for run in (dataset.pipeline, dataset._quick_pipeline()):
            np.random.seed(i)
            packed.append(run({**dataset.get_data_info(i % len(dataset)), "dataset": dataset}))
        theirs, ours = packed
        assert content(theirs["data_samples"]) == content(ours["data_samples"])
        differ += int((theirs["inputs"] != ours["inputs"]).sum())
        pixels += ours["inputs"].numel()
    assert differ <= most * pixels  # flipped, and rotated or averaged: see QuickAffine


def test_steps_that_are_exchanged_later_are_run(drawn_cats: Path):
    dataset = dataset_of("custom_hourglass_small.py", drawn_cats)
    assert isinstance(dataset[0]["inputs"], torch.Tensor)
    dataset.pipeline.transforms[-1] = lambda sample: sample["img"]
    assert isinstance(dataset[0], np.ndarray)
    dataset.pipeline = lambda sample: sample["img_path"]
    assert dataset[0].endswith(".jpg")


def test_a_step_that_leaves_a_sample_out_ends_the_pipeline():
    assert QuickPipeline([lambda sample: None, lambda sample: 1 / 0])({}) is None


def test_kept_images_stay_as_they_are(drawn_cats: Path):
    dataset = dataset_of("custom_hourglass_small.py", drawn_cats)
    load = dataset.pipeline.transforms[0]
    dataset[0]
    before = {path: image.copy() for path, (image, _) in load.kept.items()}
    for _ in range(5):
        dataset[0]["inputs"].add_(1)
    assert before and all(np.array_equal(before[path], load.kept[path][0]) for path in before)
    assert not any(image.flags.writeable for image, _ in load.kept.values())
