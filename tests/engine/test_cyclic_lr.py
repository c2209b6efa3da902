"""Step by step against PyTorch's own scheduler."""

import copy
import warnings

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmpose.registry import PARAM_SCHEDULERS

import kpplugins.register  # noqa: F401
from kpplugins.engine.cyclic_lr import CyclicLR, cycle_height
from kpplugins.engine.cyclic_momentum import CyclicMomentum
from kpplugins.structures import BadInputError

CYCLES = [
    dict(step_size_up=5),
    dict(step_size_up=3, step_size_down=7),
    dict(step_size_up=8, step_size_down=1),
    dict(step_size_up=1, step_size_down=1),
]
MODES = [dict(mode="triangular"), dict(mode="triangular2"), dict(mode="exp_range", gamma=0.97)]


def optimizer_of(kind: str = "SGD", groups: int = 1) -> torch.optim.Optimizer:
    parameters = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.1 * 10**-i} for i in range(groups)]
    other = {"momentum": 0.9} if kind == "SGD" else {}
    return getattr(torch.optim, kind)(parameters, lr=0.1, **other)


def values(optimizer: torch.optim.Optimizer, steps: int, *schedulers, name: str = "lr") -> list[list[float]]:
    """A row a step, the value before the first one included."""
    rows = []
    for _ in range(steps):
        rows.append([g["betas"][0] if name == "betas" else g[name] for g in optimizer.param_groups])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return rows


