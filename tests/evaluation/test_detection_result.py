"""What a run over whole images found, by hand and through the reports of a test."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.apis.test import write_report
from kpplugins.evaluation import DetectionResult
from kpplugins.evaluation.scene import Scene
from kpplugins.schema import KeypointSchema
from kpplugins.visualization.draw import TRUTH_COLOR
from kpplugins.visualization.sheet import FOUND_COLOR, TILE, best_and_worst

SCHEMA = KeypointSchema("face", ("left_eye", "right_eye", "nose"), sigmas=(0.05, 0.05, 0.05))
CLASSES = ["cat", "dog"]
POINTS = np.array([[10.0, 10], [30, 10], [20, 30]])


def truth(x: float, y: float, category: str = "cat", crowd: int = 0, seen=(2, 2, 2)) -> dict:
    """A box of 40×40 whose corner is (x, y)."""
    flat = np.column_stack([POINTS + (x, y), seen]).ravel().tolist()
    box = {"id": 1, "category": category, "iscrowd": crowd, "area": 1600.0, "bbox": [x, y, 40, 40]}
    return {**box, "keypoints": flat, "num_keypoints": 3}


def found(x: float, y: float, score: float, label: int = 0, shift: float = 0.0) -> tuple:
    """A box of 40×40 with points that stray by ``shift`` pixels along x."""
    return [x, y, x + 40, y + 40], score, label, POINTS + (x + shift, y)


def scene(truths: list[dict], predictions: list[tuple], image_id: int = 1, by: str = "box") -> Scene:
    boxes, scores, labels, points = zip(*predictions, strict=True) if predictions else ((),) * 4
    instances = {
        "bboxes": np.array(boxes), "bbox_scores": np.array(scores), "labels": np.array(labels),
        "keypoints": np.array(points), "keypoint_scores": np.full((len(boxes), 3), 0.7),
    }  # fmt: skip
    sample = {
        "pred_instances": instances,
        "raw_ann_info": truths,
        "img_id": image_id,
        "ori_shape": (300, 400),
    }
    return Scene.from_sample({**sample, "img_path": f"{image_id}.jpg"}, CLASSES, 3, by)


def result(*scenes: Scene, eyes: tuple[str, str] | None = ("left_eye", "right_eye")) -> DetectionResult:
    return DetectionResult.of(scenes, CLASSES, SCHEMA, eyes)


def two_images() -> DetectionResult:
    """A cat found 4 px off, a cat missed, and in the second image a dog found exactly, with a false one."""
    first = scene([truth(0, 0), truth(200, 0)], [found(0, 0, 0.9, shift=4), found(100, 200, 0.3)])
    second = scene([truth(50, 50, "dog")], [found(50, 50, 0.8, 1), found(200, 200, 0.95, 1)], 2)
    return result(first, second)


def test_rows_are_the_truths_with_points_that_are_no_crowd():
    truths = [truth(0, 0, crowd=1), truth(100, 0, seen=(0, 0, 0)), truth(200, 0, "dog", seen=(2, 0, 1))]
    one = result(scene(truths, [found(200, 0, 0.5, 1)]))
    assert one.categories == ["dog"] and one.images == ["1.jpg"]
    assert one.labelled.tolist() == [[True, False, True]]
    assert one.boxes.tolist() == [[200, 0, 240, 40]]
    assert one.places.tolist() == [[0, 2, 0]]
    assert one.sizes.tolist() == [[400, 300]]


def test_the_sheet_shows_both_boxes_and_what_was_missed(tmp_path: Path):
    grey = np.full((300, 400, 3), 90, np.uint8)
    best_and_worst(two_images(), tmp_path / "sheet.png", lambda image: grey)
    sheet = cv2.imread(str(tmp_path / "sheet.png")).astype(int)
    tile = TILE + 22
    assert sheet.shape == (2 * tile, 4 * TILE, 3)  # best: dog, cat; worst: missed cat, cat, dog

    def has(row: int, column: int, color: tuple[int, int, int]) -> bool:
        part = sheet[row * tile + 22 : (row + 1) * tile, column * TILE : (column + 1) * TILE]
        return bool((np.abs(part - color).max(axis=2) < 30).any())

    for row, column, found in ((0, 1, True), (1, 0, False), (1, 1, True)):
        assert has(row, column, FOUND_COLOR) == found
    assert has(1, 0, TRUTH_COLOR)  # the missed one
    assert (sheet[:tile, 2 * TILE :] == 0).all()  # it is not among the best


def test_a_missed_truth_has_no_points_and_no_error():
    one = two_images()
    assert np.isnan(one.found_boxes[1]).all()
    assert one.found_boxes[[0, 2]].tolist() == [[0, 0, 40, 40], [50, 50, 90, 90]]
    assert one.missed.tolist() == [False, True, False]
    assert np.isnan(one.predicted[1]).all() and one.box_scores.tolist() == [0.9, 0, 0.8]
    assert np.isnan(one.instance_error[1])
    assert one.instance_error[[0, 2]] == pytest.approx([4 / 40, 0])
    assert (one.summary["matched"], one.summary["missed"]) == (2, 1)
    assert one.summary["EPE"] == pytest.approx(2)  # the mean of 4 and 0
    assert one.summary["NME"] == pytest.approx(0.1)  # by the 20 px between the eyes
    assert one.summary["PCK@0.05"] == pytest.approx(0.5)  # 2 px of 40


def test_the_best_scored_box_is_paired():
    better, nearer = found(3, 0, 0.9), found(0, 0, 0.8)
    one = result(scene([truth(0, 0)], [nearer, better]))
    assert one.places[0, 2] == 1


def test_a_box_is_of_one_truth_and_takes_the_one_that_it_covers_most():
    near, far = found(2, 0, 0.9), found(8, 0, 0.8)
    one = result(scene([truth(10, 0), truth(0, 0)], [near, far]))
    assert one.places[:, 2].tolist() == [1, 0]


def test_a_box_below_half_or_of_another_class_is_none():
    # shifted by 14 of 40: 26 / 54 < 0.5; by 13: 27 / 53 > 0.5
    assert result(scene([truth(0, 0)], [found(14, 0, 0.9)])).missed.tolist() == [True]
    assert result(scene([truth(0, 0)], [found(13, 0, 0.9)])).missed.tolist() == [False]
    assert result(scene([truth(0, 0)], [found(0, 0, 0.9, 1)])).missed.tolist() == [True]


def test_only_the_best_twenty_of_a_class_count():
    others = [found(200, 100, 0.9)] * 19 + [found(200, 100, 0.9, 1)] * 5
    assert not result(scene([truth(0, 0)], [found(0, 0, 0.1), *others])).missed[0]
    assert result(scene([truth(0, 0)], [found(0, 0, 0.1), *others, found(200, 100, 0.9)])).missed[0]


def test_the_keys_in_their_order():
    keys = list(two_images().summary)
    assert keys[:2] == ["AP", "AP50"] and keys[9] == "AR(L)"
    assert keys[10] == "box/AP" and keys[21] == "box/AR(L)"
    assert keys[22:] == ["PCK@0.05", "PCK@0.1", "PCK@0.2", "NME", "EPE", "RMSE", "matched", "missed"]


def test_a_category_is_scored_with_its_false_predictions():
    parts = two_images().per_category()
    assert list(parts) == CLASSES
    assert parts["cat"]["instances"] == 2 and parts["cat"]["missed"] == 1
    # the false dog has the higher score: precision 1/2 at every recall
    assert parts["dog"]["AP"] == pytest.approx(0.5)
    whole = two_images().summary["AP"]
    assert whole == pytest.approx((parts["cat"]["AP"] + parts["dog"]["AP"]) / 2)


def test_ap_share_is_over_whole_images():
    off = [found(0, 0, 0.9), found(200, 200, 0.8)]  # the second is false
    points = off[0][3].copy()
    points[0] += 8  # only the left eye is wrong
    one = result(scene([truth(0, 0), truth(200, 0)], [(*off[0][:3], points), off[1]]))
    rows = one.per_keypoint()
    # exact, one of two truths is found: recall up to 0.5, which are 51 of the 101 steps
    assert one.summary["AP"] + rows[0]["AP share"] == pytest.approx(51 / 101)
    assert rows[0]["AP share"] > 0 and [r["AP share"] for r in rows[1:]] == pytest.approx([0, 0])
    assert rows[0]["EPE"] == pytest.approx(np.sqrt(128)) and rows[0]["labelled"] == 2


def test_keypoints_rank_as_told():
    one = scene([truth(0, 0)], [found(0, 0, 0.9)], by="box_times_points")
    assert one.scores == pytest.approx([0.63])


@pytest.mark.parametrize(
    "scenes", [(), (scene([], []),), (scene([], [found(0, 0, 0.5)]),), (scene([truth(0, 0)], []),)]
)
def test_nothing_is_no_crash(tmp_path: Path, scenes: tuple):
    one = result(*scenes)
    write_report(tmp_path, one.summary, one, {}, lambda _: np.zeros((300, 400, 3), np.uint8))
    assert json.loads((tmp_path / "metrics.json").read_text())["EPE"] is None
    assert (tmp_path / "best_and_worst.jpg").exists() == bool(len(one.missed))  # what was missed is shown


def test_the_reports_of_a_test_take_it(tmp_path: Path):
    one, asked = two_images(), []

    def image_of(path: str) -> np.ndarray:
        asked.append(path)
        return np.zeros((300, 400, 3), np.uint8)

    table = write_report(tmp_path, one.summary, one, {"config": "a.py"}, image_of)
    assert "left_eye" in table and "| dog" in table
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["instances"] == 3 and content["missed"] == 1
    assert content["per_category"]["dog"]["AP"] == pytest.approx(0.5)
    assert (tmp_path / "best_and_worst.jpg").is_file()
    # the missed cat is among the worst only
    assert sorted(asked) == ["1.jpg", "1.jpg", "1.jpg", "2.jpg", "2.jpg"]
    assert np.isfinite(one.pck_curve(np.linspace(0, 0.2, 5))).all()


def test_every_instance_with_what_was_found_of_it_and_the_rest_apart():
    far, missed, right = two_images().per_instance()
    assert (far["image"], far["category"], far["error"], far["mean_error"]) == ("1.jpg", "cat", [4, 4, 4], 4)
    assert far["prediction"]["bbox"] == [0, 0, 40, 40] and far["prediction"]["score"] == 0.9
    assert missed["prediction"] is None and missed["error"] == [None] * 3 and missed["mean_error"] is None
    assert missed["truth"]["bbox"] == [200, 0, 240, 40]
    assert right["mean_error"] == 0 and (right["width"], right["height"]) == (400, 300)
    false = two_images().unmatched()
    assert [(one["image"], one["category"], one["score"]) for one in false] == [
        ("1.jpg", "cat", 0.3), ("2.jpg", "dog", 0.95),
    ]  # fmt: skip
    seen = result(scene([truth(0, 0, seen=(1, 0, 2))], [])).per_instance()[0]["truth"]["keypoints"]
    assert [v for _, _, v in seen] == [1, 0, 2]
