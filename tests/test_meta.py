"""What must stay true of the tree as a whole."""

import ast
import importlib
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "kpplugins"
LAYERS = [
    {"commands"},
    {"apis"},
    {"inference", "curation"},
    {"deploy"},
    {"engine"},
    {"weights"},
    {"config"},
    {"models", "datasets", "visualization"},
    {"evaluation"},
    {"codecs", "formats", "synthetic"},
    {"data"},
    {"schema"},
    {"compat"},
    {"storage"},
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
    below = set().union(*LAYERS[level + 1 :]) | {"version", "extras"}
    for room in LAYERS[level]:
        for path in (PACKAGE / room).rglob("*.py"):
            allowed = below | {room} | ({"register"} if room in ("apis", "config", "weights") else set())
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


@pytest.mark.parametrize(
    "room", ["curation", "data", "formats", "schema", "storage", "structures", "synthetic"]
)
def test_light_rooms_never_import_torch(forks, room: str):
    code = f"import sys, kpplugins.{room}; sys.exit('torch' in sys.modules or 'mmengine' in sys.modules)"
    assert forks().run(["-c", code], ROOT).returncode == 0


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
def test_every_room_imports_by_itself(forks, room: str):
    """As a data worker that is spawned, not forked, imports it; only what knows nothing of MMPose is there already."""
    apart = forks("cv2", "matplotlib.pyplot", "scipy.stats", "torchvision")
    done = apart.run(["-c", f"import kpplugins.{room}"], ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.name)
def test_every_config_loads_and_its_model_builds(path: Path, monkeypatch: pytest.MonkeyPatch):
    from mmpose.registry import MODELS

    from kpplugins.config.load import load_config
    from kpplugins.formats.cat import CAT_SCHEMA

    monkeypatch.chdir(ROOT)
    if "timm:" in path.read_text():
        pytest.importorskip("timm")
    cfg = load_config(path, schema=CAT_SCHEMA)  # the data of most are not here
    model = MODELS.build(cfg.model)
    if "bbox_head" in cfg.model:  # a detector
        assert model.bbox_head.num_classes == 1
    else:
        sized = model.head.out_channels if "head" in cfg.model else model.num_keypoints
        assert sized == CAT_SCHEMA.num_keypoints


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_one_public_class_a_file(path: Path):
    text = path.read_text()
    classes = [n for n in ast.parse(text).body if isinstance(n, ast.ClassDef) and not n.name.startswith("_")]
    public = [n.name for n in classes if not any("dataclass" in ast.unparse(d) for d in n.decorator_list)]
    assert len(public) <= 1 or "compat" in path.parts, public  # there a finder and its loader belong together


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


def public_definitions(path: Path) -> list[ast.FunctionDef | ast.ClassDef]:
    body = ast.parse(path.read_text()).body
    return [n for n in body if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and not n.name.startswith("_")]


MODULES = sorted(PACKAGE.rglob("*.py"))


def test_a_folder_is_small_enough_to_be_read():
    sizes = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    del sizes[PACKAGE / "commands"]  # one file a command, as ``COMMANDS`` lists them
    assert {str(folder.relative_to(ROOT)): n for folder, n in sizes.items() if n > 15} == {}


def test_a_function_is_short_enough_to_be_read():
    """Sixty lines of body, without the docstring; files and configs are as long as their one concept."""
    long = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
                length = (node.end_lineno or 0) - first.lineno + 1
                long += [f"{path.name}:{node.name} {length}"] * (length > 60)
    assert long == []


PROTOCOLS = {"converted", "install", "main", "published_model"}
"""Functions by which a module of its kind is called: a stand-in, weights of others, a command."""


def test_no_public_name_is_defined_in_two_modules():
    places = defaultdict(list)
    for path in MODULES:
        for node in public_definitions(path):
            if node.name in PROTOCOLS:
                continue
            places[node.name].append(str(path.relative_to(PACKAGE)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_every_public_function_says_what_it_takes_and_returns():
    silent = []
    for path in MODULES:
        for node in public_definitions(path):
            if not isinstance(node, ast.FunctionDef):
                continue
            text, arguments = ast.get_docstring(node) or "", node.args
            returns = node.returns is not None and ast.unparse(node.returns) not in ("None", "NoReturn")
            if [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs] and "Args:" not in text:
                silent.append(f"{path.relative_to(PACKAGE)}:{node.name} Args")
            if returns and "Returns:" not in text and "Yields:" not in text:
                silent.append(f"{path.relative_to(PACKAGE)}:{node.name} Returns")
    assert silent == []


def strings_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_names_in_messages_can_be_imported():
    """What a message, a docstring or a page of the docs names as ``kpplugins.x.y`` is there."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    texts = [text for path in MODULES for text in strings_of(path)] + [page.read_text() for page in pages]
    named = {name for text in texts for name in re.findall(r"\bkpplugins(?:\.[A-Za-z_]\w*)+", text)}
    assert len(named) > 10
    wrong = []
    for name in sorted(named):
        head, found = importlib.import_module("kpplugins"), True
        for part in name.split(".")[1:]:
            try:
                head = getattr(head, part, None) or importlib.import_module(f"{head.__name__}.{part}")
            except (ImportError, AttributeError):
                found = False
                break
        wrong += [] if found else [name]
    assert wrong == []


def test_files_in_messages_are_there():
    """``tools/x.py`` and ``configs/x.py`` of messages, docstrings and docs."""
    texts = [text for path in MODULES for text in strings_of(path)]
    texts += [page.read_text() for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]]
    named = {name for text in texts for name in re.findall(r"\b(?:tools|configs)/[\w/]+\.py\b", text)}
    named = {name for name in named if "NAME" not in name}
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


THROUGH = {
    "apis/benchmarking/bare_network.py": "apis/benchmarking/test_speeds.py",
    "apis/doctor.py": "commands",
    "apis/labelling/fold_run.py": "apis/labelling/test_audit.py",
    "apis/web/films.py": "apis/web/test_findings.py",
    "apis/web/pictures.py": "apis/web/test_findings.py",
    "compat/mmcv_ops/deform_conv.py": "compat/test_mmcv_ops.py",
    "compat/mmcv_ops/focal_loss.py": "compat/test_mmcv_losses_and_attention.py",
    "config/fit_parts.py": "test_mmpose_configs.py",
    "config/rules/network/head_input.py": "config/rules/network/test_backbone.py",
    "config/rules/step_arguments.py": "config/test_load.py",
    "config/rules/training/depth_rate.py": "config/rules/training/test_depth_rate.py",
    "curation/checks/material.py": "curation/test_check.py",
    "curation/checks/raw_coco.py": "curation/test_check_malformed.py",
    "data/coco/corner_votes.py": "datasets/test_bottom_up.py",
    "data/origins.py": "curation/test_split.py",
    "data/parsing/documents.py": "formats/labelme/test_reader.py",
    "datasets/record_dataset.py": "datasets/test_custom_keypoint_dataset.py",
    "deploy/runtimes/litert_runtime.py": "deploy/targets/test_formats.py",
    "deploy/runtimes/openvino_runtime.py": "deploy/targets/test_formats.py",
    "deploy/targets/coreml_target.py": "deploy/targets/test_formats.py",
    "deploy/targets/litert_target.py": "deploy/targets/test_formats.py",
    "deploy/targets/openvino_target.py": "deploy/targets/test_formats.py",
    "deploy/targets/torchscript_target.py": "deploy/targets/test_formats.py",
    "engine/guards/steady_timer_hook.py": "engine/guards/test_steady_timer_hook.py",
    "evaluation/calibrations.py": "engine/test_calibration_hook.py",
    "inference/unsure.py": "apis/test_visibility_flow.py",
    "formats/frames/deeplabcut_table.py": "formats/frames/test_frames.py",
    "inference/box_model.py": "inference/test_box_detector.py",
    "inference/exported/exported_detector.py": "inference/test_predictor.py",
    "inference/exported/exported_model.py": "inference/test_predictor.py",
    "inference/names_of.py": "inference/test_one_stage_predictor.py",
    "inference/opening.py": "inference/test_predictor.py",
    "inference/pose_model.py": "inference/test_predictor.py",
    "inference/trained/trained_detector.py": "inference/test_box_detector.py",
    "models/detectors/keypoint_rcnn_network.py": "models/test_keypoint_rcnn.py",
    "models/losses/schema_oks_loss.py": "test_mmpose_configs.py",
    "models/losses/schema_pose_oks.py": "test_mmpose_configs.py",
    "storage/array_file.py": "storage/test_files.py",
    "storage/byte_source.py": "storage/test_files.py",
    "storage/file_system.py": "storage/test_remote.py",
    "structures/line_breaks.py": "structures/test_errors.py",
    "synthetic/occluders.py": "synthetic/test_synthetic.py",
}
"""Modules that are tested through what uses them, and the tests that do."""


def test_each_module_has_its_test():
    """A public name of each module, or the module itself, stands in a test; or what uses it has the test."""
    tests = "\n".join(
        path.read_text() for path in (ROOT / "tests").rglob("test_*.py") if path.name != "test_meta.py"
    )
    words, untested = set(re.findall(r"\w+", tests)), []
    for path in MODULES:
        names = {node.name for node in public_definitions(path)}
        if path.name != "__init__.py" and names and not names & words and path.stem not in words:
            untested.append(path.relative_to(PACKAGE).as_posix())
    assert sorted(untested) == sorted(set(untested) & set(THROUGH))
    assert [name for name, test in THROUGH.items() if not (ROOT / "tests" / test).exists()] == []


def rooms_in_words() -> str:
    """The map of the rooms: ``LAYERS`` with the first line of what each room says of itself."""
    lines = []
    for layer in LAYERS:
        for room in sorted(layer):
            text = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text())) or ""
            lines.append(f"- ``{room}``".ljust(20) + text.splitlines()[0])
    return "\n".join(lines)


def rules_in_words() -> str:
    """The table of the special names of a config, from the rules."""
    from kpplugins.config.rules import RULES

    rows = [f"| `{rule.name}` | {rule.goes_to} |" for rule in sorted(RULES, key=lambda rule: rule.name)]
    return "\n".join(["| name | goes to |", "|---|---|", *rows])


GENERATED = {
    PACKAGE / "__init__.py": (
        rooms_in_words,
        "below it in this list:\n\n",
        "\n\n``import kpplugins``",
    ),
    ROOT / "docs/configs.md": (rules_in_words, "<!-- from the rules -->\n", "\n<!-- end -->"),
}
"""Files with a part that is made from the code: the function that makes it, and what stands before and behind."""


@pytest.mark.parametrize("path", GENERATED, ids=lambda p: p.name)
def test_what_is_made_from_the_code_is_up_to_date(path: Path):
    make, before, behind = GENERATED[path]
    part = path.read_text().split(before, 1)[1].split(behind, 1)[0]
    assert part == make(), "write it anew: python tests/test_meta.py"


def write_generated() -> None:
    for path, (make, before, behind) in GENERATED.items():
        head, rest = path.read_text().split(before, 1)
        path.write_text(head + before + make() + behind + rest.split(behind, 1)[1])


def mmpose_configs() -> list[Path]:
    import mmpose

    root = Path(mmpose.__file__).parent / ".mim/configs"
    return sorted(path for path in root.rglob("*.py") if "_base_" not in path.relative_to(root).parts)


PARTS = 12
"""MMPose's configs are loaded in so many tests, as a test takes no more than 15 s."""


@pytest.mark.parametrize("part", range(PARTS))
def test_mmposes_configs_come_back_as_mmengine_reads_them(part: int):
    from mmengine.config import Config

    from kpplugins.config.load import load_config

    compared = 0
    for path in mmpose_configs()[part::PARTS]:
        ours = load_config(path)
        if "read_base" in path.read_text():  # its base is not where MMEngine looks for it in MMPose's wheel
            assert ours.model.type
            continue
        assert ours._cfg_dict.to_dict() == Config.fromfile(str(path))._cfg_dict.to_dict(), path
        compared += 1
    assert compared >= 33


def test_none_of_mmposes_configs_is_left_out():
    assert len(mmpose_configs()) == 408


if __name__ == "__main__":
    write_generated()
