"""TFRecord files of ``tf.train.Example`` without TensorFlow: framing with checksums, and the messages' wire format.

A record is ``length`` (uint64), a masked CRC-32C of these eight bytes, the data, and a masked CRC-32C of the data, all
little-endian; masked means ``((crc >> 15) | (crc << 17)) + 0xa282ead8``, modulo 2³².
"""

import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from kpplugins.structures import BadInputError

Values = list[bytes] | np.ndarray
"""One feature: texts or images as bytes, float32 or int64 numbers."""

_POLYNOMIAL = 0x82F63B78
"""Castagnoli's polynomial, bits reversed."""
_MASK = 0xA282EAD8
_SHORT = 64
"""Below this many bytes a plain loop is faster."""
_LONGEST = 1 << 30
"""No record with one image is longer; a length above it is a broken file."""


def read_examples(path: Path) -> Iterator[tuple[str, dict[str, Values] | BadInputError]]:
    """Iterate over the records of a file.

    After a record whose length cannot be trusted the file is not read further.

    Args:
        path: the file.

    Returns:
        Of each record its place, and its features by name or what is wrong with it.
    """
    for where, data in read_records(path):
        if isinstance(data, BadInputError):
            yield where, data
            continue
        try:
            yield where, parse_example(data)
        except (ValueError, struct.error, IndexError) as error:
            yield (
                where,
                BadInputError(
                    f"record is not a tf.train.Example: {error}", where=where, todo="write the file again"
                ),
            )


def read_records(path: Path) -> Iterator[tuple[str, bytes | BadInputError]]:
    """Iterate over the records of a file, undecoded.

    Args:
        path: the file.

    Returns:
        Of each record its place, and its data or what is wrong with it.
    """
    number, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while file.tell() < size:
            where = f"{path}:record {number}"
            number += 1
            head = file.read(12)
            if len(head) < 12 or masked_crc(head[:8]) != struct.unpack("<I", head[8:])[0]:
                what = (
                    "file ends within a record" if len(head) < 12 else "record's length has a wrong checksum"
                )
                yield where, BadInputError(what, where=where, todo="fetch or write the file again")
                return
            length = struct.unpack("<Q", head[:8])[0]
            if length > min(_LONGEST, size - file.tell() - 4):
                yield where, BadInputError(
                    "file ends within a record", where=where, expected=f"{length} bytes",
                    found=f"{size - file.tell()}", todo="fetch or write the file again",
                )  # fmt: skip
                return
            data, check = file.read(length), file.read(4)
            if masked_crc(data) != struct.unpack("<I", check)[0]:
                yield (
                    where,
                    BadInputError(
                        "record has a wrong checksum (CRC-32C)",
                        where=where,
                        todo="fetch or write the file again",
                    ),
                )
            else:
                yield where, data


def starts_with_record(path: Path) -> bool:
    """Tell whether a file begins as a TFRecord does; never raises.

    Args:
        path: the file.

    Returns:
        True where it does.
    """
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return len(head) == 12 and masked_crc(head[:8]) == struct.unpack("<I", head[8:])[0]


def masked_crc(data: bytes) -> int:
    """Compute the checksum that a TFRecord stores.

    Args:
        data: the bytes.

    Returns:
        The masked CRC-32C.
    """
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """Compute CRC-32C (Castagnoli), in parallel lanes with numpy for long data.

    A CRC that starts at zero is linear. So the first four bytes are inverted (which equals a start at all ones), and
    the data is cut into lanes of equal length, padded with zeros in front; each lane's CRC is computed, and neighbours
    are joined by moving the left one past the length of the right one.

    Args:
        data: the bytes.

    Returns:
        The checksum, 32 bits.
    """
    table = _table()
    if len(data) < _SHORT:
        crc = 0xFFFFFFFF
        for byte in data:
            crc = int(table[(crc ^ byte) & 0xFF]) ^ (crc >> 8)
        return crc ^ 0xFFFFFFFF
    power = (len(data).bit_length() + 1) // 2
    lanes = 1 << max(0, (len(data) - 1).bit_length() - power)
    padded = np.zeros(lanes << power, dtype=np.uint8)
    padded[-len(data) :] = np.frombuffer(data, dtype=np.uint8)
    padded[len(padded) - len(data) :][:4] ^= 0xFF
    columns = np.ascontiguousarray(padded.reshape(lanes, 1 << power).T)
    crcs: np.ndarray = np.zeros(lanes, dtype=np.uint32)
    for column in columns:
        crcs = table[(crcs & 0xFF) ^ column] ^ (crcs >> 8)
    while len(crcs) > 1:
        crcs = _times(_past_zeros(power), crcs[0::2]) ^ crcs[1::2]
        power += 1
    return int(crcs[0]) ^ 0xFFFFFFFF


