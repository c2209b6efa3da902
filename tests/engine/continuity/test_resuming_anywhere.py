"""A training that is stopped and resumed ends as one that is not, for each family, whatever the number of workers."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from benchmarks.chaos import differences
from kpplugins.apis.train import train

ALONE = """
loaded = dict(num_workers={workers}, persistent_workers={workers} > 0, batch_size=2)
train_dataloader = dict(**loaded, dataset=dict(indices=8))
val_dataloader = val_cfg = val_evaluator = None
default_hooks = dict(checkpoint=dict(save_best=None))
max_epochs = 2
"""
FAMILIES = {
    "top-down": """
_base_ = "{root}/configs/custom_hourglass_small.py"
input_size = (64, 64)
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=1))
custom_hooks = [dict(type="SyncBuffersHook"), dict(type="EMAHook"), {stop}]
optim_wrapper = dict(accumulative_counts=2)
""",
    "centernet": """
_base_ = "{root}/configs/custom_centernet.py"
input_size = (64, 64)
num_stacks = 1
model = dict(backbone=dict(channels=16, depth=1), head=dict(in_channels=16, feat_channels=16))
custom_hooks = [dict(type="SyncBuffersHook"), {stop}]
""",
    "keypoint_rcnn": """
_base_ = "{root}/configs/_base_/keypoint_rcnn.py"
few = dict(box_batch_size_per_image=16, rpn_pre_nms_top_n_train=100, rpn_pre_nms_top_n_test=50)
model = dict(weights=None, backbone="mobilenet_v3_small", min_size=64, max_size=96, fpn_channels=32,
             keypoint_layers=(16, 16), torchvision_args=few, test_cfg=dict(score_thr=0.0, max_per_img=10))
custom_hooks = [dict(type="SyncBuffersHook"), {stop}]
""",
    "rtmdet": """
_base_ = "{root}/configs/detector_rtmdet_tiny.py"
input_size = (64, 64)
load_from = None
model = dict(backbone=dict(widen_factor=0.125, init_cfg=None), neck=dict(in_channels=[32, 64, 128], out_channels=32),
             bbox_head=dict(in_channels=32, feat_channels=32, exp_on_reg=True))
custom_hooks = [dict(type="SyncBuffersHook"), dict(type="EMAHook"), {stop}]
""",
}


@HOOKS.register_module()
class SignalAt(Hook):
    """Sends a signal to its own process in an iteration."""

    priority = "HIGHEST"

    def __init__(self, iteration: int, number: int) -> None:
        self.iteration, self.number = iteration, number

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter + 1 == self.iteration:
            os.kill(os.getpid(), self.number)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("family", FAMILIES)
def test_a_resumed_training_is_the_same(root: Path, cups_and_plates: Path, tmp_path: Path, family: str):
    def write(name: str, workers: int, iteration: int) -> Path:
        stop = f"dict(type='SignalAt', iteration={iteration}, number={int(signal.SIGTERM)})"
        text = FAMILIES[family].format(root=root, stop=stop) + ALONE.format(workers=workers)
        (tmp_path / f"{name}.py").write_text(text)
        return tmp_path / f"{name}.py"

    common = dict(data=cups_and_plates, from_scratch=True)
    whole = train(write("whole", 0, 99), work_dir=tmp_path / "whole", **common)
    with pytest.raises(SystemExit) as stopped:
        train(write("stopped", 2, 2), work_dir=tmp_path / "stopped", **common)
    assert stopped.value.code == 143
    assert (tmp_path / "stopped/iter_2.pth").is_file()
    again = train(write("again", 4, 99), work_dir=tmp_path / "stopped", resume=True, **common)
    assert differences(whole, again) == []
    assert not (tmp_path / "stopped/iter_2.pth").exists()
