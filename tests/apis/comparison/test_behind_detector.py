"""A top-down recipe, one-stage ones and a detector in one table, and the pair of the two."""

import json
from pathlib import Path

import numpy as np
import pytest

from kpplugins.apis.compare import compare
from kpplugins.apis.comparison import behind_detector
from kpplugins.structures.model_kind import BOXES, ONE_STAGE, TOP_DOWN

ALONE = """
alone = dict(num_workers=0, persistent_workers=False, batch_size=2)
train_dataloader = alone
val_dataloader = alone
test_dataloader = alone
train_cfg = dict(val_interval=1)
default_hooks = dict(logger=dict(interval=1))
"""


@pytest.fixture(scope="module")
def compared(
    root: Path, cups_and_plates: Path, tiny_configs: dict[str, str], tmp_path_factory: pytest.TempPathFactory
):
    """One epoch of each; the folder, the rows and the table."""
    folder = tmp_path_factory.mktemp("kinds")
    for name, text in tiny_configs.items():
        (folder / f"{name}.py").write_text(text.format(root=root) + ALONE)
    out, configs = folder / "out", [folder / f"{name}.py" for name in ("top_down", "centernet")]
    rows, table = compare(
        configs, data=cups_and_plates, out=out, epochs=1, from_scratch=True, detector=folder / "detector.py"
    )
    return out, {row["name"]: row for row in rows}, table


def test_every_kind_has_its_size_and_speed(compared):
    _, rows, table = compared
    assert list(rows) == ["top_down", "centernet", "detector", "top_down_behind_detector"]
    assert [row.get("kind") for row in rows.values()] == [TOP_DOWN, ONE_STAGE, BOXES, None]
    header = [cell.strip() for cell in table.splitlines()[0].strip("|").split("|")]
    for line in table.split("\n\n")[0].splitlines()[2:]:
        cells = dict(zip(header, [cell.strip() for cell in line.strip("|").split("|")], strict=True))
        for heading in ("parameters M", "multiply-adds G", "ms an image"):
            assert float(cells[heading]) >= 0, line
        assert "not measured" not in line and "failed" not in line
    assert "boxes AP" in header and "missed" in header


def test_a_pair_costs_both_and_is_tested_over_whole_images(compared):
    out, rows, _ = compared
    top_down, detector, pair = rows["top_down"], rows["detector"], rows["top_down_behind_detector"]
    assert pair["parameters"] == top_down["parameters"] + detector["parameters"]
    assert pair["milliseconds"] == pytest.approx(detector["milliseconds"] + 2 * top_down["milliseconds"])
    assert pair["multiply_adds"] == pytest.approx(detector["multiply_adds"] + 2 * top_down["multiply_adds"])
    assert "2 instances an image" in pair["note"]
    assert pair["test"]["digest"] == top_down["test"]["digest"] == rows["centernet"]["test"]["digest"]
    assert pair["numbers"]["matched"] + pair["numbers"]["missed"] == 4
    assert json.loads((out / "compare.json").read_text())["same_test"]
    assert (out / "top_down_behind_detector/metrics.json").is_file()


def test_the_page_shows_images_and_what_limits_each(compared):
    out, rows, _ = compared
    page = (out / "compare.md").read_text()
    for name in ("top_down", "centernet", "top_down_behind_detector"):
        assert f"## {name}\n" in page
        assert f"({name}/best_and_worst.jpg)" in page and f"({name}/errors.png)" in page
    assert "## detector" not in page  # it has no keypoints
    assert set(rows["top_down"]["limits"]) >= {"missed", "far", "confused", "worst_tenth"}


def test_a_detector_that_finds_the_true_boxes_leaves_the_errors_as_they_are(
    compared, cups_and_plates: Path, monkeypatch: pytest.MonkeyPatch
):
    """In given boxes the top-down recipe has the same EPE, which shows that the pair is paired rightly."""
    out, rows, _ = compared

    class Exact:
        classes = ("cup", "plate")

        def __init__(self, *args, **kwargs) -> None:
            pass

        def __call__(self, image: np.ndarray):
            boxes, labels = [], []
            for kind, shade in enumerate((250, 10)):
                y, x = np.nonzero(image[:, :, 0] == shade)
                boxes.append([x.min(), y.min(), x.max() + 1, y.max() + 1])
                labels.append(kind)
            return np.array(boxes, float), np.ones(2), np.array(labels)

    monkeypatch.setattr(behind_detector, "BoxDetector", Exact)
    pair = behind_detector.tested_behind(rows["top_down"], rows["detector"], out, cups_and_plates)
    assert pair["numbers"]["missed"] == 0 and pair["numbers"]["box/AP"] == 1
    assert pair["numbers"]["EPE"] == pytest.approx(rows["top_down"]["numbers"]["EPE"], rel=1e-3)
