"""``import kpplugins`` is light, and its public names are loaded when they are used."""

import ast
import importlib
import inspect
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import kpplugins

LOADED_LATER = sorted(set(kpplugins.__all__) - {"__version__"})
HEAVY = {"numpy", "torch", "cv2", "mmengine", "mmcv", "mmpose", "matplotlib", "scipy"}


def imports_for_editors() -> dict[str, str]:
    """The names under ``TYPE_CHECKING``, with their modules."""
    tree = ast.parse(Path(kpplugins.__file__).read_text())
    (block,) = (n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    return {alias.name: node.module for node in block.body for alias in node.names}


def test_the_lists_of_public_names_agree():
    homes = {name: f"kpplugins.{module}" for name, module in kpplugins._HOMES.items()}
    assert imports_for_editors() == homes
    assert sorted(homes) == LOADED_LATER
    assert set(kpplugins.__all__) <= set(dir(kpplugins))


@pytest.mark.parametrize("name", LOADED_LATER)
def test_a_public_name_is_a_function_or_class_of_its_module(name: str):
    value = getattr(kpplugins, name)
    assert value.__name__ == name
    assert inspect.isclass(value) or inspect.isfunction(value)
    assert inspect.getdoc(value)


@pytest.mark.parametrize("name", LOADED_LATER)
def test_no_room_or_module_would_take_the_place_of_a_public_name(name: str):
    importlib.import_module("kpplugins")
    assert find_spec(f"kpplugins.{name}") is None


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = kpplugins.trian
    assert not hasattr(kpplugins, "__wrapped__")


def test_import_kpplugins_loads_nothing_heavy(root: Path):
    code = "import sys, kpplugins; dir(kpplugins); print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


@pytest.mark.parametrize("names", ["convert, check, split, load_annotations, BadInputError, PoseResult"])
def test_looking_after_data_needs_no_torch(root: Path, names: str):
    code = f"import sys; from kpplugins import {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


def test_annotations_of_any_format_are_read_by_path_or_string(drawn_cats: Path):
    read = kpplugins.load_annotations(str(drawn_cats))
    assert len(read.records) == 20 and read.schema.num_keypoints == 9
    with pytest.raises(kpplugins.BadInputError, match="no option 'subset'"):
        kpplugins.load_annotations(drawn_cats, subset="15")


def test_images_inside_annotation_files_need_a_folder(kaggle_folder: Path, tmp_path: Path):
    with pytest.raises(kpplugins.BadInputError, match="extract_to"):
        kpplugins.load_annotations(kaggle_folder)
    read = kpplugins.load_annotations(kaggle_folder, extract_to=str(tmp_path / "images"), subset="all")
    assert len(read.records) == 30
    assert all(record.image.is_relative_to(tmp_path / "images") for record in read.records)
