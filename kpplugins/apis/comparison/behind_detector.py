"""A top-down recipe in the boxes that a detector finds: tested over whole images, as one-stage models are."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
from mmpose.registry import DATASETS

from kpplugins.apis.comparison.recipe import tested
from kpplugins.apis.test import finite, write_report
from kpplugins.config.load import load_config, schema_of
from kpplugins.evaluation.detection_result import BEST, DetectionResult
from kpplugins.evaluation.intervals.per_image_table import PER_IMAGE, PerImageTable
from kpplugins.evaluation.metrics.keypoint_metric import norm_points
from kpplugins.evaluation.scene import Scene
from kpplugins.inference.box_detector import BoxDetector
from kpplugins.inference.predictor import Predictor

LEAST = 0.05
"""Least score of a box: AP needs the doubtful ones too."""


def tested_behind(
    recipe: dict[str, Any], detector: dict[str, Any], out: Path, data: Path, skip_bad: bool = False
) -> dict[str, Any]:
    """Test a trained top-down model in the boxes of a trained detector, and write the usual report.

    In every image it predicts in the detector's 20 best boxes; instances are ranked by the box's score times the mean
    of the keypoint scores, as COCO's top-down results are. Nothing is trained.

    Args:
        recipe: the finished row of the top-down model.
        detector: that of the detector.
        out: the comparison's folder, with both work dirs; the report goes into ``NAME_behind_DETECTOR`` in it.
        data: the data folder.
        skip_bad: skip bad files.

    Returns:
        The row of the pair: sizes are added up, and the cost of an image is that of the detector and of as many
        top-down inputs as the test images have instances on average; ``training`` and ``validation`` are empty.

    Raises:
        BadInputError: a checkpoint or an image cannot be read.
    """
    name = f"{recipe['name']}_behind_{detector['name']}"
    runs = [
        (out / r["name"] / Path(r["config"]).name, out / r["name"] / r["checkpoint"])
        for r in (recipe, detector)
    ]
    predictor = Predictor(*runs[0])
    boxes = BoxDetector(*runs[1], box_thr=LEAST)
    cfg = load_config(runs[0][0], data=data, skip_bad=skip_bad)
    dataset = DATASETS.build(_whole_images(cfg.test_dataloader.dataset))
    scenes = [_scene(dataset, i, predictor, boxes) for i in range(len(dataset))]
    schema = schema_of(cfg)
    result = DetectionResult.of(scenes, dataset.classes, schema, norm_points(schema, None))
    numbers = {key: float(value) for key, value in result.summary.items()}
    (out / name).mkdir(exist_ok=True)
    if scenes:
        PerImageTable.of(result).save(out / name / PER_IMAGE)
    origin = {"config": recipe["config"], "detector": detector["config"]}
    write_report(out / name, numbers, result, origin, dataset.image)
    cost = _together(recipe, detector, len(result.images) / max(1, len(scenes)))
    row: dict[str, Any] = finite({"name": name, **origin, **tested(numbers, result), **cost})
    return row


def _whole_images(dataset: Any) -> Any:
    """Return the config of the same test split with an image as a sample, before any pipeline."""
    changed = copy.deepcopy(dataset)
    changed.update(data_mode="bottomup", pipeline=[], lazy_init=False)
    return changed


def _scene(dataset: Any, i: int, predictor: Predictor, detector: BoxDetector) -> Scene:
    """Return the truth of an image and what the pair finds in it."""
    sample = dataset.get_data_info(i)
    image = predictor.read(sample["img_path"])
    boxes, scores, labels = (values[:BEST] for values in detector(image))
    labels = np.array([dataset.classes.index(detector.classes[int(label)]) for label in labels], int)
    k = predictor.schema.num_keypoints
    points, point_scores = np.zeros((0, k, 2)), np.zeros((0, k))
    if len(boxes):
        found = predictor(image, boxes)
        points, point_scores = found.keypoints, found.scores
    instances = {
        "bboxes": boxes, "bbox_scores": scores, "labels": labels,
        "keypoints": points, "keypoint_scores": point_scores,
    }  # fmt: skip
    whole = {
        "pred_instances": instances, "raw_ann_info": sample["raw_ann_info"], "img_id": sample["img_id"],
        "img_path": sample["img_path"], "ori_shape": image.shape[:2],
    }  # fmt: skip
    return Scene.from_sample(whole, dataset.classes, k, "box_times_points")


def _together(recipe: dict[str, Any], detector: dict[str, Any], instances: float) -> dict[str, Any]:
    """Return the cost of both."""
    parts: dict[str, Any] = {"minutes": recipe["minutes"] + detector["minutes"]}
    for key, times in (("parameters", 1.0), ("multiply_adds", instances), ("milliseconds", instances)):
        if key in recipe and key in detector:
            parts[key] = detector[key] + times * recipe[key]
    words = f"detector and keypoints, trained one after the other; {instances:.3g} instances an image"
    empty = {"epochs": None, "max_epochs": None, "images_per_second": None, "stopped": False}
    return {**parts, **empty, "note": words, "training": {"minutes": [], "loss": []}, "validation": {}}
