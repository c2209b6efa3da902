"""What must stay true of the tree as a whole."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "kpplugins"
LAYERS = [
    {"commands"},
    {"apis"},
    {"inference", "deploy", "curation"},
    {"engine"},
    {"weights"},
    {"config"},
    {"models", "datasets", "visualization"},
    {"evaluation"},
    {"codecs", "formats", "synthetic"},
    {"data"},
    {"schema"},
    {"compat"},
    {"structures"},
]
"""From the top down; a room imports only from those below it."""

CONFIGS = sorted(p for p in (ROOT / "configs").glob("*.py"))


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
        rooms |= {n.split(".")[1] for n in names if n.startswith("kpplugins.") and n.count(".")}
    return rooms


@pytest.mark.parametrize("level", range(len(LAYERS)), ids=lambda i: "+".join(sorted(LAYERS[i])))
def test_imports_flow_downwards(level: int):
    below = set().union(*LAYERS[level + 1 :]) | {"version"}
    for room in LAYERS[level]:
        for path in (PACKAGE / room).rglob("*.py"):
            allowed = below | {room} | ({"register"} if room in ("apis", "config") else set())
            assert imported_rooms(path) <= allowed, path


def test_every_room_is_in_a_layer():
    rooms = {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name not in ("__pycache__", ".mim")}
    assert rooms == set().union(*LAYERS)


def test_the_packages_map_lists_the_rooms_from_the_top_down():
    listed = re.findall(
        r"^- ``(\w+)``", ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text())), re.M
    )
    level = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    assert sorted(listed) == sorted(level)
    assert [level[room] for room in listed] == sorted(level.values())


@pytest.mark.parametrize("room", ["curation", "data", "formats", "schema", "structures", "synthetic"])
def test_light_rooms_never_import_torch(room: str):
    code = f"import sys, kpplugins.{room}; sys.exit('torch' in sys.modules or 'mmengine' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize(
    "room",
    [
        "datasets",
        "models",
        "engine",
        "evaluation",
        "visualization",
        "deploy",
        "apis",
        "config",
        "weights",
        "inference",
    ],
)
def test_every_room_imports_by_itself(room: str):
    """As a data worker that is spawned, not forked, imports it."""
    assert subprocess.run([sys.executable, "-c", f"import kpplugins.{room}"], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.name)
def test_every_config_loads_and_its_model_builds(path: Path, monkeypatch: pytest.MonkeyPatch):
    from mmpose.registry import MODELS

    from kpplugins.config.load import load_config
    from kpplugins.formats.cat import CAT_SCHEMA

    monkeypatch.chdir(ROOT)
    cfg = load_config(path, schema=CAT_SCHEMA)  # the data of most are not here
    model = MODELS.build(cfg.model)
    if "bbox_head" in cfg.model:  # a detector
        assert model.bbox_head.num_classes == 1
    else:
        sized = model.head.out_channels if "head" in cfg.model else model.num_keypoints
        assert sized == CAT_SCHEMA.num_keypoints


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.name)
def test_an_experiment_is_a_short_delta(path: Path):
    assert len(path.read_text().splitlines()) <= 30


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_one_public_class_a_file_and_no_long_file(path: Path):
    text = path.read_text()
    classes = [n for n in ast.parse(text).body if isinstance(n, ast.ClassDef) and not n.name.startswith("_")]
    public = [n.name for n in classes if not any("dataclass" in ast.unparse(d) for d in n.decorator_list)]
    assert len(public) <= 1 or "compat" in path.parts, public  # there a finder and its loader belong together
    assert len(text.splitlines()) <= 400


def test_the_readmes_commands_are_the_ones_that_ci_runs():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci/run").read_text()
    makefile = (ROOT / "Makefile").read_text()
    assert "make test" in readme and "make demo" in readme
    assert re.search(r"^make lint test$", ci, re.M)
    for target in re.findall(r"(?:^|`)make (\w+)", readme, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_the_readme_names_only_files_that_exist():
    for link in re.findall(r"\]\(([\w./-]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / link).exists(), link


def test_nothing_private_is_committed():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    if not files:
        pytest.skip("not a git checkout")
    wrong = re.compile("index" + "-url|find-" + "links|/ro" + "ot/|/wo" + "rk/")
    for name in files:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".cfg", ".toml", ""} and path.is_file():
            assert not wrong.search(path.read_text(errors="ignore")), name
