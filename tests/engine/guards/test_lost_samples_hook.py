"""Images that go, and workers that are killed, while a training runs."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmpose.registry import HOOKS, TRANSFORMS
from torch.utils.data import DataLoader

from kpplugins.apis.train import train
from kpplugins.datasets.wrapped import inner_datasets
from kpplugins.engine.guards.lost_samples_hook import leave_out_lost
from kpplugins.structures import BadInputError

SMALL = {
    "input_size": (64, 64), "model.backbone.channels": 16, "model.head.in_channels": 16, "model.head.depth": 2,
    "train_dataloader.num_workers": 1, "train_dataloader.persistent_workers": False, "train_cfg.val_interval": 1,
    "train_dataloader.batch_size": 4, "train_dataloader.dataset.pipeline.0.cache_mb": 0,
    "val_dataloader.num_workers": 1, "val_dataloader.persistent_workers": False, "max_epochs": 2,
}  # fmt: skip

CONFIG = """
_base_ = "{root}/configs/custom_hourglass_small.py"
train_pipeline = list(_base_.custom_train_pipeline)
train_pipeline[5:5] = {steps}
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
"""


@HOOKS.register_module()
class MishapHook(Hook):
    """Does something before the second epoch."""

    what: Any = None

    def before_train_epoch(self, runner: Any) -> None:
        """Do it."""
        if runner.epoch == 1:
            self.what()


@TRANSFORMS.register_module()
class KillWorker:
    """Ends the data worker that it runs in, as the system does when memory runs out."""

    def __call__(self, results: dict) -> dict:
        if torch.utils.data.get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return results


@TRANSFORMS.register_module()
class SpoilKeypoints:
    """Makes coordinates that are no numbers."""

    def __call__(self, results: dict) -> dict:
        results["transformed_keypoints"] = np.full_like(results["transformed_keypoints"], np.nan)
        return results


@pytest.fixture
def mishap(root: Path, cups_and_plates: Path, tmp_path: Path):
    """Train; before the second epoch an image for training is removed, and one for validation is cut."""
    data = Path(shutil.copytree(cups_and_plates, tmp_path / "data"))

    def go(**more: Any) -> Path:
        def what() -> None:
            (data / "images/1.png").unlink()
            (data / "images/4.png").write_bytes((data / "images/4.png").read_bytes()[:60])

        MishapHook.what = staticmethod(what)
        options = {**SMALL, "custom_hooks": [dict(type="MishapHook")]}
        config = tmp_path / "small.py"
        config.write_text(CONFIG.format(root=root, steps=more.pop("steps", [])))
        return train(config, data=data, work_dir=tmp_path / "run", cfg_options=options, **more)

    return go


def test_images_lost_on_the_way_are_replaced_or_left_out_and_counted(mishap):
    log = next(mishap(skip_bad=True).glob("*/*.log")).read_text()
    assert "2 samples cannot be read any more, replaced by others in training: " in log and "1.png" in log
    assert "2 samples cannot be read any more, left out of the validation: " in log and "4.png" in log
    assert "4 samples could not be read while this training ran" in log
    assert [line.split()[-2] for line in log.splitlines() if line.endswith(" instances")] == ["4", "2"]


def test_without_skip_bad_one_line_names_the_image(mishap):
    with pytest.raises(BadInputError) as caught:
        mishap()
    assert str(caught.value).endswith(
        "1.png: image is missing; to do: fetch it again, or skip bad files with --skip-bad"
    )


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("KillWorker", "a data worker was ended from outside; .*likely memory ran out.*num_workers=1.*shm"),
        ("SpoilKeypoints", r"images/\d\.png: transformed_keypoints that are not finite; to do: .*makes them$"),
    ],
)  # fmt: skip
def test_a_worker_that_is_killed_and_targets_that_are_no_numbers_are_one_line(mishap, step: str, words: str):
    with pytest.raises(BadInputError, match=words) as caught:
        mishap(steps=[{"type": step}])
    assert "\n" not in str(caught.value)


def test_datasets_inside_wrappers_are_found():
    parts = [torch.utils.data.TensorDataset(torch.zeros(1)) for _ in range(3)]
    nested = torch.utils.data.ConcatDataset([torch.utils.data.Subset(parts[0], [0]), *parts[1:]])
    assert list(inner_datasets(nested)) == parts
    assert list(inner_datasets(DataLoader(parts[0]).dataset)) == parts[:1]


def test_a_loader_of_other_data_stays_as_it_is():
    loader = DataLoader([1, 2])
    collate = loader.collate_fn
    leave_out_lost(loader)
    assert type(loader) is DataLoader and loader.collate_fn is collate
