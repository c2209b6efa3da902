import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.inference.pose_result import PoseResult
from kpplugins.schema import KeypointSchema
from kpplugins.visualization.curves import plot_curves, read_scalars
from kpplugins.visualization.draw import BOX_COLOR, draw_pose, label_of
from kpplugins.visualization.grid import grid
from kpplugins.visualization.sheet import TILE
from kpplugins.visualization.table import markdown_table

SCHEMA = KeypointSchema("x", ("a", "b"), skeleton=(("a", "b"),), colors=((255, 0, 0), (0, 255, 0)))


def test_points_are_drawn_where_they_are_in_their_colour():
    result = PoseResult(
        np.array([[[10.0, 20.0], [40.0, 20.0]]]), np.ones((1, 2)), np.array([[0, 0, 1, 1.0]]), SCHEMA
    )
    canvas = draw_pose(np.zeros((60, 60, 3), np.uint8), result, SCHEMA, boxes=False)
    assert canvas[20, 10].tolist() == pytest.approx([0, 0, 255], abs=30)  # red, in BGR; edges are smoothed
    assert canvas[20, 40].tolist() == pytest.approx([0, 255, 0], abs=30)
    assert canvas[20, 25].tolist() == pytest.approx([0, 0, 255], abs=30)  # the line between
    assert canvas[50, 50].tolist() == [0, 0, 0]


def test_doubtful_points_are_rings_without_lines():
    result = PoseResult(
        np.array([[[10.0, 20.0], [40.0, 20.0]]]),
        np.array([[0.9, 0.1]]),
        np.array([[0, 0, 1, 1.0]]),
        SCHEMA,
    )
    canvas = draw_pose(np.zeros((60, 60, 3), np.uint8), result, SCHEMA, boxes=False)
    assert canvas[20, 40].tolist() == [0, 0, 0]
    assert canvas[20, 25].tolist() == [0, 0, 0]


def test_a_found_box_says_what_it_is_and_how_sure():
    points, scores = np.full((1, 2, 2), 50.0), np.ones((1, 2))
    given = PoseResult(points, scores, np.array([[5, 40, 55, 58.0]]), SCHEMA)
    found = replace(given, box_scores=np.array([0.5]), categories=("tasse à thé",))
    assert label_of(given, 0) == "" and label_of(found, 0) == "tasse à thé 0.50"
    black = np.zeros((60, 200, 3), np.uint8)
    plain, named = draw_pose(black, given, SCHEMA), draw_pose(black, found, SCHEMA)
    assert plain[:38].max() == 0 and (named[25:39] == BOX_COLOR).all(axis=2).sum() > 300
    at_the_top = replace(found, boxes=np.array([[5, 0, 55, 58.0]]))
    assert (draw_pose(black, at_the_top, SCHEMA)[2:14] == BOX_COLOR).all(axis=2).sum() > 300


def test_grid_fills_up_with_black():
    tiles = [np.full((4, 5, 3), 9, np.uint8)] * 3
    assert grid(tiles, 2).shape == (8, 10, 3)
    assert grid(tiles, 2)[4:, 5:].max() == 0


def test_curves_of_a_resumed_run_join(tmp_path: Path):
    for stamp, entries in (
        (
            "2026_1",
            [
                {"loss": 2.0, "step": 1, "lr": 0.1},
                {"loss": 1.0, "step": 2, "lr": 0.1},
                {"AP": 0.1, "step": 1},
            ],
        ),
        ("2026_2", [{"loss": 0.5, "step": 2, "lr": 0.1}, {"AP": 0.4, "step": 2}]),
    ):
        (tmp_path / stamp / "vis_data").mkdir(parents=True)
        (tmp_path / stamp / "vis_data" / "scalars.json").write_text("\n".join(map(json.dumps, entries)))
    train, val = read_scalars(tmp_path)
    assert [e["loss"] for e in train] == [2.0, 0.5]
    assert [e["AP"] for e in val] == [0.1, 0.4]
    assert cv2.imread(str(plot_curves(tmp_path))).shape[1] > 800


def test_several_losses_are_drawn_and_an_empty_validation_is_not(tmp_path: Path):
    def drawn(name: str, *entries: dict) -> np.ndarray:
        (tmp_path / name / "1/vis_data").mkdir(parents=True)
        lines = "\n".join(map(json.dumps, entries))
        (tmp_path / name / "1/vis_data/scalars.json").write_text(lines)
        return cv2.imread(str(plot_curves(tmp_path / name)))

    steps = [{"loss": 3.0 / n, "loss_a": 2.0 / n, "loss_b": 1.0 / n, "step": n, "lr": 0.1} for n in (1, 2, 3)]
    sums = [{k: v for k, v in e.items() if k != "loss_b"} for e in steps]
    both, one, validated = drawn("b", *steps), drawn("s", *sums), drawn("v", *steps, {"AP": 0.4, "step": 1})
    assert both.shape == one.shape and validated.shape[1] > both.shape[1]
    coloured = [int(((p.max(axis=2) - p.min(axis=2)) > 60).sum()) for p in (both, one)]
    assert coloured[0] > 500 and coloured[1] == 0  # one loss is its sum: black alone


def test_the_validation_loss_is_drawn_at_its_iteration(tmp_path: Path):
    """Of 4 iterations in 2 epochs, red at the second and the fourth: in the middle third and at the right."""
    (tmp_path / "1/vis_data").mkdir(parents=True)
    steps = [{"loss": 4.0 / n, "step": n, "epoch": (n + 1) // 2, "lr": 0.1} for n in (1, 2, 3, 4)]
    checked = [{"AP": 0.1, "val_loss": 3.0, "step": 1}, {"AP": 0.2, "val_loss": 2.0, "step": 2}]
    lines = "\n".join(map(json.dumps, [*steps, *checked]))
    (tmp_path / "1/vis_data/scalars.json").write_text(lines)
    image = cv2.imread(str(plot_curves(tmp_path))).astype(int)
    red = (image[..., 2] > 180) & (image[..., 1] < 90) & (image[..., 0] < 90)
    columns = np.flatnonzero(red[60:200, :420].any(axis=0))  # above the legend's rows and left of the metrics
    assert columns.size > 50


def test_nothing_logged_no_curve(tmp_path: Path):
    assert plot_curves(tmp_path) is None


def test_markdown_table_is_aligned():
    assert markdown_table(["a", "b"], [["x", 10]]) == "| a | b  |\n|---|----|\n| x | 10 |\n"


def test_best_and_worst_sheet(tmp_path: Path):
    import sys

    sys.path.insert(0, str(Path(__file__).parent.parent / "evaluation"))
    from test_evaluation_result import result

    from kpplugins.visualization.sheet import best_and_worst

    one = result(n=3)
    images = []
    for i in range(3):
        images.append(str(tmp_path / f"{i}.jpg"))
        cv2.imwrite(images[-1], np.full((400, 400, 3), 90, np.uint8))
    object.__setattr__(one, "images", images)
    best_and_worst(one, tmp_path / "sheet.jpg", cv2.imread)
    sheet = cv2.imread(str(tmp_path / "sheet.jpg"))
    assert sheet.shape[1] == 4 * TILE
    assert pytest.approx(90, abs=4) == np.median(sheet[30:, :TILE])
