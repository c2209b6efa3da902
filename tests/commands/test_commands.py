"""``kpplugins COMMAND`` and ``python tools/NAME.py`` are one code, and start light."""

import configparser
import errno
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kpplugins import extras
from kpplugins.apis import doctor
from kpplugins.commands import COMMANDS, main
from kpplugins.commands._command import run
from kpplugins.commands.train import each
from kpplugins.structures import BadInputError, IncompleteInputError, MachineError
from kpplugins.version import __version__

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "mmengine", "mmcv", "cv2", "numpy", "matplotlib"}
SCRIPT = {name: f"tools/{name.replace('-', '_')}.py" for name in COMMANDS}


def finished(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *words], cwd=cwd, capture_output=True, text=True)


def test_every_command_has_a_script_and_every_script_a_command():
    assert sorted(SCRIPT.values()) == sorted(f"tools/{p.name}" for p in (ROOT / "tools").glob("*.py"))
    files = {p.stem for p in (ROOT / "kpplugins/commands").glob("*.py") if not p.name.startswith("_")}
    assert files == {name.replace("-", "_") for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_script_and_command_say_the_same_without_heavy_imports(name: str, capsys: pytest.CaptureFixture):
    by_script = finished("-X", "importtime", SCRIPT[name], "--help")
    assert by_script.returncode == 0, by_script.stderr
    imported = {line.rsplit("|", 1)[-1].strip() for line in by_script.stderr.splitlines()}
    assert "argparse" in imported and not imported & HEAVY
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    by_name = capsys.readouterr().out
    assert by_name.startswith(f"usage: kpplugins {name} ")
    assert words_of(by_name, f"kpplugins {name}") == words_of(by_script.stdout, Path(SCRIPT[name]).name)


def words_of(text: str, program: str) -> list[str]:
    return text.replace(program, "PROGRAM").split()


def test_the_program_starts_light_and_lists_its_commands():
    done = finished("-X", "importtime", "-m", "kpplugins", "--help")
    assert not {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()} & HEAVY
    assert re.findall(r"^    ([a-z-]+)", done.stdout, re.M) == list(COMMANDS)


@pytest.mark.parametrize(("words", "status"), [(["--version"], 0), ([], 2), (["trian"], 2)])
def test_what_is_no_command(words: list[str], status: int, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == status
    said = capsys.readouterr()
    assert __version__ in said.out if status == 0 else "COMMAND" in said.err


def test_the_installed_program_is_this_one():
    text = (ROOT / "setup.cfg").read_text()
    assert re.search(r"^console_scripts =\n    kpplugins = kpplugins\.commands:main$", text, re.M)


def test_several_configs_train_in_processes_that_find_the_same_kpplugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")
    assert each(["gone.py", "b.py"], ["gone.py", "b.py", "--amp"]) == 2
    said = capfd.readouterr()
    assert "1 of 2: gone.py" in said.out and "2 of 2" not in said.out
    assert "error: gone.py: no such config" in said.err


def test_a_missing_package_is_one_line_that_names_the_doctor(capsys: pytest.CaptureFixture):
    def work() -> int:
        raise ModuleNotFoundError("No module named 'torch.cuda'", name="torch.cuda")

    assert run(work) == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "package torch is not installed" in said and "kpplugins doctor" in said
    assert "pip install 'kpplugins[train]'" in said


def test_the_doctor_tells_an_installation_without_training_from_a_damaged_one(
    monkeypatch: pytest.MonkeyPatch,
):
    def without(*names: str) -> list[doctor.Diagnosis]:
        projects = {doctor.ONEDL.get(name, name) for name in names}

        def version(project: str) -> str:
            if project in projects:
                raise importlib.metadata.PackageNotFoundError
            return "1"

        monkeypatch.setattr(doctor, "version", version)
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in names else "there")
        return doctor.diagnose()

    light = without(*extras.TRAINING)
    assert not any(one.cure for one in light if one.name != "windows")
    (said,) = [one.state for one in light if one.name == "training"]
    assert "exported models only" in said and "kpplugins[train]" in said and "mmpose==1.3.2" in said
    damaged = {one.name: one.cure for one in without("mmcv", "mmpose") if one.cure}
    assert damaged == {"onedl-mmcv": extras.cure("mmcv"), "mmpose": extras.cure("mmpose")}


def test_the_extras_are_those_of_the_project(root: Path):
    """Every package in ``kpplugins.extras`` is brought by the extra that it names."""
    setup = configparser.ConfigParser()
    setup.read(root / "setup.cfg")
    listed = {
        extra: {re.split(r"[>=<]", line)[0].strip().replace("-", "_") for line in lines.split("\n")}
        for extra, lines in setup["options.extras_require"].items()
    }
    names = {"mmengine": "onedl_mmengine", "mmcv": "onedl_mmcv", "mmdet": "onedl_mmdetection"}
    names["mmpretrain"] = "onedl_mmpretrain"
    for package, extra in extras._EXTRAS.items():
        if package != "mmpose":
            assert names.get(package, package) in listed[extra], package


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (BadInputError("is short", where="a.csv"), 2, "error: a.csv: is short"),
        (MachineError("not enough memory"), 3, "error: not enough memory"),
        (IncompleteInputError("3 frames are lost", [], where="a.mp4"), 1, "error: a.mp4: 3 frames are lost"),
        (
            OSError(errno.ENOSPC, "No space left on device", "out.pth"),
            3,
            "error: out.pth: No space left on device",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "out.pth"),
            3,
            "error: out.pth: Permission denied",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "a.png"),
            2,
            "error: a.png: No such file or dir",
        ),
        (
            ModuleNotFoundError("No module named 'kpplugins.gone'", name="kpplugins.gone"),
            70,
            "error: ModuleNotFound",
        ),
        (ValueError("two\nlines"), 70, "error: ValueError: two lines; to do: run it again with --debug"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_each_error_is_one_line_with_its_status(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture
):
    def work() -> int:
        raise error

    assert run(work) == status
    said = capsys.readouterr().err
    assert said.startswith(line) and said.count("\n") == 1


@pytest.mark.parametrize("words", [["--debug"], []])
def test_the_traceback_is_shown_only_if_asked_for(words: list[str], capsys: pytest.CaptureFixture):
    assert main(["train", "gone.py", *words]) == 2
    said = capsys.readouterr().err
    assert ("Traceback (most recent call last)" in said) == bool(words)
    assert said.splitlines()[-1].startswith("error: gone.py: no such config")
    assert main(["dataset", "check", "gone", *words]) == 2
    assert ("Traceback" in capsys.readouterr().err) == bool(words)
