"""Summarise each image: a hash of the file, a 64-bit hash of its look, and a thumbnail."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kpplugins.data import ImageInfo
from kpplugins.data.images import SHOWN, TYPE_RANGE, as_bgr, read_pixels
from kpplugins.data.pixel_rule import PixelRule
from kpplugins.storage.files import read_bytes
from kpplugins.structures import BadInputError

SIDE = 32
"""Width and height of a thumbnail in pixels."""
_BLOCK = 4
"""Side of the blocks of a thumbnail, in its pixels, in which two images are compared."""

_HASH = (9, 8)
_REDUCED = 512
"""Images whose shorter side is at least this many pixels are decoded at a quarter of their size."""

_DEEP_PNG = 16
"""Bits of a channel, in a PNG's header, that are more than 8."""

_FLAT = 2.0
"""Standard deviation in grey levels below which an image counts as flat: paper, darkness."""

_MOST_ALIKE = 8
_CHUNK = 1024
_MOST_BITS = 10

Pairs = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Looks:
    """N images that could be decoded.

    Attributes:
        paths: N files.
        digests: N hashes of the files' bytes.
        bits: (N, 64) boolean: whether the image grows brighter to the right, at 8 × 8 places.
        thumbnails: (N, 32, 32) float32 grey, mean 0 and standard deviation 1; zeros for a flat image.
        levels: (N,) int, how many grey levels a network would see; -1 where the image does not suit the rule.
        deep: (N,) boolean: the image has more than 8 bits.
        undecodable: images with a valid header whose content cannot be decoded.
    """

    paths: tuple[Path, ...]
    digests: tuple[bytes, ...]
    bits: np.ndarray
    thumbnails: np.ndarray
    levels: np.ndarray
    deep: np.ndarray
    undecodable: tuple[Path, ...] = ()

    def close_pairs(self) -> Pairs:
        """Return pairs (i < j) whose hashes differ in at most 10 bits: at most eight per image, none if it is flat."""
        flat = ~self.thumbnails.any(axis=(1, 2))
        signs = np.where(self.bits, 1, -1).astype(np.float32)
        signs[flat] = 0
        firsts, seconds, most = [], [], min(_MOST_ALIKE, len(signs))
        for start in range(0, len(signs), _CHUNK):
            same = signs[start : start + _CHUNK] @ signs.T
            same[np.arange(len(same)), np.arange(start, start + len(same))] = -64
            best = np.argpartition(-same, most - 1, axis=1)[:, :most]
            near = np.take_along_axis(same, best, axis=1) >= 64 - 2 * _MOST_BITS
            rows, columns = np.nonzero(near)
            firsts.append(rows + start)
            seconds.append(best[rows, columns])
        if not firsts:
            return np.zeros(0, int), np.zeros(0, int)
        pairs = np.stack([np.concatenate(firsts), np.concatenate(seconds)])
        pairs = np.unique(np.sort(pairs, axis=0), axis=1)
        return pairs[0], pairs[1]

    def correlation(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the (P,) correlation of the thumbnails of P pairs, -1 to 1."""
        return _by_parts(lambda a, b: (a * b).mean(axis=(1, 2)), self.thumbnails, first, second)

    def difference(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the (P,) largest mean difference of any block, 1/8 of the image wide, in grey standard deviations."""
        parts = SIDE // _BLOCK

        def worst(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            blocks = np.abs(a - b).reshape(-1, parts, _BLOCK, parts, _BLOCK)
            return blocks.mean(axis=(2, 4)).max(axis=(1, 2))

        return _by_parts(worst, self.thumbnails, first, second)


def look_at(
    images: Sequence[ImageInfo],
    progress: Callable[[int, int], None] | None = None,
    rule: PixelRule = TYPE_RANGE,
) -> Looks:
    """Read and decode every image once.

    Args:
        images: files with a valid header.
        progress: called with (images done, number of images).
        rule: how images of more than 8 bits become 8 bits.

    Returns:
        Hashes and thumbnails of the images that could be decoded, and the paths of the others.
    """
    paths, found, undecodable = [], [], []
    for i, image in enumerate(images, 1):
        one = _one(image, rule)
        if one is None:
            undecodable.append(image.path)
        else:
            paths.append(image.path)
            found.append(one)
        if progress is not None:
            progress(i, len(images))
    digests, bits, thumbnails, levels, deep = zip(*found, strict=True) if found else ((),) * 5
    return Looks(
        tuple(paths), digests, np.array(bits, bool).reshape(-1, 64),
        np.array(thumbnails, np.float32).reshape(-1, SIDE, SIDE), np.array(levels, int), np.array(deep, bool),
        tuple(undecodable),
    )  # fmt: skip


def _one(image: ImageInfo, rule: PixelRule) -> tuple[bytes, np.ndarray, np.ndarray, int, bool] | None:
    """Return digest, bits (64,), thumbnail, grey levels and depth of an image; ``None`` if it cannot be decoded."""
    import cv2

    large = min(image.width, image.height) >= _REDUCED
    try:
        data = read_bytes(image.path)
        if _may_be_deep(data):
            pixels = read_pixels(image.path)
            deep, levels = _deep_grey(pixels, rule)
            return (*_look(data, deep), levels, pixels.dtype != np.uint8)
        kind = cv2.IMREAD_REDUCED_GRAYSCALE_4 if large else cv2.IMREAD_GRAYSCALE
        grey = cv2.imdecode(np.frombuffer(data or b"\0", np.uint8), kind)
    except (OSError, cv2.error, BadInputError):
        return None
    return None if grey is None else (*_look(data, grey), _levels(grey), False)


def _may_be_deep(data: bytes) -> bool:
    return data[:2] in (b"II", b"MM") or (data[:4] == b"\x89PNG" and data[24:25] == bytes([_DEEP_PNG]))


def _deep_grey(pixels: np.ndarray, rule: PixelRule) -> tuple[np.ndarray, int]:
    """Return an image in grey, and its levels under the rule: -1 if it does not suit it, and is only shown."""
    import cv2

    try:
        grey = cv2.cvtColor(as_bgr(pixels, rule=rule), cv2.COLOR_BGR2GRAY)
        return grey, _levels(grey)
    except BadInputError:
        return cv2.cvtColor(as_bgr(np.nan_to_num(pixels), rule=SHOWN), cv2.COLOR_BGR2GRAY), -1


def _levels(grey: np.ndarray) -> int:
    return int(np.count_nonzero(np.bincount(grey.reshape(-1), minlength=256)))


def _look(data: bytes, grey: np.ndarray) -> tuple[bytes, np.ndarray, np.ndarray]:
    import cv2

    coarse = cv2.resize(grey, _HASH, interpolation=cv2.INTER_AREA).astype(np.int16)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    spread = float(small.std())
    normal = (small - small.mean()) / spread if spread >= _FLAT else np.zeros_like(small)
    return (
        hashlib.blake2b(data, digest_size=16).digest(), (coarse[:, 1:] > coarse[:, :-1]).reshape(-1), normal,
    )  # fmt: skip


def _by_parts(measure: Callable, thumbnails: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    parts = [
        measure(thumbnails[first[i : i + _CHUNK]], thumbnails[second[i : i + _CHUNK]])
        for i in range(0, len(first), _CHUNK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)