def close(found: list[list[float]], expected: list[list[float]]) -> bool:
    return torch.allclose(torch.tensor(found).double(), torch.tensor(expected).double(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("mode", MODES, ids=lambda m: m["mode"])
@pytest.mark.parametrize("cycle", CYCLES, ids=str)
@pytest.mark.parametrize(
    "bounds",
    [dict(base_lr=0.001, max_lr=0.1), dict(base_lr=[0.001, 0.02], max_lr=[0.1, 0.3])],
    ids=["one", "two"],
)
def test_rates_are_those_of_torch(mode: dict, cycle: dict, bounds: dict):
    theirs, ours = optimizer_of(groups=2), optimizer_of(groups=2)
    reference = torch.optim.lr_scheduler.CyclicLR(theirs, **bounds, **cycle, **mode, cycle_momentum=False)
    scheduler = CyclicLR(ours, **bounds, **cycle, **mode, by_epoch=False)
    assert close(values(ours, 45, scheduler), values(theirs, 45, reference))


@pytest.mark.parametrize("mode", MODES, ids=lambda m: m["mode"])
@pytest.mark.parametrize(("kind", "name"), [("SGD", "momentum"), ("AdamW", "betas")])
def test_momentum_goes_against_the_rate_as_in_torch(mode: dict, kind: str, name: str):
    cycle = dict(step_size_up=4, step_size_down=6, **mode)
    theirs, ours = optimizer_of(kind, 2), optimizer_of(kind, 2)
    reference = torch.optim.lr_scheduler.CyclicLR(
        theirs, 0.01, 0.1, **cycle, base_momentum=0.7, max_momentum=[0.9, 0.95]
    )
    both = (
        CyclicLR(ours, 0.01, 0.1, **cycle, by_epoch=False),
        CyclicMomentum(ours, 0.7, [0.9, 0.95], **cycle, by_epoch=False),
    )
    ours_rows = values(ours, 35, *both, name=name)
    assert close(ours_rows, values(theirs, 35, reference, name=name))
    # by hand, first group: at the bottom of the rate 0.9, at its peak 0.7
    assert ours_rows[0][0] == pytest.approx(0.9)
    assert ours_rows[4][0] == pytest.approx(0.9 - 0.2 * (0.97**4 if mode["mode"] == "exp_range" else 1))


def test_heights_by_hand():
    """Up in 2, down in 4: 0, 1/2, 1, 3/4, 1/2, 1/4, and from the start."""
    rising = [0, 0.5, 1, 0.75, 0.5, 0.25]
    assert [cycle_height(i, 2, 4, "triangular", 1) for i in range(12)] == pytest.approx(rising * 2)
    halved = [cycle_height(i, 2, 4, "triangular2", 1) for i in range(6, 18)]
    assert halved == pytest.approx([v / 2 for v in rising] + [v / 4 for v in rising])
    assert cycle_height(8, 2, 4, "exp_range", 0.5) == 0.5**8


@pytest.mark.parametrize("mode", MODES, ids=lambda m: m["mode"])
def test_after_resume_it_goes_on_where_it_was(mode: dict):
    setting = dict(
        base_lr=[0.001, 0.02], max_lr=0.1, step_size_up=3, step_size_down=4, **mode, by_epoch=False
    )
    momentum = dict(step_size_up=3, step_size_down=4, **mode, by_epoch=False)
    straight = optimizer_of(groups=2)
    both = CyclicLR(straight, **setting), CyclicMomentum(straight, **momentum)
    values(straight, 11, *both)
    kept = copy.deepcopy((straight.state_dict(), *(s.state_dict() for s in both)))
    expected = values(straight, 20, *both), values(straight, 5, *both, name="momentum")
    resumed = optimizer_of(groups=2)
    again = CyclicLR(resumed, **setting), CyclicMomentum(resumed, **momentum)
    resumed.load_state_dict(kept[0])
    for scheduler, state in zip(again, kept[1:], strict=True):
        scheduler.load_state_dict(state)
    assert values(resumed, 20, *again) == expected[0]
    assert values(resumed, 5, *again, name="momentum") == expected[1]


@pytest.mark.parametrize("scheduler", [CyclicLR, CyclicMomentum])
def test_a_resumed_run_that_is_longer_goes_on_cycling(scheduler: type):
    setting = dict(step_size_up=2, by_epoch=False)
    bounds = (0.1, 0.2)
    short, longer = (scheduler(optimizer_of(), *bounds, **setting, end=end) for end in (4, 12))
    values(short.optimizer, 3, short)
    longer.load_state_dict(short.state_dict())
    assert (longer.end, longer.last_step) == (12, 3)
    found = values(longer.optimizer, 6, longer, name=longer.param_name)
    assert len({row[0] for row in found}) == 3


def test_the_state_is_plain_values(tmp_path):
    """So that a checkpoint loads without running code."""
    torch.save(CyclicLR(optimizer_of(), 0.01, 0.1).state_dict(), tmp_path / "state.pth")
    assert torch.load(tmp_path / "state.pth", weights_only=True)["step_size_up"] == 2000


def test_epochs_counted_as_iterations_are_the_same_cycle():
    ours, theirs = optimizer_of(), optimizer_of()
    setting = dict(base_lr=0.01, max_lr=0.1, mode="exp_range")
    built = PARAM_SCHEDULERS.build(
        dict(type="CyclicLR", step_size_up=2, step_size_down=0.5, gamma=0.5, begin=1, end=9,
             by_epoch=True, convert_to_iter_based=True, **setting),
        default_args=dict(optimizer=ours, epoch_length=10),
    )  # fmt: skip
    assert (built.by_epoch, built.begin, built.end) == (False, 10, 90)
    reference = torch.optim.lr_scheduler.CyclicLR(
        theirs, step_size_up=20, step_size_down=5, gamma=0.5**0.1, cycle_momentum=False, **setting
    )
    assert values(ours, 10, built) == [[0.1]] * 10  # not begun: the optimizer's own rate
    assert close(values(ours, 80, built), values(theirs, 80, reference))
    last = ours.param_groups[0]["lr"]
    assert values(ours, 5, built) == [[last]] * 5  # ended


def test_by_epoch_a_step_is_an_epoch():
    scheduler = PARAM_SCHEDULERS.build(
        dict(type="CyclicMomentum", step_size_up=2, by_epoch=True),
        default_args=dict(optimizer=optimizer_of(), epoch_length=10),
    )
    assert scheduler.by_epoch
    found = values(scheduler.optimizer, 5, scheduler, name="momentum")
    assert close(found, [[0.9], [0.85], [0.8], [0.85], [0.9]])


def test_lr_mult_is_kept_without_a_base():
    """Rates 0.1 and 0.01; up to 0.5 and, in proportion, 0.05. MMEngine's wrapper has a third group of base values."""
    wrapper = OptimWrapper(optimizer_of(groups=2))
    assert len(wrapper.param_groups) == 3
    scheduler = CyclicLR(wrapper, None, 0.5, step_size_up=2, by_epoch=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler.step()
        scheduler.step()
    assert [g["lr"] for g in wrapper.param_groups] == pytest.approx([0.5, 0.05, 0.5])
    listed = CyclicLR(OptimWrapper(optimizer_of(groups=2)), [0.1, 0.2], 1.0, step_size_up=2)
    assert listed.lower == [0.1, 0.2, 0.2]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (dict(mode="square"), "unknown mode; expected triangular, triangular2, exp_range; found 'square'"),
        (dict(step_size_up=0), "wrong step_size_up.*> 0"),
        (dict(step_size_down=-1), "wrong step_size_down.*> 0"),
        (dict(gamma=0), "wrong gamma.*> 0"),
        (dict(base_lr=[0.1, 0.2, 0.3]), "wrong base_lr; expected one number, or 1.*found 3"),
    ],
)
def test_bad_settings_are_one_line(setting: dict, words: str):
    with pytest.raises(BadInputError, match=words):
        CyclicLR(optimizer_of(), **{"base_lr": 0.01, "max_lr": 0.1, **setting})


def test_iterations_are_not_converted_to_iterations():
    with pytest.raises(BadInputError, match="convert_to_iter_based with by_epoch=False"):
        CyclicLR.build_iter_from_epoch(optimizer_of(), 0.01, 0.1, by_epoch=False, epoch_length=10)
