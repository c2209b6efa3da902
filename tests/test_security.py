"""What docs/security.md says was tried, is tried; and a few seconds of ``make fuzz``."""

import ast
import json
import re
from pathlib import Path

import pytest

from fuzzing.attacks import ATTACKS

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("kpplugins", "cv2")


def run(forks, *call: str) -> str:
    """Run a call of a module's ``main`` in a process that has loaded nothing else, and return what it prints."""
    done = forks(*SOURCES).run(["-c", "\n".join(call)], ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def outcomes(forks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str, float]]:
    place = str(tmp_path_factory.mktemp("attacks"))
    said = run(forks, "from pathlib import Path; from fuzzing.attacks import main", f"main(Path({place!r}))")
    return json.loads(said.splitlines()[-1])


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_in_one_line(outcomes: dict[str, tuple[str, str, float]], attack: str):
    kind, said, _ = outcomes[attack]
    assert kind == "refused" and re.search(ATTACKS[attack][1], said), said


def test_every_line_of_the_docs_is_a_test():
    rows = re.findall(r"^\| (.+?) \| .+ \|$", (ROOT / "docs/security.md").read_text(), re.M)
    tried = set(ATTACKS)
    for path in (ROOT / "tests").rglob("test_*.py"):
        functions = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)]
        said = [(ast.get_docstring(n) or "") for n in functions if n.name.startswith("test_")]
        tried |= {
            line.split("\n")[0].rstrip(".")[:1].lower() + line.split("\n")[0].rstrip(".")[1:] for line in said
        }
    attacks = [row if row in ATTACKS else row[:1].lower() + row[1:] for row in rows if row != "attack"]
    assert len(attacks) > 25 and not set(attacks) - tried and not set(ATTACKS) - set(attacks)


def test_some_changed_sources_are_read_or_refused(forks, tmp_path: Path):
    arguments = ["--inputs", "40", "--seed", "0", "--keep", str(tmp_path)]
    said = run(forks, "from fuzzing.__main__ import main", f"main({arguments!r})")
    assert re.search(r"40 inputs of \d\d sources, seed 0: .*; 0 findings", said, re.S), said
