"""The examples of docs/api.md run, in order, and every public name has one."""

import re
from pathlib import Path

import pytest

import kpplugins

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


def test_the_examples_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.chdir(tmp_path)
    # starting processes would take most of the time; that they are, test_compare.py sees
    monkeypatch.setattr("kpplugins.apis.compare._apart", lambda work, *args: work(*args))
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
    for file in ("checked/check.html", "work_dirs/mine/metrics.json", "compared/compare.md", "cats.onnx"):
        assert (tmp_path / file).is_file(), file
