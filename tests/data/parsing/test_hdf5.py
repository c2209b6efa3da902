"""HDF5 files that claim more than they hold, or hold nothing themselves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kpplugins.data.parsing.hdf5 import require_bounded
from kpplugins.structures import BadInputError

h5py = pytest.importorskip("h5py")


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((10,), "u1")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "a", (10,))
    file.create_virtual_dataset("a", layout)


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a terabyte": (lambda f: f.create_dataset("g/a", (10**11,), "f8", chunks=True, compression="gzip"), "memory"),
    "many texts": (lambda f: f.create_dataset("a", (10**7,), "S1", chunks=True), "memory"),
    "a link": (lambda f: f.__setitem__("a", h5py.ExternalLink("/etc/passwd", "/")), "links to another file"),
    "values elsewhere": (lambda f: f.create_dataset("a", (9,), "u1", external=[("/etc/passwd", 0, 9)]), "another file"),
    "a view": (virtual, "another file"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(tmp_path: Path, name: str):
    """HDF5 of labels that claims a terabyte, or lies in other files."""
    make, said = REFUSED[name]
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        make(file)
    with h5py.File(path) as file, pytest.raises(BadInputError, match=f"a.h5: .*{said}"):
        require_bounded(file, path)


def test_what_is_not(tmp_path: Path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["g/a"] = np.zeros((1000, 100))
        file["g/b"] = h5py.SoftLink("/g")
        file["g/c"] = file["/"]
        file["empty"] = h5py.Empty("f8")
        file.create_dataset("video0/video", (10**9,), "i1", chunks=True)
        file.attrs["json"] = "x" * 10_000
    with h5py.File(path) as file:
        require_bounded(file, path, images=("video",))
