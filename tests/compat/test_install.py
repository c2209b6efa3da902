"""compat.install(): stand-ins appear where the real thing is missing, and only there."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from kpplugins.compat.stand_ins import StandInFinder, StandInLoader, find_real

REPOSITORY = Path(__file__).resolve().parents[2]


def run_python(code: str, *paths: Path) -> str:
    """Run code in a fresh interpreter that has seen no stand-in, with ``paths`` in front of the packages."""
    setup = f"import sys; sys.path[:0] = {[str(path) for path in (*paths, REPOSITORY)]!r}\n"
    done = subprocess.run([sys.executable, "-c", setup + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_and_installing_is_light_and_idempotent():
    out = run_python(
        "from kpplugins import compat\n"
        "first, second = compat.install(), compat.install()\n"
        "heavy = {'torch', 'mmcv', 'numpy', 'mmpose', 'torchvision'} & set(sys.modules)\n"
        "print(first == second, sorted(heavy), len(sys.meta_path) - len(set(map(id, sys.meta_path))))\n"
        "print([type(f).__name__ for f in sys.meta_path].count('StandInFinder'))\n"
    )
    assert out.split("\n")[:2] == ["True [] 0", "1"]


@pytest.mark.skipif(find_real("xtcocotools") is not None, reason="the real xtcocotools is installed")
def test_stand_ins_answer_the_imports_of_mmpose():
    out = run_python(
        "from kpplugins import compat\n"
        "assert compat.install()[0].active\n"
        "from xtcocotools.coco import COCO\n"
        "import xtcocotools.mask as m, xtcocotools.cocoeval\n"
        "print(COCO.__module__, m.decode.__name__, xtcocotools.cocoeval.COCOeval.__name__)\n"
    )
    assert out.split() == ["kpplugins.compat.xtcocotools.coco", "decode", "COCOeval"]


def test_a_real_xtcocotools_is_left_alone(tmp_path):
    package = tmp_path / "xtcocotools"
    package.mkdir()
    (package / "__init__.py").write_text("real = True\n")
    (package / "_mask.py").write_text("")
    out = run_python(
        "from kpplugins import compat\n"
        "provided = compat.install()[0]\n"
        "import xtcocotools\n"
        "print(provided.active, xtcocotools.real, str(provided.detail).startswith('the real one is used'))\n",
        tmp_path,
    )
    assert out.split() == ["False", "True", "True"]


def test_an_xtcocotools_built_for_another_numpy_is_replaced(tmp_path):
    package = tmp_path / "xtcocotools"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "_mask.py").write_text("raise ValueError('numpy.dtype size changed')\n")
    out = run_python(
        "from kpplugins import compat\n"
        "provided = compat.install()[0]\n"
        "from xtcocotools.coco import COCO\n"
        "print(provided.active, 'numpy.dtype size changed' in provided.detail, COCO.__module__)\n",
        tmp_path,
    )
    assert out.split() == ["True", "True", "kpplugins.compat.xtcocotools.coco"]


def test_a_real_mmcv_ext_is_left_alone(tmp_path):
    package = tmp_path / "mmcv"
    (package / "ops").mkdir(parents=True)
    for name in ("__init__.py", "ops/__init__.py", "_ext.py"):
        (package / name).write_text("")
    out = run_python(
        "from kpplugins import compat\n"
        "provided = compat.install()[1]\n"
        "print(provided.active, 'mmcv' in sys.modules, provided.stands_in_for)\n",
        tmp_path,
    )
    assert out.split() == ["False", "False", "mmcv._ext"]


def test_mmcv_lite_is_named(tmp_path):
    (tmp_path / "mmcv").mkdir()
    (tmp_path / "mmcv" / "__init__.py").write_text("")
    out = run_python("from kpplugins import compat\nprint(compat.install()[1])\n", tmp_path)
    assert "active=False" in out
    assert "mmcv-lite" in out


def test_finder_only_answers_for_its_names(monkeypatch):
    finder = StandInFinder()
    finder.targets["no_such_package"] = "kpplugins.compat.xtcocotools"
    finder.targets["no_such_package.mask"] = "kpplugins.compat.xtcocotools.mask"
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    assert finder.find_spec("another_package") is None
    module = importlib.import_module("no_such_package.mask")
    assert isinstance(module.__spec__.loader, StandInLoader)
    assert find_real("no_such_package") is None  # a stand-in does not count as real
    for name in ("no_such_package.mask", "no_such_package"):
        monkeypatch.delitem(sys.modules, name)


def test_ops_that_are_not_served_say_what_to_do():
    from kpplugins.compat.mmcv_ops import ext
    from kpplugins.compat.mmcv_ops.errors import OpNotServedError

    with pytest.raises(OpNotServedError, match=r"carafe_forward is not available.*pip install") as caught:
        ext.carafe_forward(1, kernel_size=5)
    assert caught.value.op == "carafe_forward"
    with pytest.raises(AttributeError):
        ext.__wrapped__  # noqa: B018
