"""The learning rate by one name, and in OpenMMLab's way."""

from pathlib import Path

import pytest

from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError

OPTION = "optim_wrapper.optimizer.lr"


@pytest.fixture
def child(root: Path, tmp_path: Path):
    """Load a child of a config with more lines and options; returns its optimizer's rate and its schedulers."""

    def load(base: str, lines: str = "", **options):
        path = tmp_path / "child.py"
        base = base if base.startswith("mmpose::") else str(root / "configs" / base)
        path.write_text(f"_base_ = '{base}'\n{lines}\n")
        options = {key.replace("__", "."): value for key, value in options.items()}
        cfg = load_config(path, schema=CAT_SCHEMA, cfg_options=options)
        return cfg.optim_wrapper.optimizer.lr, cfg.param_scheduler

    return load


CONFIGS = ("custom_hourglass_small", "custom_centernet", "facial_resnet18_fc", "detector_rtmdet_tiny",
           "glue_tubes_keypoint_rcnn_mobilenet")  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("way", ["lr", OPTION])
def test_it_reaches_one_cycle_schedules(child, name: str, way: str):
    rate, scheduler = child(f"{name}.py", **{way: 1e-6})
    assert (rate, scheduler.eta_max) == (1e-6, 1e-6)


@pytest.mark.parametrize(
    "lines", ["lr = 3.5e-4", "optim_wrapper = dict(optimizer=dict(lr=3.5e-4))",
              "optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=3.5e-4, momentum=0.9))"],
)  # fmt: skip
def test_floors_keep_their_proportion(child, lines: str):
    """RTMPose: 7e-4, down to a twentieth of it."""
    rate, (warm_up, cosine) = child("custom_rtmpose_t.py", lines)
    assert rate == 3.5e-4 and cosine.eta_min == pytest.approx(1.75e-5)
    assert warm_up.start_factor == 1e-5


@pytest.mark.parametrize("base", ["custom_hourglass.py", "custom_hrnet_w32.py", "custom_vitpose_s.py"])
def test_a_config_without_the_name_takes_it_too(child, base: str):
    rate, schedulers = child(base, "lr = 1e-5")
    assert rate == 1e-5 and [s.type for s in schedulers] == ["LinearLR", "MultiStepLR"]


def test_mmposes_own_take_it(child):
    rate, (_, cosine) = child(
        "mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py", "lr = 1e-3"
    )
    assert (rate, cosine.eta_min) == (1e-3, pytest.approx(5e-5))


def test_a_schedule_of_ones_own_stays(child):
    lines = "lr = 1e-3\nparam_scheduler = dict(eta_max=0.5)"
    assert child("custom_hourglass_small.py", lines)[1].eta_max == 0.5
    cyclic = "[dict(type='CyclicLR', base_lr=1e-4, max_lr=4e-3, step_size_up=4)]"
    _, (scheduler,) = child("custom_hourglass_small.py", f"lr = 1e-3\nparam_scheduler = {cyclic}")
    assert (scheduler.base_lr, scheduler.max_lr) == (1e-4, 4e-3)


def test_bounds_of_a_cyclic_schedule_follow(child, tmp_path: Path):
    (tmp_path / "base.py").write_text(
        "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))\n"
        "param_scheduler = [dict(type='CyclicLR', base_lr=[0.01, 0.02], max_lr=0.1, step_size_up=4)]\n"
    )
    (tmp_path / "up.py").write_text("_base_ = 'base.py'\nlr = 0.2\n")
    (scheduler,) = load_config(tmp_path / "up.py").param_scheduler
    assert list(scheduler.base_lr) == pytest.approx([0.02, 0.04]) and scheduler.max_lr == 0.2


def test_without_the_name_what_rules_is_an_error(tmp_path: Path):
    (tmp_path / "base.py").write_text(
        "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))\n"
        "param_scheduler = dict(type='OneCycleLR', eta_max=0.1, total_steps=4)\n"
    )
    (tmp_path / "low.py").write_text("_base_ = 'base.py'\noptim_wrapper = dict(optimizer=dict(lr=0.01))\n")
    words = r"optimizer.lr would change nothing.*param_scheduler.eta_max=0.1 of OneCycleLR rules.*lr = 0.01 sets both"
    with pytest.raises(BadInputError, match=words):
        load_config(tmp_path / "low.py")
    with pytest.raises(BadInputError, match=words):
        load_config(tmp_path / "base.py", cfg_options={OPTION: 0.01})
    both = {OPTION: 0.01, "param_scheduler.eta_max": 0.05}
    assert load_config(tmp_path / "base.py", cfg_options=both).param_scheduler.eta_max == 0.05


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("lr = 'fast'", "not a learning rate.*> 0.*'fast'"),
        ("lr = 0", "not a learning rate"),
        ("lr = 1e-3\noptim_wrapper = dict(optimizer=dict(lr=2e-3))", "disagree; found 0.001 and 0.002"),
    ],
)
def test_what_is_no_rate(child, lines: str, words: str):
    with pytest.raises(BadInputError, match=words):
        child("custom_hourglass_small.py", lines)
