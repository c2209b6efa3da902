"""The benchmark of storages reads the same images from each."""

import pytest

from benchmarks.storage import storages


def test_every_storage_is_measured():
    pytest.importorskip("lmdb")
    pytest.importorskip("aiohttp")
    found = storages(images=4, passes=1)
    assert list(found) == [
        "folder", "zip", "lmdb", "tar", "folder, memory", "folder, http", "zip, memory", "zip, http"
    ]  # fmt: skip
    assert found["folder"]["ratio"] == 1
    assert all(figure > 0 for one in found.values() for figure in one.values())
