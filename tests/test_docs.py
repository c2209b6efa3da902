"""What the README and the docs tell people to type is understood by the commands, and what they show is there."""

import importlib
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from kpplugins.commands import COMMANDS
from kpplugins.commands import main as kpplugins

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S)
    joined = "\n".join(blocks).replace("\\\n", " ")
    lines = re.sub(r"^(torchrun|srun) .*-m kpplugins", "kpplugins", joined, flags=re.M).splitlines()
    return [
        line.split("  #")[0].strip() for line in lines if line.startswith(("kpplugins ", "python tools/"))
    ]


CASES = [(page, command) for page in PAGES for command in commands(page)]


@pytest.mark.parametrize(
    ("page", "command"), CASES, ids=[f"{page.stem}: {command}" for page, command in CASES]
)
def test_a_command_is_understood(page: Path, command: str, monkeypatch: pytest.MonkeyPatch):
    asked = []
    for name in COMMANDS:
        module = importlib.import_module(f"kpplugins.commands.{name.replace('-', '_')}")
        monkeypatch.setattr(module, "run", lambda work, args, name=name: asked.append(name) or 0)
        if name == "train":
            monkeypatch.setattr(module, "each", lambda configs, words, name=name: asked.append(name) or 0)
    program, *words = shlex.split(command)
    monkeypatch.setattr(sys, "argv", words if program == "python" else [program, *words])
    if program == "python":
        name = Path(words[0]).stem.replace("_", "-")
        assert runpy.run_path(str(ROOT / words[0]))["main"]() == 0
    else:
        name = words[0]
        assert kpplugins() == 0
    assert asked == [name]
    for word in words:
        if word.startswith("configs/"):
            assert (ROOT / word).is_file()
        if word.startswith("kpplugins::"):
            assert (ROOT / "configs" / word.partition("::")[2]).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_and_images_are_there(page: Path):
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_there_are_commands_to_check():
    assert len(CASES) > 20
