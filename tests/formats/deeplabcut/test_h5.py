"""Column names that are pickled, without what else a pickle may do."""

import pickle
from pathlib import Path

import pytest

from kpplugins.formats.deeplabcut.h5 import column_names

NAMES = [("Ann", "nose", "x"), ("Ann", "nose", "y")]


class Call:
    """Pickled as a call."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def nested() -> list:
    value = ["x"]
    for _ in range(60):
        value = [value, value]
    return [[value, "x"]]


def test_lists_of_texts_are_read():
    assert column_names(pickle.dumps(NAMES)) == column_names(pickle.dumps(NAMES, 0)) == NAMES


def test_nothing_else_is(tmp_path: Path):
    """Column names in DeepLabCut's HDF5 that are a pickle with code, or a bomb."""
    room = b"\x80\x02]r" + (2**32 - 1).to_bytes(4, "little") + b"."
    code = pickle.dumps([[Call(tmp_path / "ran")]])
    for content, said in ((code, "call"), (room, "number 4294967295"), (pickle.dumps(nested()), "not texts")):
        with pytest.raises((pickle.UnpicklingError, ValueError), match=said):
            column_names(content)
    assert not (tmp_path / "ran").exists()
