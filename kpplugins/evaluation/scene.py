"""One image's truth and predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kpplugins.evaluation.visibility import head_visibility
from kpplugins.structures import BadInputError

KEYPOINT_SCORES = ("box", "box_times_points")
"""Ways to rank instances by their keypoints, see ``Scene.from_sample``."""
SURE = 0.2
"""Keypoint scores above this count in ``box_times_points``, as in MMPose's ``CocoMetric``."""


@dataclass(frozen=True)
class Scene:
    """G true and M predicted instances of one image, K keypoints each; float64, pixels of the original image.

    Attributes:
        image: path of the image.
        image_id: its id.
        size: its width and height.
        true_classes: (G,) 0-based.
        true_boxes: (G, 4) xywh, as COCO keeps them.
        areas: (G,) square pixels, s² of OKS.
        crowd: (G,) boolean.
        truth: (G, K, 2); 0 without a label.
        visibility: (G, K) int, 0 absent, 1 occluded, 2 visible.
        classes: (M,) 0-based.
        boxes: (M, 4) xyxy.
        box_scores: (M,).
        points: (M, K, 2).
        point_scores: (M, K).
        scores: (M,) by which the instances' keypoints are ranked.
        point_visibility: (M, K) of a head that predicts it itself; ``None`` if it does not.
    """

    image: str
    image_id: int
    size: tuple[int, int]
    true_classes: np.ndarray
    true_boxes: np.ndarray
    areas: np.ndarray
    crowd: np.ndarray
    truth: np.ndarray
    visibility: np.ndarray
    classes: np.ndarray
    boxes: np.ndarray
    box_scores: np.ndarray
    points: np.ndarray
    point_scores: np.ndarray
    scores: np.ndarray
    point_visibility: np.ndarray | None = None

    @property
    def labelled(self) -> np.ndarray:
        """Return (G, K) boolean: the keypoint has a label."""
        return self.visibility > 0

    @property
    def counted(self) -> np.ndarray:
        """Return (G,) boolean: no crowd, and at least one labelled keypoint."""
        return self.labelled.any(axis=1) & ~self.crowd

    @classmethod
    def from_sample(
        cls,
        sample: Mapping[str, Any],
        classes: Sequence[str],
        num_keypoints: int,
        keypoint_score: str = "box",
    ) -> "Scene":
        """Build the scene from a data sample of a one-stage model, as a metric receives it.

        Args:
            sample: ``pred_instances`` (``bboxes`` (M, 4) xyxy, ``bbox_scores`` (M,), ``labels`` (M,) 0-based,
                ``keypoints`` (M, K, 2), ``keypoint_scores`` (M, K); arrays or tensors), ``raw_ann_info`` (G COCO
                annotations, crowds and unlabelled ones among them), ``img_id``, ``img_path``, ``ori_shape``.
                An annotation's class is its ``category`` by name, and its 1-based ``category_id`` where it has none.
                Labelled keypoints are counted from their visibilities.
            classes: names.
            num_keypoints: K.
            keypoint_score: ``box`` ranks keypoints by the score of their box, ``box_times_points`` by that times the
                mean of the keypoint scores above 0.2.

        Raises:
            BadInputError: a prediction or truth lacks a field, has a wrong shape or another K, is not finite, or has a
                label without a name; or the truth is one annotation instead of a list. The message names the image.
        """
        where = str(sample["img_path"])
        height, width = (int(v) for v in sample["ori_shape"][:2])
        predicted = _predictions(sample["pred_instances"], len(classes), num_keypoints, where)
        return cls(
            image=where,
            image_id=int(sample["img_id"]),
            size=(width, height),
            **_truths(sample["raw_ann_info"], list(classes), num_keypoints, where),
            **predicted,
            scores=instance_scores(predicted["box_scores"], predicted["point_scores"], keypoint_score),
            point_visibility=head_visibility(sample["pred_instances"]),
        )

    def of_class(self, number: int) -> "Scene":
        """Return the instances of one class, true and predicted."""
        true, found = self.true_classes == number, self.classes == number
        return Scene(
            self.image, self.image_id, self.size,
            self.true_classes[true], self.true_boxes[true], self.areas[true], self.crowd[true], self.truth[true],
            self.visibility[true], self.classes[found], self.boxes[found], self.box_scores[found], self.points[found],
            self.point_scores[found], self.scores[found],
            None if self.point_visibility is None else self.point_visibility[found],
        )  # fmt: skip


def instance_scores(box_scores: np.ndarray, point_scores: np.ndarray, keypoint_score: str) -> np.ndarray:
    """Compute the scores that rank the keypoints of instances.

    Args:
        box_scores: (M,).
        point_scores: (M, K).
        keypoint_score: see ``Scene.from_sample``.

    Returns:
        (M,).
    """
    if keypoint_score == "box":
        return box_scores
    sure = point_scores > SURE
    return box_scores * np.where(sure, point_scores, 0.0).sum(axis=1) / np.maximum(sure.sum(axis=1), 1)


