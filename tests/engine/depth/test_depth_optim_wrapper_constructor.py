"""Learning rates by depth, under schedules too."""

import pytest

from kpplugins.engine.depth.depth_optim_wrapper_constructor import lr_factors

DECAYED = dict(
    optimizer=dict(type="SGD", lr=0.1, momentum=0.9), constructor="DepthOptimWrapperConstructor",
)  # fmt: skip


def rates(runner) -> dict[str, float]:
    """The rate of each parameter at the end."""
    by_id = {id(p): g["lr"] for g in runner.optim_wrapper.optimizer.param_groups for p in g["params"]}
    return {name: by_id[id(p)] for name, p in runner.model.named_parameters()}


def test_factors():
    names = ["backbone.stem.weight", "backbone.a.0.weight", "backbone.a.1.weight", "head.weight"]
    assert lr_factors(names, 1.0, 0.5) == dict(zip(names[:3], [0.125, 0.25, 0.5], strict=True))
    assert lr_factors(names, 0.1, 1.0) == dict.fromkeys(names[:3], 0.1)
    assert lr_factors(["head.weight"], 0.1, 0.5) == {}


def test_rates_of_a_training(training):
    runner = training(None, epochs=1, optim_wrapper={**DECAYED, "paramwise_cfg": dict(layer_decay=0.5)})
    found = rates(runner)
    assert {n: v for n, v in found.items() if n.startswith("head")} == {"head.weight": 0.1, "head.bias": 0.1}
    assert {v for n, v in found.items() if n.startswith("backbone.1")} == {0.05}
    assert {v for n, v in found.items() if n.startswith("backbone.0")} == {0.025}


def test_it_multiplies_what_mmengine_sets_itself(training):
    options = dict(backbone_lr=0.1, custom_keys={"backbone.1": dict(lr_mult=0.5)})
    found = rates(training(None, epochs=1, optim_wrapper={**DECAYED, "paramwise_cfg": options}))
    assert found["backbone.1.weight"] == pytest.approx(0.005) and found["backbone.0.weight"] == pytest.approx(
        0.01
    )


def test_a_schedule_keeps_the_proportion(training):
    cycle = dict(type="OneCycleLR", eta_max=0.1, total_steps=4, by_epoch=True, convert_to_iter_based=True)
    runner = training(cycle, epochs=4, optim_wrapper={**DECAYED, "paramwise_cfg": dict(backbone_lr=0.1)})
    groups = {n: i for i, (n, _) in enumerate(runner.model.named_parameters())}
    for row in runner.rates:
        assert row[groups["backbone.0.weight"]] == pytest.approx(0.1 * row[groups["head.weight"]])
    assert max(row[groups["head.weight"]] for row in runner.rates) == pytest.approx(0.1, rel=0.05)
