"""The order of the simulation, and what is made of its figures."""

from pathlib import Path

import cv2

from benchmarks.next_labels import SIZES, Step, plot, steps, table
from kpplugins.apis.labelling.selection import WAYS


def test_each_step_comes_behind_the_one_that_chooses_its_images():
    order = list(steps(["faces"], 2))
    assert len(order) == len(set(order)) == 2 * (1 + 3 * len(WAYS))
    for step in order:
        if step.way != "start":
            before = step.before()
            assert order.index(before) < order.index(step)
            assert (before.seed, SIZES["faces"].index(before.images) + 1) == (
                step.seed, SIZES["faces"].index(step.images)
            )  # fmt: skip
    assert Step("faces", "unsure", 100, 0).before() == Step("faces", "start", 50, 0)
    assert Step("faces", "unsure", 400, 0).before() == Step("faces", "unsure", 200, 0)


def test_the_table_compares_with_chance_seed_by_seed(tmp_path: Path):
    errors = {"random": (3.0, 5.0), "diverse": (2.5, 5.5), "unsure": (2.0, 4.0)}
    rows = {
        f"{way}{seed}": {"data": "faces", "images": 100, "way": way, "seed": seed, "EPE": error}
        for way, both in errors.items()
        for seed, error in enumerate(both)
    }
    line = next(text for text in table(rows, ["faces"]).splitlines() if "| 100" in text)
    assert "4.00 ± 2.12 (1 of 2)" in line and "3.00 ± 1.41 (2 of 2)" in line and "4.00 ± 1.41 |" in line
    plot(rows, ["faces", "persons"], tmp_path / "plot.png")
    assert cv2.imread(str(tmp_path / "plot.png")).shape[1] > 500
