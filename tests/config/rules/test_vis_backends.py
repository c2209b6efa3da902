"""``vis_backends`` reaches the visualizer, and its JSON lines are never lost."""

from pathlib import Path

import pytest
from mmpose.registry import VISBACKENDS

import kpplugins.register  # noqa: F401
from kpplugins.config.load import load_config
from kpplugins.config.rules.vis_backends import BACKENDS
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError

LOCAL = dict(type="LocalVisBackend")
RECIPES = [
    "custom_hourglass",
    "custom_rtmpose_t",
    "custom_hrnet_w32",
    "custom_centernet",
    "detector_rtmdet_tiny",
]


def backends(path: Path, **changes) -> list[dict]:
    cfg = load_config(path, schema=CAT_SCHEMA, cfg_options=changes)
    return [dict(backend) for backend in cfg.visualizer.vis_backends]


@pytest.mark.parametrize("name", RECIPES)
def test_tensorboard_by_default_and_others_by_one_word(root: Path, name: str):
    path = root / f"configs/{name}.py"
    assert backends(path) == [LOCAL, dict(type="TensorboardVisBackend")]
    assert backends(path, vis_backends="wandb") == [LOCAL, dict(type="WandbVisBackend")]


def test_a_child_and_dicts(root: Path, tmp_path: Path):
    child = tmp_path / "mine.py"
    own = "dict(type='MLflowVisBackend', exp_name='cats')"
    child.write_text(f"_base_ = '{root}/configs/custom_hourglass.py'\nvis_backends = ['trackio', {own}]\n")
    assert backends(child) == [
        LOCAL,
        dict(type="TrackioVisBackend"),
        dict(type="MLflowVisBackend", exp_name="cats"),
    ]
    child.write_text(
        "_base_ = 'mmpose::_base_/default_runtime.py'\nvis_backends = [dict(type='LocalVisBackend')]\n"
    )
    assert load_config(child).visualizer.vis_backends == [LOCAL]
    child.write_text(
        f"_base_ = '{root}/configs/custom_hourglass.py'\nvis_backends = 'wandb'\n"
        "visualizer = dict(vis_backends=[dict(type='AimVisBackend')])\n"
    )
    with pytest.raises(
        BadInputError, match="vis_backends would change nothing"
    ):  # its place states another value
        backends(child)


@pytest.mark.parametrize("wrong", ["tensorbord", 3, ["wandb", None], [{}]])
def test_what_is_no_backend(root: Path, wrong):
    with pytest.raises(
        BadInputError, match="vis_backends: not a backend; expected local, tensorboard, wandb"
    ):
        backends(root / "configs/custom_hourglass.py", vis_backends=wrong)


def test_every_short_name_is_registered():
    assert all(VISBACKENDS.get(kind) is not None for kind in BACKENDS.values())