@lru_cache(maxsize=1)
def _table() -> np.ndarray:
    """Return the CRC of each byte."""
    crc: np.ndarray = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & 1, (crc >> 1) ^ np.uint32(_POLYNOMIAL), crc >> 1).astype(np.uint32)
    return crc


@lru_cache(maxsize=64)
def _past_zeros(power: int) -> np.ndarray:
    """Return the linear map of a CRC past ``2 ** power`` zero bytes: what each of its 32 bits becomes."""
    if power == 0:
        bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
        return _table()[bits & 0xFF] ^ (bits >> 8)
    half = _past_zeros(power - 1)
    return _times(half, half)


def _times(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    result = np.zeros_like(vectors)
    for bit in range(32):
        result ^= np.where((vectors >> np.uint32(bit)) & 1, matrix[bit], np.uint32(0))
    return result


def parse_example(data: bytes) -> dict[str, Values]:
    """Parse a serialised ``tf.train.Example``.

    Args:
        data: the message.

    Returns:
        Its features by name.

    Raises:
        ValueError: it is not one.
    """
    features: dict[str, Values] = {}
    for field, group in _fields(data):
        for inner, entry in _fields(group) if field == 1 and isinstance(group, bytes) else ():
            if inner == 1 and isinstance(entry, bytes):
                parts = dict(_fields(entry))
                key, value = parts.get(1, b""), parts.get(2, b"")
                if not isinstance(key, bytes) or not isinstance(value, bytes):
                    raise ValueError("a feature has no name or value")
                features[key.decode("utf-8")] = _feature(value)
    return features


def _feature(data: bytes) -> Values:
    """Parse a Feature: field 1 is a list of bytes, 2 of floats, 3 of int64; a list's values are its field 1."""
    for kind, content in _fields(data):
        if not isinstance(content, bytes):
            raise ValueError("a feature holds no list")
        values = [value for field, value in _fields(content) if field == 1]
        if kind == 1:
            if not all(isinstance(value, bytes) for value in values):
                raise ValueError("a list of bytes holds numbers")
            return [value for value in values if isinstance(value, bytes)]
        if kind == 2:
            return np.frombuffer(b"".join(v for v in values if isinstance(v, bytes)), dtype="<f4")
        if kind == 3:
            numbers = [n for v in values for n in (_varints(v) if isinstance(v, bytes) else [v])]
            return np.array(numbers, dtype=np.uint64).astype(np.int64)
    return []


def _varints(data: bytes) -> list[int]:
    numbers, position = [], 0
    while position < len(data):
        number, position = _varint(data, position)
        numbers.append(number)
    return numbers


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and content of each field of a message; fixed-width numbers stay bytes."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        kind = tag & 7
        if kind == 0:
            number, position = _varint(data, position)
            yield tag >> 3, number
            continue
        length = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            length, position = _varint(data, position)
        if length is None or position + length > len(data):
            raise ValueError("broken message")
        yield tag >> 3, data[position : position + length]
        position += length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    number, shift = 0, 0
    while shift < 70:
        if position >= len(data):
            raise ValueError("message ends within a number")
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
    raise ValueError("number is too long")
