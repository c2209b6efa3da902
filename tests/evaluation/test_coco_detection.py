"""COCO's numbers over whole images, against pycocotools and by hand."""

import contextlib
import copy
import io
import json
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from kpplugins.evaluation.coco_ap import COCO_BOX_KEYS, COCO_KEYS
from kpplugins.evaluation.coco_detection import (
    box_overlap,
    coco_boxes,
    coco_keypoints,
    ranked,
)
from kpplugins.evaluation.scene import Scene
from kpplugins.schema.from_names import COCO_SIGMAS


def by_pycocotools(scenes: list[Scene], annotations: list[dict], num_classes: int, sigmas) -> list[float]:
    """The 12 and the 10 numbers of the same images, their predictions as COCO results."""
    pycocotools = pytest.importorskip("pycocotools.coco", reason="the oracle pycocotools is not installed")
    from pycocotools.cocoeval import COCOeval

    boxes, points = [], []
    for s in scenes:
        for m in range(len(s.classes)):
            row = {"image_id": s.image_id, "category_id": int(s.classes[m]) + 1}
            x1, y1, x2, y2 = s.boxes[m].tolist()
            boxes.append({**row, "score": float(s.box_scores[m]), "bbox": [x1, y1, x2 - x1, y2 - y1]})
            flat = np.column_stack([s.points[m], s.point_scores[m]]).ravel().tolist()
            points.append({**row, "score": float(s.scores[m]), "keypoints": flat})
    numbers = []
    with contextlib.redirect_stdout(io.StringIO()):
        truth = pycocotools.COCO()
        truth.dataset = {
            "images": [{"id": s.image_id, "width": s.size[0], "height": s.size[1]} for s in scenes],
            "annotations": annotations,
            "categories": [{"id": c + 1, "name": str(c)} for c in range(num_classes)],
        }
        truth.createIndex()
        for kind, results in (("bbox", boxes), ("keypoints", points)):
            evaluator = COCOeval(truth, truth.loadRes(results), kind)
            evaluator.params.kpt_oks_sigmas = np.array(sigmas)
            evaluator.evaluate()
            evaluator.accumulate()
            evaluator.summarize()
            numbers += evaluator.stats.tolist()
    return numbers


def ours(scenes: list[Scene], num_classes: int, sigmas) -> list[float]:
    boxes, points = (
        coco_boxes(scenes, num_classes).numbers,
        coco_keypoints(scenes, num_classes, sigmas).numbers,
    )
    assert list(boxes) == list(COCO_BOX_KEYS) and list(points) == list(COCO_KEYS)
    return [*boxes.values(), *points.values()]


def scene_of(
    image_id: int, annotations: list[dict], found: list[tuple], k: int, num_classes: int = 1
) -> Scene:
    """``found`` has (class, box xyxy, score, points (K, 2)) of each prediction."""
    kinds, boxes, scores, points = zip(*found, strict=True) if found else ((), (), (), ())
    predicted = {
        "bboxes": np.array(boxes), "bbox_scores": np.array(scores), "labels": np.array(kinds),
        "keypoints": np.array(points), "keypoint_scores": np.full((len(found), k), 0.5),
    }  # fmt: skip
    sample = {
        "pred_instances": predicted,
        "raw_ann_info": annotations,
        "img_id": image_id,
        "img_path": "x.jpg",
    }
    return Scene.from_sample({**sample, "ori_shape": (480, 640)}, [str(c) for c in range(num_classes)], k)


def perturbed(rng: np.random.Generator, annotation: dict, strength: float) -> list[tuple]:
    """No, one or two predictions near a truth, with tied scores now and then."""
    x, y, w, h = annotation["bbox"]
    points = np.reshape(annotation["keypoints"], (-1, 3))[:, :2]
    made = []
    for _ in range(rng.choice(3, p=[0.15, 0.7, 0.15])):
        box = np.array([x, y, x + w, y + h]) + rng.normal(0, strength, 4) * [w, h, w, h]
        near = points + rng.normal(0, strength, points.shape) * [w, h]
        score = round(rng.random(), 1 if rng.random() < 0.3 else 6)
        made.append((annotation["category_id"] - 1, box, score, near))
    return made


