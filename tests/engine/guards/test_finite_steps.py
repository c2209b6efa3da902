"""A training whose numbers are not finite stops with its weights kept."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from torch import nn

import kpplugins.register  # noqa: F401
from kpplugins.engine import FiniteStepsHook
from kpplugins.structures import BadInputError


def batch(*files: str, bad: int | None = None) -> dict:
    samples = []
    for i, file in enumerate(files):
        sample = PoseDataSample(metainfo=dict(img_path=file))
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, 2))
        sample.gt_fields = PixelData(heatmaps=torch.full((2, 4, 4), float("nan") if i == bad else 0.5))
        samples.append(sample)
    return {"inputs": torch.zeros(len(files), 3, 4, 4, dtype=torch.uint8), "data_samples": samples}


class Run:
    """Plain gradient descent on one weight."""

    def __init__(self, folder: Path, lr: float = 0.5, **wrapper: Any) -> None:
        self.model = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.model.weight, 4.0)
        optimizer = torch.optim.SGD(self.model.parameters(), lr=lr)
        self.optim_wrapper = OptimWrapper(optimizer, **wrapper)
        self.work_dir, self.epoch, self.iter = str(folder), 0, 0
        self.hook = FiniteStepsHook()
        self.hook.before_train(self)

    def step(self, data: dict, loss_of: Any) -> None:
        self.hook.before_train_iter(self, self.iter, data)
        self.optim_wrapper.update_params(loss_of(self.model.weight.sum()))
        self.iter += 1

    def save_checkpoint(self, folder: str, name: str, meta: dict, by_epoch: bool) -> None:
        torch.save({"state_dict": self.model.state_dict(), "meta": meta}, Path(folder) / name)


def kept(folder: Path) -> tuple[str, float]:
    (file,) = folder.glob("*.pth")
    return file.name, float(torch.load(file)["state_dict"]["weight"])


def test_a_loss_that_is_nan_stops_before_the_step_and_names_the_files(tmp_path: Path):
    run = Run(tmp_path)
    run.step(batch("a.png", "b.png"), lambda w: w)  # 4 → 3.5
    run.step(batch("c.png", "d.png"), lambda w: w)  # 3.5 → 3
    with pytest.raises(BadInputError) as caught:
        run.step(batch("e.png", "f.png"), lambda w: w * float("nan"))
    text = str(caught.value)
    assert "iteration 3, epoch 1: training stopped, the loss is nan" in text and "\n" not in text
    assert "a batch of e.png, f.png;" in text and "learning rate (0.5 in this step)" in text
    assert kept(tmp_path) == ("iter_1.pth", 3.5) and str(tmp_path / "iter_1.pth") in text
    assert float(run.model.weight.detach()) == 3.5


def test_targets_that_are_not_finite_are_named_alone(tmp_path: Path):
    run = Run(tmp_path)
    with pytest.raises(BadInputError) as caught:
        run.step(batch("a.png", "b.png", bad=1), lambda w: w * float("inf"))
    text = str(caught.value)
    assert "found b.png (heatmaps not finite);" in text and "a.png" not in text
    assert "the loss is inf" in text and "no weights are worth keeping" in text
    assert not list(tmp_path.glob("*.pth"))


def broken(w: torch.Tensor) -> torch.Tensor:
    """0, with an infinite derivative: the step after it makes the weight NaN."""
    return torch.sqrt(w - w)


def test_a_gradient_that_is_not_finite_blames_its_own_batch(tmp_path: Path):
    run = Run(tmp_path, clip_grad=dict(max_norm=1.0))
    run.step(batch("a.png"), lambda w: w)
    run.step(batch("b.png"), broken)
    with pytest.raises(BadInputError, match=r"a batch of b\.png, whose step made weight not finite"):
        run.step(batch("c.png"), lambda w: w)
    assert kept(tmp_path) == ("iter_1.pth", pytest.approx(3.5, rel=1e-5))


@pytest.mark.parametrize("moment", ["before_val_epoch", "before_save_checkpoint"])
def test_weights_that_are_not_finite_are_neither_validated_nor_saved(tmp_path: Path, moment: str):
    run = Run(tmp_path)
    run.step(batch("a.png"), lambda w: w)
    arguments = [run] if moment == "before_val_epoch" else [run, {}]
    getattr(run.hook, moment)(*arguments)
    run.step(batch("b.png"), broken)
    with pytest.raises(BadInputError, match=r"the weights are not finite.*a batch of b\.png"):
        getattr(run.hook, moment)(*arguments)
    assert kept(tmp_path) == ("iter_1.pth", pytest.approx(3.5, rel=1e-5))


def test_a_scaler_skips_some_steps_but_not_for_ever(tmp_path: Path):
    run = Run(tmp_path)
    run.optim_wrapper.update_params = lambda loss: None  # as a scaler that skips the step
    run.optim_wrapper.loss_scaler = SimpleNamespace()
    run.hook.before_train(run)
    for _ in range(9):
        run.step(batch("a.png"), lambda w: w * float("inf"))
    run.step(batch("a.png"), lambda w: w)
    for _ in range(9):
        run.step(batch("a.png"), lambda w: w * float("inf"))
    with pytest.raises(BadInputError, match="training stopped"):
        run.step(batch("a.png"), lambda w: w * float("inf"))