def _predictions(found: Mapping[str, Any], classes: int, k: int, where: str) -> dict[str, np.ndarray]:
    """Check the predictions and return them by ``Scene``'s names."""
    shapes: dict[str, tuple[int, ...]] = {
        "bboxes": (4,), "bbox_scores": (), "labels": (), "keypoints": (k, 2), "keypoint_scores": (k,)
    }  # fmt: skip
    arrays = {}
    for name in shapes:
        if name not in found:
            raise BadInputError(
                f"predictions without `{name}`", where=where, expected=", ".join(shapes), found=", ".join(found),
                todo="test with a one-stage model, which finds boxes and keypoints; top-down ones take KeypointMetric",
            )  # fmt: skip
        arrays[name] = _array(found[name])
    m = len(arrays["bboxes"]) if arrays["bboxes"].ndim else 0
    for name, shape in shapes.items():
        if not m and arrays[name].size == 0:
            arrays[name] = np.zeros((0, *shape))
        if arrays[name].shape != (m, *shape):
            raise BadInputError(
                f"predicted `{name}` of another shape", where=where, expected=str((m, *shape)),
                found=str(arrays[name].shape), todo="give the model the number of keypoints of the data",
            )  # fmt: skip
        if not np.isfinite(arrays[name]).all():
            raise BadInputError(
                f"predicted `{name}` that are not finite", where=where, expected="numbers", found="NaN or infinity",
                todo="the training has diverged, or the checkpoint is damaged: take an earlier one, or train with a "
                "lower learning rate",
            )  # fmt: skip
    labels = arrays["labels"]
    nameless = labels[(labels < 0) | (labels >= classes) | (labels % 1 != 0)]
    if len(nameless):
        raise BadInputError(
            "predicted label without a name", where=where, expected=f"0 to {classes - 1}", found=f"{nameless[0]:g}",
            todo="give the model the number of classes of the data",
        )  # fmt: skip
    return {
        "classes": labels.astype(np.int64),
        "boxes": arrays["bboxes"],
        "box_scores": arrays["bbox_scores"],
        "points": arrays["keypoints"],
        "point_scores": arrays["keypoint_scores"],
    }


def _truths(annotations: Any, classes: list[str], k: int, where: str) -> dict[str, np.ndarray]:
    """Check the truths and return them by ``Scene``'s names."""
    if isinstance(annotations, Mapping):
        raise BadInputError(
            "a sample of one instance, not of a whole image", where=where, expected="a list of annotations",
            found="one annotation", todo='give the test dataset data_mode="bottomup"',
        )  # fmt: skip
    boxes = _table(annotations, "bbox", 4, where)
    areas = _table(annotations, "area", 1, where)[:, 0]
    points = _table(annotations, "keypoints", 3 * k, where).reshape(len(annotations), k, 3)
    points[points[:, :, 2] <= 0] = 0.0
    return {
        "true_classes": np.array([_class_of(a, classes, where) for a in annotations], np.int64),
        "true_boxes": boxes,
        "areas": areas,
        "crowd": np.array([bool(a.get("iscrowd", 0)) for a in annotations], bool),
        "truth": points[:, :, :2],
        "visibility": points[:, :, 2].astype(np.int64),
    }


def _table(annotations: Sequence[Mapping[str, Any]], name: str, size: int, where: str) -> np.ndarray:
    """Return (G, size) finite numbers: all annotations at once, or, to name a faulty one, one by one."""
    try:
        values = np.array([annotation[name] for annotation in annotations], float)
        if values.size == len(annotations) * size and np.isfinite(values).all():
            return values.reshape(len(annotations), size)
    except (KeyError, TypeError, ValueError):
        pass
    return np.array([_numbers(annotation, name, size, where) for annotation in annotations])


def _numbers(annotation: Mapping[str, Any], name: str, size: int, where: str) -> np.ndarray:
    """Return (size,) finite numbers of an annotation."""
    which = f"annotation {annotation.get('id', 'without id')}"
    if annotation.get(name) is None:
        raise BadInputError(
            f"{which} has no `{name}`", where=where, expected=f"`{name}` in every annotation",
            found=", ".join(annotation), todo="write it into the annotation file",
        )  # fmt: skip
    values = np.asarray(annotation[name], float).reshape(-1)
    if len(values) != size:
        raise BadInputError(
            f"{which} has `{name}` of another length", where=where, expected=f"{size} numbers",
            found=str(len(values)), todo="evaluate with the keypoints that the dataset has",
        )  # fmt: skip
    if not np.isfinite(values).all():
        raise BadInputError(
            f"{which} has `{name}` that is not finite", where=where, expected="numbers", found="NaN or infinity",
            todo="fix the annotation file; `kpplugins dataset check` lists all such faults",
        )  # fmt: skip
    return values


def _class_of(annotation: Mapping[str, Any], classes: list[str], where: str) -> int:
    """Return the 0-based class of an annotation."""
    name = annotation.get("category")
    if name is not None and str(name) in classes:
        return classes.index(str(name))
    number = int(annotation.get("category_id", 0))
    if name is None and 1 <= number <= len(classes):
        return number - 1
    raise BadInputError(
        f"annotation {annotation.get('id', 'without id')} is of a class without a name", where=where,
        expected=f"one of {', '.join(classes)}",
        found=f"category_id {number}" if name is None else repr(str(name)),
        todo="name it in the file's categories",
    )  # fmt: skip


def _array(value: Any) -> np.ndarray:
    """Return an array, or a tensor on any device, as float64."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().double().numpy()
    return np.asarray(value, np.float64)