@cache
def coco_mini(folder: Path) -> dict[int, list[dict]]:
    """The annotations of each of its images."""
    images: dict[int, list[dict]] = {}
    for part in ("train", "val"):
        content = json.loads((folder / f"annotations/person_keypoints_{part}2017.json").read_text())
        for image in content["images"]:
            images.setdefault(image["id"], [])
        for annotation in content["annotations"]:
            images[annotation["image_id"]].append(annotation)
    return images


@pytest.mark.parametrize("seed", range(100))
def test_perturbed_coco_truths_score_as_in_pycocotools(real_data: Path, seed: int):
    rng, images = np.random.default_rng(seed), coco_mini(real_data / "coco_mini")
    chosen = rng.choice(sorted(images), 15, replace=False).tolist()
    strength = rng.uniform(0.005, 0.1)
    scenes, annotations = [], []
    for image_id in chosen:  # in no order
        here = images[image_id]
        found = [one for annotation in here for one in perturbed(rng, annotation, strength)]
        rng.shuffle(found)
        scenes.append(scene_of(image_id, here, found, 17))
        annotations += [dict(annotation) for annotation in here]
    sigmas = list(COCO_SIGMAS.values())
    assert ours(scenes, 1, sigmas) == by_pycocotools(scenes, annotations, 1, sigmas)


def test_the_chosen_images_have_crowds_and_unlabelled_boxes(real_data: Path):
    annotations = [a for here in coco_mini(real_data / "coco_mini").values() for a in here]
    assert any(a["iscrowd"] for a in annotations)
    assert any(a["num_keypoints"] == 0 and not a["iscrowd"] for a in annotations)


def drawn(rng: np.random.Generator, k: int, num_classes: int, images: int, most: int) -> tuple[list, list]:
    """Images with crowds, blank boxes, truths without points, ties; some without truth or predictions."""
    scenes, annotations = [], []
    for image_id in rng.permutation(images * 3)[:images].tolist():
        here = []
        for _ in range(rng.integers(0, 6)):
            x, y, w, h = rng.uniform(0, 300), rng.uniform(0, 200), *rng.uniform(5, 200, 2)
            blank = rng.random() < 0.1
            seen = rng.integers(0, 3, k) * (rng.random() > 0.2)
            points = np.column_stack([rng.uniform(x, x + w, k), rng.uniform(y, y + h, k), seen])
            points[seen == 0] = 0
            here.append({
                "id": len(annotations) + len(here) + 1, "image_id": image_id,
                "category_id": int(rng.integers(1, num_classes + 1)), "iscrowd": int(rng.random() < 0.15),
                "bbox": [x, y, 0.0, 0.0] if blank else [x, y, w, h], "area": 0.0 if blank else w * h * 0.6,
                "keypoints": points.ravel().tolist(), "num_keypoints": int((seen > 0).sum()),
            })  # fmt: skip
        found = [one for annotation in here for one in perturbed(rng, annotation, 0.03)]
        for _ in range(rng.integers(0, most)):
            x, y, w, h = rng.uniform(0, 300), rng.uniform(0, 200), *rng.uniform(1, 200, 2)
            points = rng.uniform(0, 300, (k, 2))
            found.append(
                (int(rng.integers(num_classes)), [x, y, x + w, y + h], round(rng.random(), 1), points)
            )
        found = [] if rng.random() < 0.1 else found
        rng.shuffle(found)
        scenes.append(scene_of(image_id, here, found, k, num_classes))
        annotations += here
    return scenes, annotations


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("num_classes", [1, 3])
@pytest.mark.parametrize("k", [1, 5, 23])
def test_drawn_images_score_as_in_pycocotools(k: int, num_classes: int, seed: int):
    rng = np.random.default_rng([k, num_classes, seed])
    sigmas = rng.uniform(0.02, 0.12, k)
    scenes, annotations = drawn(rng, k, num_classes, images=12, most=12)
    theirs = by_pycocotools(scenes, annotations, num_classes, sigmas)
    assert 0 < theirs[0] < 1
    assert ours(scenes, num_classes, sigmas) == theirs


def test_more_than_a_hundred_predictions_a_image():
    rng = np.random.default_rng(0)
    scenes, annotations = drawn(rng, 2, 1, images=4, most=300)
    assert max(len(s.classes) for s in scenes) > 100
    sigmas = [0.05, 0.1]
    assert ours(scenes, 1, sigmas) == by_pycocotools(scenes, annotations, 1, sigmas)


