"""Summarise each image: a hash of the file, a 64-bit hash of its look, and a thumbnail."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kpplugins.data import ImageInfo

SIDE = 32
"""Width and height of a thumbnail in pixels."""
_BLOCK = 4
"""Side of the blocks of a thumbnail, in its pixels, in which two images are compared."""

_HASH = (9, 8)
_REDUCED = 512
"""Images whose shorter side is at least this many pixels are decoded at a quarter of their size."""

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
        undecodable: images with a valid header whose content cannot be decoded.
    """

    paths: tuple[Path, ...]
    digests: tuple[bytes, ...]
    bits: np.ndarray
    thumbnails: np.ndarray
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


def look_at(images: Sequence[ImageInfo], progress: Callable[[int, int], None] | None = None) -> Looks:
    """Read and decode every image once.

    Args:
        images: files with a valid header.
        progress: called with (images done, number of images).

    Returns:
        Hashes and thumbnails of the images that could be decoded, and the paths of the others.
    """
    paths, digests, bits, thumbnails, undecodable = [], [], [], [], []
    for i, image in enumerate(images, 1):
        found = _one(image)
        if found is None:
            undecodable.append(image.path)
        else:
            paths.append(image.path)
            digests.append(found[0])
            bits.append(found[1])
            thumbnails.append(found[2])
        if progress is not None:
            progress(i, len(images))
    return Looks(
        tuple(paths), tuple(digests), np.array(bits, bool).reshape(-1, 64),
        np.array(thumbnails, np.float32).reshape(-1, SIDE, SIDE), tuple(undecodable),
    )  # fmt: skip


def _one(image: ImageInfo) -> tuple[bytes, np.ndarray, np.ndarray] | None:
    """Return digest (16 bytes), bits (64,) and thumbnail of an image; ``None`` if it cannot be decoded."""
    import cv2

    large = min(image.width, image.height) >= _REDUCED
    try:
        data = image.path.read_bytes()
        kind = cv2.IMREAD_REDUCED_GRAYSCALE_4 if large else cv2.IMREAD_GRAYSCALE
        grey = cv2.imdecode(np.frombuffer(data or b"\0", np.uint8), kind)
    except (OSError, cv2.error):
        return None
    if grey is None:
        return None
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
