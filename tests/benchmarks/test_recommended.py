"""The table of the recommended against the shipped recipes, by hand."""

from benchmarks.recommended import CASES, table_of
from kpplugins.config.source import file_of


def row(name: str, **numbers: float) -> dict:
    return {"name": name, "numbers": numbers, "images_per_second": 50.0, "epochs": 12.0}


def test_the_verdict_is_by_the_sets_own_measure():
    said = {"recipe": "small.py"}
    results = {
        "mouse": {"measure": "EPE", "said": said, "rows": [
            row("recommended", EPE=2.08, AP=0.7), row("a", EPE=2.0, AP=0.9), row("b", EPE=3.0, AP=0.5),
            {"name": "c", "error": "out of memory"},
        ]},
        "tubes": {"measure": "AP", "said": said, "rows": [
            row("recommended", **{"AP": 0.5, "EPE": 9.0, "box/AP": 0.9}), row("a", AP=0.4, EPE=1.0),
            row("b", AP=0.0, EPE=1.0),
        ]},
        "late": {"measure": "AP", "said": said, "rows": [
            row("recommended", AP=0.9, EPE=1.0), row("a", AP=1.0, EPE=1.0),
        ]},
    }  # fmt: skip
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in table_of(results).splitlines()[2:]]
    verdicts = [line[-1] for line in cells]
    assert verdicts == [
        "4.0% worse (EPE) ✓", "best", "50.0% worse (EPE)", "out of memory",
        "best ✓", "20.0% worse (AP)", "100.0% worse (AP)",
        "10.0% worse (AP)", "best",
    ]  # fmt: skip
    assert [line[0] for line in cells] == ["mouse", "", "", "", "tubes", "", "", "late", ""]


def test_the_recipes_are_there():
    for case in CASES.values():
        assert all(file_of(f"kpplugins::{name}.py") for name in case.recipes)
    assert len(CASES) == 5