def test_the_number_over_classes_is_their_mean():
    scenes, _ = drawn(np.random.default_rng(5), 3, 3, images=20, most=5)
    for table in (coco_boxes(scenes, 3), coco_keypoints(scenes, 3, [0.1] * 3)):
        assert len(table.per_class) == 3
        assert np.mean([one["AP"] for one in table.per_class]) == pytest.approx(table.numbers["AP"])
        alone = [coco_boxes([s.of_class(c) for s in scenes], 3).per_class[c] for c in range(3)]
        if "AP(S)" in table.numbers:
            assert alone == table.per_class


def test_without_truth_there_is_no_number_and_without_predictions_it_is_0():
    nothing = scene_of(1, [], [], 2)
    assert set(ours([nothing], 1, [0.1, 0.1])) == set(ours([], 1, [0.1, 0.1])) == {-1.0}
    box = {"id": 1, "category_id": 1, "area": 2000.0, "bbox": [0, 0, 50, 50], "keypoints": [1, 1, 2, 9, 9, 1]}
    missed = scene_of(1, [box], [], 2)
    assert coco_boxes([missed], 1).numbers["AP"] == coco_keypoints([missed], 1, [0.1, 0.1]).numbers["AP"] == 0
    assert coco_boxes([missed], 1).numbers["AP(S)"] == -1  # none of that size


def test_exact_predictions_are_perfect():
    box = {"id": 1, "category_id": 1, "area": 2000.0, "bbox": [0, 0, 50, 50], "keypoints": [1, 1, 2, 9, 9, 1]}
    scene = scene_of(1, [box], [(0, [0, 0, 50, 50], 0.5, [[1, 1], [9, 9]])], 2)
    # as in pycocotools, precision falls short of 1 by the last bit
    assert coco_boxes([scene], 1).numbers["AP"] == pytest.approx(1)
    assert coco_keypoints([scene], 1, [0.1, 0.1]).numbers["AR"] == 1


def test_overlap_by_hand():
    found, true = np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 10, 10], [0, 0, 20, 5], [50, 0, 1, 1]])
    # 50 / (100 + 100 - 50); with a crowd 50 of the found 100
    assert box_overlap(found, true, np.array([False, True, False])).tolist() == [
        [pytest.approx(1 / 3), 0.5, 0]
    ]


@pytest.mark.parametrize("seed", range(3))
def test_equal_scores_and_more_than_twenty_predictions_score_as_in_pycocotools(seed: int):
    rng = np.random.default_rng(seed)
    scenes, annotations = drawn(rng, 4, 2, images=40, most=60)
    scenes = [
        replace(s, scores=np.full(len(s.classes), 0.5), box_scores=s.box_scores.round(1)) for s in scenes
    ]
    sigmas = [0.05, 0.1, 0.2, 0.3]
    assert ours(scenes, 2, sigmas) == by_pycocotools(scenes, annotations, 2, sigmas)


def test_nothing_is_printed_and_scenes_stay_as_they_are(capfd: pytest.CaptureFixture):
    scenes, _ = drawn(np.random.default_rng(1), 3, 2, images=5, most=5)
    before = copy.deepcopy(scenes)
    ours(scenes, 2, [0.1] * 3)
    ours([], 2, [0.1] * 3)
    assert capfd.readouterr() == ("", "")
    for one, other in zip(scenes, before, strict=True):
        for field in fields(one):
            assert np.array_equal(getattr(one, field.name), getattr(other, field.name))


def test_similarity_by_hand():
    # two of three points are labelled; one is right, one is off by 5 px: (1 + exp(-25 / (2 · 25 · (2 · 0.5)²))) / 2
    points = [0, 0, 2, 9, 9, 1, 0, 0, 0]
    truth = {"id": 1, "category_id": 1, "area": 25.0, "bbox": [0, 0, 9, 9], "keypoints": points}
    found = (0, [0, 0, 9, 9], 0.5, [[3, 4], [9, 9], [99, 99]])
    assert 0.80 < (1 + np.exp(-0.5)) / 2 < 0.85  # 7 of the 10 thresholds are met
    numbers = coco_keypoints([scene_of(1, [truth], [found], 3)], 1, [0.5] * 3).numbers
    assert (numbers["AP"], numbers["AR"]) == pytest.approx((0.7, 0.7))


def test_ranked_keeps_the_order_of_tied_scores():
    best = ranked(np.array([0, 1, 0, 0]), np.array([0.5, 0.1, 0.5, 0.9]), 2, 2)
    assert [b.tolist() for b in best] == [[3, 0], [1]]
