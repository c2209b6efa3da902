"""Devices that are there, and those that are not."""

import pytest
import torch

from kpplugins.inference.trained.device import default_device, device_of
from kpplugins.structures import BadInputError


def test_the_cpu_is_always_there():
    assert device_of("cpu") == "cpu" and device_of("CPU ") == "cpu"
    assert device_of(None) == device_of("") == default_device()


@pytest.mark.parametrize("name", ["mps", "foo", "-1", "meta", "xpu", "cuda:99", "99", 99, "cpu:cuda"])
def test_a_device_that_is_not_there_is_one_line(name):
    with pytest.raises(BadInputError) as caught:
        device_of(name)
    text = str(caught.value)
    assert (
        text.startswith(f"--device {name}: no such device on this machine; expected cpu") and "\n" not in text
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("name", ["0", "gpu", "cuda", "cuda:0", 0])
def test_without_a_gpu(name):
    with pytest.raises(
        BadInputError, match="no such device on this machine; expected cpu; .*leave --device out"
    ):
        device_of(name)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("name", ["0", "gpu", "cuda", "cuda:0", 0])
def test_names_of_the_first_gpu(name):
    assert device_of(name) == "cuda:0"
