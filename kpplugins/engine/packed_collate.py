"""Transfer of a batch from the data worker to the trainer in one piece."""

import io
import pickle
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.registry import FUNCTIONS

_ALIGNMENT = 16
"""Bytes; every tensor begins at a multiple, so that it can be viewed as any type."""


class PackedBatch(dict):
    """A batch whose tensors travel in one piece of shared memory. Within one process it is a plain dict.

    PyTorch passes every tensor of a worker through its own file descriptor and socket, about 0.5 ms each: three per
    sample, 48 per batch of 16. Sent as bytes instead, a batch is larger than a pipe's buffer, so the worker has to be
    woken for every piece. Here one tensor holds all of them, and the message about it is a few kilobytes.
    """

    def __reduce__(self) -> tuple:
        """Pickle the structure as bytes, and the content of all tensors as one tensor."""
        buffer = io.BytesIO()
        packer = _Packer(buffer)
        packer.dump(dict(self))
        return _unpack, (buffer.getvalue(), packer.content())


class _Packer(pickle.Pickler):
    """Pickler that collects the tensors, and writes only where each one is."""

    def __init__(self, buffer: io.BytesIO) -> None:
        super().__init__(buffer, protocol=pickle.HIGHEST_PROTOCOL)
        self.pieces: list[tuple[int, torch.Tensor]] = []
        self.end = 0

    def persistent_id(self, obj: Any) -> Any:
        if type(obj) is not torch.Tensor or obj.device.type != "cpu" or obj.requires_grad or obj.is_sparse:
            return None
        flat = obj.contiguous().reshape(-1)
        # one element out of a larger array may have any stride, which cannot be viewed as bytes
        raw = flat.as_strided(flat.shape, (1,)).view(torch.uint8)
        start = self.end
        self.pieces.append((start, raw))
        self.end += -(-len(raw) // _ALIGNMENT) * _ALIGNMENT
        return start, len(raw), obj.dtype, tuple(obj.shape)

    def content(self) -> torch.Tensor:
        # shared from the beginning: share_memory_() would copy what is empty, too
        store = torch.empty(0, dtype=torch.uint8)
        if self.end:
            store.set_(torch.UntypedStorage._new_shared(self.end))
        for start, raw in self.pieces:
            store[start : start + len(raw)] = raw
        return store


class _Unpacker(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, store: torch.Tensor) -> None:
        super().__init__(buffer)
        self.store = store

    def persistent_load(self, pid: Any) -> torch.Tensor:
        start, length, dtype, shape = pid
        return self.store[start : start + length].view(dtype).reshape(shape)


def _unpack(structure: bytes, store: torch.Tensor) -> PackedBatch:
    return PackedBatch(_Unpacker(io.BytesIO(structure), store).load())


@FUNCTIONS.register_module()
def packed_collate(batch: Sequence[dict]) -> PackedBatch:
    """Collate samples into a ``PackedBatch``; images of one size are stacked.

    Replaces MMEngine's ``pseudo_collate`` with ``collate_fn=dict(type='packed_collate')``.

    Args:
        batch: N samples with ``inputs`` (C, H, W) and ``data_samples``.

    Returns:
        ``inputs`` (N, C, H, W), or a list if the sizes differ; ``data_samples``, a list of N.
    """
    inputs = [sample["inputs"] for sample in batch]
    same = all(image.shape == inputs[0].shape for image in inputs)
    return PackedBatch(
        inputs=torch.stack(inputs) if same else inputs,
        data_samples=[sample["data_samples"] for sample in batch],
    )
