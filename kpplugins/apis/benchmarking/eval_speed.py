"""The speed of evaluation: AP of boxes and keypoints, against pycocotools."""

import contextlib
import io
import time
from importlib.util import find_spec
from typing import Any

import numpy as np

from kpplugins.apis.benchmarking.benchmark_report import BenchmarkReport
from kpplugins.evaluation.coco_detection import coco_boxes, coco_keypoints, xywh
from kpplugins.evaluation.scene import Scene
from kpplugins.schema.from_names import COCO_SIGMAS
from kpplugins.structures import BadInputError
from kpplugins.structures.timed import timed

_SIDE = (640, 480)
_CLASS = "person"


def eval_speed(images: int = 5000, found: int = 20, true: int = 5) -> BenchmarkReport:
    """Time the AP of boxes and 17 keypoints: ours from samples, pycocotools' from COCO dicts in memory.

    Args:
        images: number of images.
        found: predictions per image, most of them near a truth.
        true: truths per image, including crowds and unlabelled ones.

    Returns:
        Seconds of CPU time in this process and images a second of both, ``speedup`` (their seconds over ours), and
        ``largest difference`` among the 22 numbers; of ours alone where pycocotools is not installed.

    Raises:
        BadInputError: no images.
    """
    if images < 1:
        raise BadInputError("not a number of images", where="--images", expected="≥ 1", found=str(images))
    samples = [_sample(np.random.default_rng(i), i + 1, found, true) for i in range(images)]
    sigmas = list(COCO_SIGMAS.values())
    ours, seconds = timed(lambda: _ours(samples, sigmas), time.process_time)
    facts: dict[str, Any] = {"images": images, "predictions an image": found, "truths an image": true}
    rows: list[dict[str, Any]] = [
        {"what": "kpplugins", "seconds": seconds, "images a second": images / seconds}
    ]
    if find_spec("pycocotools") is None:
        return BenchmarkReport("eval", facts, rows, "pycocotools, the reference, is not installed.")
    truth, boxes, points = _dicts(samples)
    theirs, their_seconds = timed(lambda: _theirs(truth, boxes, points, sigmas), time.process_time)
    rows.append({"what": "pycocotools", "seconds": their_seconds, "images a second": images / their_seconds})
    facts |= {
        "speedup": their_seconds / seconds,
        "largest difference": float(np.abs(np.subtract(ours, theirs)).max()),
    }
    return BenchmarkReport("eval", facts, rows)


def _ours(samples: list[dict], sigmas: list[float]) -> list[float]:
    scenes = [Scene.from_sample(sample, [_CLASS], len(sigmas)) for sample in samples]
    boxes, points = coco_boxes(scenes, 1), coco_keypoints(scenes, 1, sigmas)
    return [*boxes.numbers.values(), *points.numbers.values()]


def _theirs(truth: dict, boxes: list[dict], points: list[dict], sigmas: list[float]) -> list[float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    numbers: list[float] = []
    with contextlib.redirect_stdout(io.StringIO()):
        index = COCO()
        index.dataset = truth
        index.createIndex()
        for kind, results in (("bbox", boxes), ("keypoints", points)):
            evaluator = COCOeval(index, index.loadRes(results), kind)
            if kind == "keypoints":
                evaluator.params.kpt_oks_sigmas = np.array(sigmas)
            evaluator.evaluate()
            evaluator.accumulate()
            evaluator.summarize()
            numbers += evaluator.stats.tolist()
    return numbers


def _sample(rng: np.random.Generator, number: int, found: int, true: int) -> dict[str, Any]:
    """Make an image as a metric gets it: truths, and predictions that deviate by 0 to 20 % of their size."""
    k = len(COCO_SIGMAS)
    sides = rng.uniform(16, 200, (true, 2))
    corners = rng.uniform(0, 1, (true, 2)) * (np.array(_SIDE) - sides)
    points = corners[:, None] + rng.uniform(0, 1, (true, k, 2)) * sides[:, None]
    seen = rng.integers(0, 3, (true, k)) * (rng.random((true, 1)) > 0.3)
    annotations = [
        {
            "id": number * true + i, "image_id": number, "category_id": 1, "category": _CLASS,
            "iscrowd": int(rng.random() < 0.03), "area": float(0.6 * sides[i].prod()),
            "bbox": [*corners[i].tolist(), *sides[i].tolist()], "num_keypoints": int((seen[i] > 0).sum()),
            "keypoints": np.column_stack([points[i], seen[i]]).ravel().tolist(),
        }
        for i in range(true)
    ]  # fmt: skip
    of = rng.integers(0, true, found)
    stray = rng.uniform(0, 0.2, (found, 1)) * sides[of]
    boxes = np.concatenate([corners[of], corners[of] + sides[of]], axis=1)
    boxes += rng.normal(0, 1, (found, 4)) * np.tile(stray, 2)
    near = points[of] + rng.normal(0, 1, (found, k, 2)) * stray[:, None]
    return {
        "img_id": number, "img_path": f"{number}.jpg", "ori_shape": _SIDE[::-1], "raw_ann_info": annotations,
        "pred_instances": {
            "bboxes": boxes, "bbox_scores": rng.random(found), "labels": np.zeros(found, int),
            "keypoints": near, "keypoint_scores": rng.random((found, k)),
        },
    }  # fmt: skip


def _dicts(samples: list[dict]) -> tuple[dict, list[dict], list[dict]]:
    """Convert samples to COCO's truth, box results and keypoint results."""
    boxes, points = [], []
    for sample in samples:
        found = sample["pred_instances"]
        for box, score, place in zip(
            xywh(found["bboxes"]), found["bbox_scores"], found["keypoints"], strict=True
        ):
            row = {"image_id": sample["img_id"], "category_id": 1, "score": float(score)}
            flat = np.column_stack([place, np.ones(len(place))]).ravel().tolist()
            boxes.append({**row, "bbox": box.tolist()})
            points.append({**row, "keypoints": flat})
    images = [{"id": s["img_id"], "width": _SIDE[0], "height": _SIDE[1]} for s in samples]
    annotations = [annotation for s in samples for annotation in s["raw_ann_info"]]
    categories = [{"id": 1, "name": _CLASS}]
    return {"images": images, "annotations": annotations, "categories": categories}, boxes, points
