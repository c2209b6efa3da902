"""A training that takes milliseconds, and tells its learning rates."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmpose.registry import DATASETS, MODELS

import kpplugins.register  # noqa: F401
from kpplugins.engine.runner import KeepingRunner

NUMBER = itertools.count()


@DATASETS.register_module()
class TinyNumbers(torch.utils.data.Dataset):
    """Pairs of random numbers."""

    def __init__(self, length: int) -> None:
        self.values = torch.randn(length, 2)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.values[index]


@MODELS.register_module()
class Tiny(BaseModel):
    """Two layers, ``backbone`` and ``head``."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
        self.head = torch.nn.Linear(2, 1)

    def forward(self, inputs: torch.Tensor, mode: str = "loss") -> dict[str, torch.Tensor]:
        return dict(loss=self.head(self.backbone(inputs)).square().mean())

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, torch.Tensor]:
        losses = self(torch.stack(list(data)))
        optim_wrapper.update_params(losses["loss"])
        return losses


class Rates(Hook):
    """Keeps the rate of every group at every iteration."""

    def __init__(self) -> None:
        self.rows: list[list[float]] = []

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        self.rows.append([g["lr"] for g in runner.optim_wrapper.optimizer.param_groups])


@pytest.fixture
def training(tmp_path: Path):
    """Train; returns the runner, with the rates at each iteration as ``rates`` and of the first group as ``first``."""

    def run(
        scheduler: Any,
        *,
        epochs: int = 4,
        images: int = 12,
        batch: int = 2,
        resume: str | None = None,
        **more: Any,
    ) -> KeepingRunner:
        torch.manual_seed(0)
        loop = more.pop("train_cfg", dict(by_epoch=True, max_epochs=epochs, val_interval=100))
        cfg = dict(
            default_scope="mmpose", experiment_name=f"tiny {next(NUMBER)}",
            work_dir=str(tmp_path / "run"), model=dict(type="Tiny"),
            train_dataloader=dict(
                dataset=dict(type="TinyNumbers", length=images), batch_size=batch, num_workers=0,
                sampler=dict(type="InfiniteSampler" if "max_iters" in loop else "DefaultSampler", shuffle=False),
                collate_fn=dict(type="pseudo_collate"),
            ),
            train_cfg=loop, param_scheduler=scheduler, resume=resume is not None, load_from=resume, log_level="WARNING",
            optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1, momentum=0.9)),
        )  # fmt: skip
        runner = KeepingRunner.from_cfg(Config({**cfg, **more}))
        hook = Rates()
        runner.register_hook(hook)
        runner.train()
        runner.rates, runner.first = hook.rows, [row[0] for row in hook.rows]
        return runner

    return run
