"""A Runner that keeps its run in its own folder."""

import multiprocessing
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpose.registry import VISUALIZERS
from torch import nn

import kpplugins.register  # noqa: F401
from kpplugins.engine.runner import KeepingRunner
from kpplugins.structures import BadInputError


def runner(work_dir: Path, kind: object) -> KeepingRunner:
    backends = [dict(type="LocalVisBackend")]
    return KeepingRunner.from_cfg(
        Config(
            dict(
                default_scope="mmpose", work_dir=str(work_dir), model=nn.Linear(1, 1),
                visualizer=dict(type=kind, name="visualizer", vis_backends=backends),
            )
        )
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["PoseLocalVisualizer", "mmpose.PoseLocalVisualizer", "class"])
def test_a_second_run_in_a_process_logs_into_its_own_folder(tmp_path: Path, kind: str):
    chosen = VISUALIZERS.get("PoseLocalVisualizer") if kind == "class" else kind
    for name in "ab":
        runner(tmp_path / name, chosen).visualizer.add_scalar("loss", 1.0)
    for name in "ab":
        (scalars,) = (tmp_path / name).glob("*/vis_data/scalars.json")
        assert len(scalars.read_text().splitlines()) == 1


@pytest.mark.parametrize("key", ["config", "cfg"])
def test_the_text_of_a_config_is_not_run_by_resuming(training, tmp_path: Path, key: str):
    """A checkpoint with Python in `meta.config`, resumed from."""
    constant = dict(type="ConstantLR", factor=0.5)
    stopped = training(constant, epochs=2)
    path, ran = tmp_path / "stranger.pth", tmp_path / "ran"
    content = torch.load(f"{stopped.work_dir}/epoch_2.pth", weights_only=False)
    content["meta"][key] = f"open({str(ran)!r}, 'w')\n"
    torch.save(content, path)
    assert training(constant, epochs=3, resume=str(path)).iter == 18
    assert not ran.exists()


def test_workers_that_wait_for_the_next_epoch_end_with_the_training(training):
    loader = dict(
        dataset=dict(type="TinyNumbers", length=6), batch_size=2, num_workers=2, persistent_workers=True,
        sampler=dict(type="DefaultSampler", shuffle=False), collate_fn=dict(type="pseudo_collate"),
    )  # fmt: skip
    before = set(multiprocessing.active_children())
    runner = training(None, epochs=2, train_dataloader=loader)
    assert runner.train_dataloader._iterator is None
    assert not set(multiprocessing.active_children()) - before


def test_what_is_built_when_the_training_starts_is_one_line_too(training):
    with pytest.raises(
        BadInputError, match="config cannot be built: .*unexpected keyword argument 'optimiser'$"
    ):
        training(None, optim_wrapper=dict(optimiser=dict(lr=0.1), optimizer=dict(type="SGD", lr=0.1)))
