"""The hourglass stacks as a backbone."""

import pytest
import torch

import kpplugins.register  # noqa: F401
from kpplugins.models.backbones.gated_hourglass import GatedHourglass
from kpplugins.structures import BadInputError

IMAGES = torch.linspace(-2, 2, 2 * 3 * 64 * 48).sin().reshape(2, 3, 64, 48)


def net_of(num_stacks: int = 2, **kwargs) -> GatedHourglass:
    torch.manual_seed(0)
    net = GatedHourglass(16, num_stacks, 2, **kwargs)
    net.init_weights()
    return net


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("num_stacks", [1, 2, 4])
def test_one_feature_a_stack_at_a_quarter(num_stacks: int, gated: bool):
    features = net_of(num_stacks, gated=gated)(IMAGES)
    assert [tuple(f.shape) for f in features] == [(2, 16, 16, 12)] * num_stacks
    assert all((f >= 0).all() for f in features)  # behind a ReLU


def test_gradients_of_the_last_feature_reach_every_parameter():
    net = net_of()
    net(IMAGES)[-1].square().sum().backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_the_second_stack_sees_the_first_ones_features():
    net = net_of()
    net.eval()
    first, second = net(IMAGES)
    (stem,) = net.stem(IMAGES)
    assert torch.allclose(first, net.hourglasses[0](stem), atol=1e-5)
    assert torch.allclose(second, net.hourglasses[1](stem + net.features_on[0](first)), rtol=1e-3, atol=1e-4)


def test_vanilla_has_no_gates():
    assert any(n.endswith("alpha") for n, _ in net_of().named_parameters())
    assert not any(n.endswith("alpha") for n, _ in net_of(gated=False).named_parameters())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GatedHourglass(16, num_stacks=0), r"model\.backbone\.num_stacks.*found 0"),
        (lambda: GatedHourglass(16, depth=0), r"model\.backbone\.depth.*found 0"),
        (lambda: GatedHourglass(40), "multiple of 16, found 40"),
        (lambda: net_of()(torch.zeros(1, 3, 64, 56)), "multiples of 16.*found 56×64"),
    ],
)
def test_impossible_sizes_are_refused(make, words: str):
    with pytest.raises(ValueError, match=words):
        make()


def test_its_own_errors_are_those_that_people_can_mend():
    with pytest.raises(BadInputError):
        net_of()(torch.zeros(1, 3, 60, 64))
