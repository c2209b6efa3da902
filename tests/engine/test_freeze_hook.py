"""What is frozen stays as it is, to the bit."""

import pytest
import torch
from mmengine.config import Config

from kpplugins.engine.freeze_hook import FreezeHook, freeze_parts, frozen_by, tell_random
from kpplugins.structures import BadInputError

FREEZE = dict(type="FreezeHook", parts=["backbone"])


@pytest.mark.parametrize(
    "more",
    [[], [dict(type="EMAHook", ema_type="ExpMomentumEMA", update_buffers=True)], [dict(type="EMAHook")]],
    ids=["plain", "averaged with statistics", "averaged"],
)
@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_weights_and_statistics(training, more: list, optimizer: str):
    """Four tensors of weights and three of statistics; of the head, both change."""
    wrapper = dict(optimizer=dict(type=optimizer, lr=0.1, weight_decay=0.1))
    start = training(None, epochs=1, optim_wrapper=wrapper)
    path = f"{start.work_dir}/epoch_1.pth"
    training(None, epochs=3, optim_wrapper=wrapper, custom_hooks=[FREEZE, *more], load_from=path)
    before, after = (
        torch.load(f"{start.work_dir}/epoch_{n}.pth", weights_only=False)["state_dict"] for n in (1, 3)
    )
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head.weight", "head.bias"}


def test_validation_does_not_thaw(training):
    """The model is put into training mode again after it."""
    runner = training(None, epochs=2, custom_hooks=[FREEZE])
    runner.model.train()
    hook = next(h for h in runner.hooks if isinstance(h, FreezeHook))
    hook.before_train_iter(runner, 0)
    assert not runner.model.backbone[1].training and runner.model.head.training


def network() -> torch.nn.Module:
    layers = {"backbone": torch.nn.Sequential(torch.nn.Linear(2, 2)), "neck": torch.nn.Linear(2, 2)}
    return torch.nn.ModuleDict(layers)


def test_names():
    model = network()
    freeze_parts(model, ["backbone.0"])
    assert [p.requires_grad for p in model.parameters()] == [False, False, True, True]
    with pytest.raises(BadInputError, match="no part 'bakbone' in the model.*backbone"):
        freeze_parts(model, ["bakbone"])
    with pytest.raises(BadInputError, match="no part 'x' in the model.*e.g. backbone, neck"):
        freeze_parts(model, ["x"])
    with pytest.raises(BadInputError, match="nothing is left to train"):
        freeze_parts(model, ["backbone", "neck"])


def test_whose_parts():
    assert frozen_by([FREEZE, dict(type="EMAHook"), FreezeHook(["neck"])]) == ["backbone", "neck"]


def test_a_part_that_is_frozen_at_random_is_told(caplog: pytest.LogCaptureFixture):
    cfg = Config(
        dict(model=dict(backbone=dict(type="ResNet"), head=dict(type="HeatmapHead")), custom_hooks=[FREEZE])
    )
    tell_random(cfg)
    assert "freeze: backbone has no pretrained weights" in caplog.text
    caplog.clear()
    tell_random(Config({**cfg, "load_from": "a.pth"}))
    cfg.model.backbone.init_cfg = dict(type="Pretrained", checkpoint="torchvision://resnet18")
    tell_random(cfg)
    cfg.custom_hooks = [dict(type="FreezeHook", parts=["backbone.layer1"])]
    tell_random(cfg)
    assert not caplog.records
    cfg.custom_hooks = [dict(type="FreezeHook", parts=["head"])]
    tell_random(cfg)
    assert "freeze: head" in caplog.text
