"""What is installed is whole: the wheel has the configs, and ``kpplugins::NAME.py`` names them from any folder."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError

BASE = "kpplugins::custom_hourglass_small.py"
MINE = f"_base_ = '{BASE}'\ndata_root = 'data'\nmax_epochs = 3\n"
SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "kpplugins", "configs")


def test_a_config_of_ours_is_found_from_any_folder(root: Path, tmp_path: Path):
    mine, beside = tmp_path / "mine.py", root / "configs" / BASE.partition("::")[2]
    mine.write_text(MINE)
    plain = load_config(beside, data="data", cfg_options={"max_epochs": 3}, schema=CAT_SCHEMA)
    assert load_config(mine, schema=CAT_SCHEMA).to_dict() == plain.to_dict()
    named = load_config(BASE, data="data", cfg_options={"max_epochs": 3}, schema=CAT_SCHEMA)
    assert named.to_dict() == plain.to_dict()


def test_a_config_that_we_do_not_have_is_one_line_that_says_where_they_are(root: Path, tmp_path: Path):
    (tmp_path / "mine.py").write_text("_base_ = 'kpplugins::gone.py'\n")
    for config in (tmp_path / "mine.py", "kpplugins::gone.py"):
        with pytest.raises(BadInputError, match=r"kpplugins::gone\.py: no such config.*\.mim.configs"):
            load_config(config)


def test_a_child_of_an_installed_config_is_asked_for_what_it_says(tmp_path: Path):
    (tmp_path / "mine.py").write_text(f"_base_ = '{BASE}'\nmax_epoch = 3\n")
    with pytest.raises(BadInputError, match="max_epoch"):
        load_config(tmp_path / "mine.py", schema=CAT_SCHEMA)


@pytest.fixture(scope="module")
def unpacked(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked. It is built from a copy: setuptools leaves a ``build`` folder behind."""
    pytest.importorskip("setuptools", minversion="70.1", reason="builds wheels by itself from 70.1 on")
    copy, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (root / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(root / name, copy / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(root / name, copy / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "--wheel-dir", str(out), str(copy)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = out.glob("kpplugins-*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(out / "site")
    return out / "site"


def test_the_wheel_holds_every_config_and_nothing_beside_the_package(root: Path, unpacked: Path):
    have, want = unpacked / "kpplugins/.mim/configs", root / "configs"
    assert {p.name for p in unpacked.iterdir() if not p.name.endswith(".dist-info")} == {"kpplugins"}
    assert not have.is_symlink()
    assert {str(p.relative_to(have)): p.read_bytes() for p in have.rglob("*.py")} == {
        str(p.relative_to(want)): p.read_bytes() for p in want.rglob("*.py")
    }


def test_the_wheel_alone_loads_a_child_of_its_config_as_the_checkout_does(unpacked: Path, tmp_path: Path):
    (tmp_path / "mine.py").write_text(MINE)
    code = (
        "import json, kpplugins\n"
        "from kpplugins.config.load import load_config\n"
        "from kpplugins.formats.cat import CAT_SCHEMA\n"
        "cfg = load_config('mine.py', schema=CAT_SCHEMA).to_dict()\n"
        "print(json.dumps([kpplugins.__file__, cfg], default=str))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    where, cfg = json.loads(done.stdout.splitlines()[-1])
    assert Path(where).is_relative_to(unpacked)
    here = load_config(tmp_path / "mine.py", schema=CAT_SCHEMA).to_dict()
    assert cfg == json.loads(json.dumps(here, default=str))
