"""Everything that a dataset knows of its samples, in five arrays that processes share.

A sample is the number of its image (int64) and a row for each of its instances (``row_type``), as bytes. There is no
Python object per sample: data workers that are forked share the arrays, as writing a reference count does not touch
them, and those that map a file share it with everybody who maps it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, overload

import numpy as np

from kpplugins.data import PoseRecord
from kpplugins.structures.addresses import spelled

_HEAD = 8
"""Bytes of the number of the image."""
_AT_ONCE = 10_000


class SampleIndex(Sequence[dict]):
    """The samples of a dataset: each a small dict, made when it is asked for.

    A sample has ``img_path``, ``img_id`` (the number of the image plus one) and ``rows``, the bytes of its instances.
    In an index of instances it has a single row, and ``bbox_score``, by which MMPose filters.

    Args:
        arrays: ``samples`` uint8, one after the other; ``ends`` int64, where each ends; ``paths`` uint8, and
            ``path_ends``, the same of the images' paths; ``kinds`` uint8, a JSON list with the names of the categories.
        whole_images: a sample is an image, not an instance.
        order: which samples, in which order; ``None`` for all.
    """

    def __init__(
        self, arrays: Mapping[str, np.ndarray], whole_images: bool, order: np.ndarray | None = None
    ) -> None:
        self.arrays, self.whole_images, self.order = arrays, whole_images, order

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.arrays["ends"]) if self.order is None else len(self.order)

    @overload
    def __getitem__(self, which: int) -> dict: ...

    @overload
    def __getitem__(self, which: slice) -> "SampleIndex": ...

    def __getitem__(self, which: int | slice) -> "dict | SampleIndex":
        """Return a sample, or an index of some of them that shares the arrays."""
        if isinstance(which, slice):
            return self.take(range(len(self))[which])
        place = range(len(self))[which] if self.order is None else int(self.order[which])
        sample = _part(self.arrays["samples"], self.arrays["ends"], place)
        image = int.from_bytes(sample[:_HEAD], "little")
        path = os.fsdecode(_part(self.arrays["paths"], self.arrays["path_ends"], image))
        score = {} if self.whole_images else {"bbox_score": 1.0}
        return {"img_id": image + 1, "img_path": path, **score, "rows": sample[_HEAD:]}

    def __deepcopy__(self, memo: dict[int, Any]) -> "SampleIndex":
        """Return itself: nobody changes an index."""
        return self

    def take(self, which: Sequence[int]) -> "SampleIndex":
        """Return an index of some of the samples, which shares the arrays.

        Args:
            which: their places.
        """
        chosen = np.array(which, np.int64)
        chosen = np.arange(len(self))[chosen] if self.order is None else self.order[chosen]
        return SampleIndex(self.arrays, self.whole_images, chosen)

    @property
    def kinds(self) -> list[str]:
        """Return the names of the categories; a row has the place of its own among them, from 1."""
        return json.loads(self.arrays["kinds"].tobytes())


@cache
def row_type(num_keypoints: int) -> np.dtype:
    """Return the type of an instance's row.

    Args:
        num_keypoints: K.

    Returns:
        A structure of the number of the record (from 1), the category's place (from 1), whether it is a crowd, the
        area, the box (4,) xyxy, the keypoints (K, 2) and their visibilities (K,).
    """
    return np.dtype([
        ("id", "<i8"), ("kind", "<i4"), ("crowd", "u1"), ("area", "<f8"), ("box", "<f8", 4),
        ("points", "<f8", (num_keypoints, 2)), ("shown", "u1", num_keypoints),
    ])  # fmt: skip


def rows_of(records: Sequence[PoseRecord], chosen: Sequence[int], kinds: Sequence[str]) -> np.ndarray:
    """Return the rows of records.

    Args:
        records: N instances.
        chosen: indices of the K keypoints to use.
        kinds: the names of all their categories.

    Returns:
        (N,) of ``row_type(K)``.
    """
    places = {name: i for i, name in enumerate(kinds, 1)}
    rows = np.zeros(len(records), row_type(len(chosen)))
    rows["id"] = np.arange(1, len(rows) + 1)
    for start in range(0, len(rows), _AT_ONCE):
        part, here = rows[start : start + _AT_ONCE], records[start : start + _AT_ONCE]
        part["kind"] = [places[record.category] for record in here]
        part["crowd"] = [record.crowd for record in here]
        part["area"] = [record.area for record in here]
        part["box"] = np.array([record.bbox for record in here])
        keypoints = np.array([record.keypoints for record in here])[:, list(chosen)]
        part["points"], part["shown"] = keypoints[..., :2], keypoints[..., 2]
    return rows


def arrays_of(
    rows: np.ndarray, images: np.ndarray, paths: Sequence[Path], kinds: Sequence[str], whole_images: bool
) -> dict[str, np.ndarray]:
    """Build the arrays of an index.

    Args:
        rows: (N,) see ``rows_of``.
        images: (N,) the place of each one's image among the paths.
        paths: of the images.
        kinds: names of the categories.
        whole_images: one sample for each path, with all of its rows, in their order; otherwise one for each row.

    Returns:
        See ``SampleIndex``.
    """
    if whole_images:
        order = np.argsort(images, kind="stable")
        ends = np.searchsorted(images[order], np.arange(len(paths)), side="right")
        content, size = rows[order].tobytes(), rows.dtype.itemsize
        starts = [0, *(ends[:-1] * size).tolist()]
        parts = [
            part
            for i, (start, end) in enumerate(zip(starts, (ends * size).tolist(), strict=False))
            for part in (i.to_bytes(_HEAD, "little"), content[start:end])
        ]
        samples = np.frombuffer(b"".join(parts), np.uint8)
        ends = ends * size + _HEAD * np.arange(1, len(paths) + 1)
    else:
        whole = np.zeros(len(rows), [("image", "<i8"), ("row", rows.dtype)])
        whole["image"], whole["row"] = images, rows
        samples, ends = whole.view(np.uint8), whole.itemsize * np.arange(1, len(rows) + 1)
    names = [os.fsencode(spelled(path)) for path in paths]
    return {
        "samples": samples, "ends": ends.astype(np.int64), "paths": np.frombuffer(b"".join(names), np.uint8),
        "path_ends": np.cumsum([len(name) for name in names], dtype=np.int64),
        "kinds": np.frombuffer(json.dumps(list(kinds)).encode(), np.uint8),
    }  # fmt: skip


def paths_in(arrays: Mapping[str, np.ndarray]) -> list[bytes]:
    """Return the paths of all images of an index.

    Args:
        arrays: see ``SampleIndex``.

    Returns:
        They, as the file system spells them.
    """
    content, ends = arrays["paths"].tobytes(), arrays["path_ends"].tolist()
    return [content[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _part(content: np.ndarray, ends: np.ndarray, place: int) -> bytes:
    return content[int(ends[place - 1]) if place else 0 : int(ends[place])].tobytes()
