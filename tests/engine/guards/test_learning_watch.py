"""What a training is told about itself."""

from types import SimpleNamespace

import pytest
import torch

import kpplugins.register  # noqa: F401
from kpplugins.engine import LearningWatchHook


class Run:
    """A Runner that collects warnings."""

    def __init__(self, max_epochs: int = 10, val: list[dict] | None = None) -> None:
        self.said: list[str] = []
        self.logger = SimpleNamespace(warning=self.said.append)
        self.max_epochs, self.epoch, self.iter = max_epochs, 0, 0
        data = None if val is None else SimpleNamespace(dataset=Data(val))
        self.val_loop = SimpleNamespace(dataloader=data) if data else None
        self.hook = LearningWatchHook()
        self.hook.before_train(self)

    def train(self, *losses: float, iterations: int = 20) -> list[str]:
        for loss in losses:
            for i in range(iterations):
                self.hook.after_train_iter(self, i, outputs={"loss": torch.tensor(loss)})
                self.iter += 1
            self.hook.after_train_epoch(self)
            self.epoch += 1
        return self.said

    def validate(self, *metrics: dict) -> list[str]:
        for values in metrics:
            self.hook.after_val_epoch(self, values)
        return self.said


class Data(list):
    """A dataset of samples."""

    def get_data_info(self, i: int) -> dict:
        return self[i]


def instances(n: int) -> dict:
    return {"keypoints": torch.zeros(n, 2, 2)}


@pytest.mark.parametrize(
    ("val", "told"),
    [([instances(1)] * 9, 9), ([instances(1)] * 10, None), ([instances(4), instances(0), instances(3)], 7),
     ([instances(6), instances(6)], None), ([{"img": 1}], None), ([], 0)],
)  # fmt: skip
def test_a_small_val_set_is_told(val: list[dict], told: int | None):
    said = Run(val=val).said
    assert (f"the val set has {told} instances" in said[0]) if told is not None else said == []


def test_an_ap_of_0_in_three_validations_is_told_once_with_what_to_try():
    zero = [{"AP": 0.0, "EPE": e} for e in (50.0, 49.9, 50.1, 50.0)]
    assert Run().validate(*zero[:2]) == []
    (line,) = Run().validate(*zero)
    assert "AP is 0 (below 0.01) in 3 validations in a row and EPE does not fall (50 → 50.1)" in line
    assert "learning rate" in line and "kpplugins dataset check" in line
    (line,) = Run().validate(*({"AP": -1.0, "EPE": e} for e in (50.0, 40.0, 30.0)))
    assert "but EPE falls (50 → 30)" in line and "more epochs" in line
    (line,) = Run().validate(*({"coco/AP": 0.0} for _ in range(3)))
    assert line.startswith("coco/AP is 0")
    assert Run().validate({"AP": 0.0}, {"AP": 0.0}, {"AP": 0.2}, {"AP": 0.0}, {"AP": 0.0}) == []
    assert Run().validate(*({"PCK": 0.0} for _ in range(4))) == []


def test_a_loss_that_does_not_fall_is_told_once():
    (line,) = Run().train(2.0, 2.0, 2.01, 2.0, 2.0)
    assert (
        "the loss does not fall (2 in the first epoch, 2.01 in epoch 3)" in line and "learning rate" in line
    )
    assert Run().train(2.0, 1.9, 1.8, 1.8) == []
    assert Run().train(-2.0, -2.2, -2.3, -2.4) == []  # RLE's loss falls below 0
    assert len(Run().train(-2.0, -2.0, -2.0)) == 1
    assert Run(max_epochs=100).train(2.0, 2.0, 2.0, 2.0) == []  # a tenth of the training first
    assert len(Run(max_epochs=40).train(2.0, 2.0, 2.0, 2.0)) == 1


def test_a_short_training_is_judged_at_its_end():
    assert Run(max_epochs=4).train(2.0, 2.0, 2.0, iterations=3) == []
    (line,) = Run(max_epochs=4).train(2.0, 2.0, 2.0, 2.0, iterations=3)
    assert "try more than 4 epochs" in line
    assert Run(max_epochs=1).train(2.0) == []
