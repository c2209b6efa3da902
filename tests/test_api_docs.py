"""The examples of docs/api.md run, in order, and every public name has one."""

import json
import re
import shutil
from pathlib import Path

import pytest

import kpplugins
from kpplugins.apis.comparison.recipe import Recipe
from kpplugins.weights.checkpoints import default_checkpoint

PAGE = (Path(__file__).resolve().parent.parent / "docs/api.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)


@pytest.mark.parametrize("name", sorted(set(kpplugins.__all__) - {"__version__"}))
def test_every_public_name_has_a_heading_and_an_example(name: str):
    (section,) = re.findall(rf"^### `{name}\b.*?(?=^##|\Z)", PAGE, re.M | re.S)
    (block,) = re.findall(r"^```python\n(.*?)^```", section, re.M | re.S)
    assert f"from kpplugins import {name}\n" in block
    assert re.search(rf"(?<!import ){name}\b", block)


def test_the_version_is_shown():
    assert "kpplugins.__version__" in BLOCKS[0]


def taken_from_the_run(recipe: Recipe, fingerprint: str, epochs: int) -> dict:
    """The row of a recipe as if it had been trained: the run of the page's own training, tested already."""
    run = Path("work_dirs/mine")
    shutil.copytree(run, recipe.work_dir)
    (recipe.work_dir / "mine.py").rename(recipe.work_dir / recipe.config.name)
    curves: dict = {"training": {"minutes": [], "loss": []}, "validation": {"minutes": []}}
    return {
        "name": recipe.name, "config": str(recipe.config), "fingerprint": fingerprint, "max_epochs": epochs,
        "checkpoint": default_checkpoint(run).name, "minutes": 1.0, "epochs": epochs, "stopped": False, "pck": None,
        "images_per_second": 1.0, "numbers": json.loads((run / "metrics.json").read_text()), "test": None, **curves,
    }  # fmt: skip


def test_the_examples_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "kpplugins.apis.comparison.result_row.in_fresh_process", lambda work, *args: work(*args)
    )
    monkeypatch.setattr("kpplugins.apis.recommend.in_fresh_process", lambda work, *args: work(*args))
    monkeypatch.setattr(
        "kpplugins.apis.comparison.recipe.Recipe.run", taken_from_the_run
    )  # see test_compare.py
    monkeypatch.setattr("mmengine.runner.runner.collect_env", dict)  # asks compilers
    namespace: dict = {"__name__": "__main__"}
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"docs/api.md, example {number}", "exec"), namespace)
    said = capsys.readouterr().out
    assert kpplugins.__version__ in said
    assert "max_epoch" in said and "did you mean" in said
    assert namespace["cfg"].model.head.out_channels == 9
    assert namespace["mug"].flip_indices == [1, 0, 2]
    assert [row["name"] for row in namespace["rows"]] == ["mine", "tight"]
    assert not any("error" in row for row in namespace["rows"])
    for run in (
        "work_dirs/mine",
        "compared/mine",
        "compared/tight",
    ):  # each in its own folder, in one process
        assert (tmp_path / run / "curves.png").is_file(), run
    for file in (
        "checked/check.html",
        "work_dirs/mine/metrics.json",
        "compared/compare.md",
        "exported/model.onnx",
    ):
        assert (tmp_path / file).is_file(), file
