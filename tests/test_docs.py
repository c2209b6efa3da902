"""What the README and the docs tell people to type is understood by the tools, and what they show is there."""

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.startswith("python tools/")]


CASES = [(page, command) for page in PAGES for command in commands(page)]


@pytest.mark.parametrize(
    ("page", "command"), CASES, ids=[f"{page.stem}: {command[13:]}" for page, command in CASES]
)
def test_a_command_is_understood(page: Path, command: str, monkeypatch: pytest.MonkeyPatch):
    _, script, *args = shlex.split(command)
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location("tool", ROOT / script)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(tool, "run", lambda work: 0)
    monkeypatch.setattr(tool, "each", lambda configs: 0, raising=False)
    monkeypatch.setattr(sys, "argv", [script, *args])
    assert tool.main() == 0
    for word in args:
        if word.startswith("configs/"):
            assert (ROOT / word).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_and_images_are_there(page: Path):
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_there_are_commands_to_check():
    assert len(CASES) > 20
