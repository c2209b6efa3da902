"""What PyTorch and Python say of data, machine and packages, in one line."""

import re
from typing import Any

from kpplugins.structures import BadInputError, MachineError

_SMALL = "the network halves the input several times: a larger input_size"
_MEMORY = "a smaller train_dataloader.batch_size or input_size, or --amp"
_OF_MACHINE = (
    r"out of memory|not enough memory|alloc_cpu",
    r"DataLoader worker .*(killed|exited)|shared memory|bus error",
    r"\bgloo\b|\bNCCL\b|TCPStore|Connection (closed|reset) by peer",
)
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (r"Expected more than 1 value per channel", "batch normalisation of a single value per channel",
     "train_dataloader.batch_size ≥ 2 with drop_last=True, or a larger input_size"),
    (r"Expected more than 1 spatial element", "features of 1×1 reach a normalisation", _SMALL),
    (r"Output size is too small|Kernel size can't be greater than actual input|"
     r"size of tensor a \(\d+\) must match the size of tensor b|Sizes of tensors must match",
     "the network fails on an input of this size", _SMALL + ", of sides that are multiples of 32"),
    (_OF_MACHINE[0], "not enough memory", _MEMORY),
    (_OF_MACHINE[1], "a data worker was ended from outside",
     "likely memory ran out: --cfg-options train_dataloader.num_workers=1 val_dataloader.num_workers=1, smaller "
     "batches, or more memory (in a container also /dev/shm: docker run --shm-size=8g)"),
    (_OF_MACHINE[2], "another process of the job has ended or does not answer", "see what it says itself"),
)  # fmt: skip
"""Patterns of messages, what they mean, and what to try."""
_INSTALL = (
    re.compile(r"([\w-]+)[`'\"]? is not installed"),
    re.compile(r"pip install (?:-U )?(?:future )?([\w-]+)"),
)


def one_line_of(error: BaseException, where: str) -> BadInputError | None:
    """Translate an error that the user can do something about.

    Args:
        error: from building or running a part of a config.
        where: the config or the command, for the message.

    Returns:
        The error in one line; ``None`` for one that is a fault of the program, or unknown.
    """
    text = re.sub(r"\s+", " ", str(error)).strip()
    missing = _missing(error, text)
    if missing:
        return MachineError(
            f"the package {missing} is not installed, which a part of this config needs", where=where,
            found=text[:120], todo=f"pip install {missing}, or leave the part out",
        )  # fmt: skip
    if isinstance(error, (RuntimeError, ValueError, MemoryError)):
        for pattern, what, todo in _CAUSES:
            if isinstance(error, MemoryError) and todo is _MEMORY or re.search(pattern, text, re.IGNORECASE):
                kind = MachineError if pattern in _OF_MACHINE else BadInputError
                return kind(what, where=where, found=text[:160], todo=todo)
    return None


def _missing(error: Any, text: str) -> str | None:
    """Return the name of the package whose absence an error is about."""
    if isinstance(error, ImportError) or (isinstance(error, RuntimeError) and _INSTALL[0].search(text)):
        for pattern in _INSTALL:
            if found := pattern.search(text):
                return found[1]
        inner: Any = error
        while inner is not None:
            if isinstance(inner, ModuleNotFoundError) and inner.name:
                name = inner.name.partition(".")[0]
                return None if name == "kpplugins" else name
            inner = inner.__cause__ or inner.__context__
    return None
