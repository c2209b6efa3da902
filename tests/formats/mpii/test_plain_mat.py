"""What SciPy reads as JSON, and what comes of files that it cannot read: always one line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from kpplugins.formats.mpii import mat, plain_mat
from kpplugins.formats.mpii.mat import is_mat, read_mat
from kpplugins.formats.mpii.plain_mat import main
from kpplugins.structures import BadInputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    point = {"x": 20.5, "y": 30.0, "id": np.uint8(3), "is_visible": "1"}
    person = {"annopoints": {"point": point}, "scale": 0.2, "objpos": {"x": 30.0, "y": 30.0}}
    image = {"image": {"name": "a.png"}, "annorect": person, "none": np.zeros((0, 0))}
    savemat(tmp_path / "a.mat", {"other": 1, "RELEASE": {"annolist": image, "img_train": [[1, 0]]}})
    return tmp_path / "a.mat"


def changed(path: Path, place: int, content: bytes) -> Path:
    whole = path.read_bytes()
    start = whole.index(b"RELEASE") - 48  # tag of the variable, its flags, dimensions and name
    path.write_bytes(whole[: start + place] + content + whole[start + place + len(content) :])
    return path


def test_structures_arrays_numbers_and_texts(path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(str(path), "RELEASE") == 0
    point = {"x": 20.5, "y": 30, "id": 3, "is_visible": "1"}
    person = {"annopoints": {"point": point}, "scale": 0.2, "objpos": {"x": 30, "y": 30}}
    image = {"image": {"name": "a.png"}, "annorect": person, "none": []}
    assert json.loads(capsys.readouterr().out) == {"annolist": image, "img_train": [1, 0]}
    assert main(str(path), "more") == 0 and capsys.readouterr().out == "null"


@pytest.mark.parametrize("compressed", [False, True])
def test_the_variable_is_found_wherever_it_is(tmp_path: Path, compressed: bool):
    noise = np.random.default_rng(0).integers(0, 256, 5000, np.uint8)
    for name, right in (("RELEASE", True), ("RELEASED", False), ("XRELEASE", False)):
        savemat(tmp_path / "a.mat", {"noise": noise, name: {"a": 1}}, do_compression=compressed)
        assert is_mat(tmp_path / "a.mat") is right, name


def test_a_file_that_crashes_scipy(path: Path):
    """A MATLAB file with wrong bytes, which crash SciPy's reader."""
    changed(path, 16, b"\x05")  # an array of another class than the structure that follows
    program = "import sys; from scipy.io import loadmat; loadmat(sys.argv[1])"
    assert subprocess.run([sys.executable, "-c", program, str(path)]).returncode < 0
    with pytest.raises(BadInputError, match=r"a\.mat: not a MATLAB file .*SciPy crashed, status -\d+"):
        read_mat(path)


def test_a_file_that_asks_for_all_memory(path: Path):
    changed(path, 32, np.array([1 << 15, 1 << 16], np.int32).tobytes())  # dimensions: 16 GiB of pointers
    with pytest.raises(BadInputError, match=r"not a MATLAB file .*Unable to allocate 16\.0 GiB"):
        read_mat(path)


def test_a_file_with_too_much_in_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(plain_mat, "_TEXT", 10)
    assert main(str(path), "RELEASE") == 1 and capsys.readouterr() == ("", "its content takes 0 MiB\n")


def test_a_file_that_takes_too_long(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mat, "_SECONDS", 0.001)
    with pytest.raises(BadInputError, match=r"not a MATLAB file .*not done after 0\.001 s"):
        read_mat(path)
