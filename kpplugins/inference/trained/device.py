"""The device to run on."""

import torch

from kpplugins.structures import BadInputError

_GPU = ("gpu", "cuda")


def default_device() -> str:
    """Choose the device to run on.

    Returns:
        ``cuda:0`` where there is a GPU, else ``cpu``.
    """
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def device_of(name: str | int | None) -> str:
    """Check that a device is there.

    Args:
        name: as PyTorch has it (``cpu``, ``cuda:1``, ``mps``, …); a number is that of a GPU, and ``gpu`` the first one;
            ``None`` chooses.

    Returns:
        The device by PyTorch's name.

    Raises:
        BadInputError: it is not a device, or not on this machine.
    """
    if name is None or str(name).strip() == "":
        return default_device()
    text = str(name).strip().lower()
    if text in _GPU:
        text = "cuda:0"
    elif text.isdigit():
        text = f"cuda:{text}"
    try:
        device = torch.device(text)
        torch.empty(1, device=device).cpu()
    except (RuntimeError, AssertionError, ImportError, NotImplementedError, ValueError) as error:
        raise BadInputError(
            "no such device on this machine", where=f"--device {name}", expected=" or ".join(_present()),
            found=str(error).partition("\n")[0].partition(". ")[0][:80],
            todo="name one of these, or leave --device out",
        ) from error  # fmt: skip
    return text


def _present() -> list[str]:
    """List the devices of this machine."""
    gpus = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ["cpu", *gpus, *mps]
