"""What is compared of a model that looks at whole images."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import Tensor

from kpplugins.apis.exporting.samples import Sample
from kpplugins.inference.trained.trained_model import TrainedModel, kind_of, with_flip_test
from kpplugins.structures.model_kind import BOXES

ROUNDING = 1e-5
"""How much summing float32 in another order changes the outputs of a deep network, as a fraction of the greatest."""
DRAWS = 8
"""How often such noise is added to the outputs, to see which instances it moves."""
FAR = 1e5
"""Distance in pixels of an instance whose category the other model does not find in the image."""
_OF_BOXES = {"boxes": "bboxes", "box_scores": "scores", "labels": "labels"}
_OF_INSTANCES = {
    "boxes": "bboxes", "box_scores": "bbox_scores", "labels": "labels", "keypoints": "keypoints",
    "scores": "keypoint_scores",
}  # fmt: skip
_Found = Mapping[str, np.ndarray]


class WholeImageProof:
    """Compares the instances that an exported one-stage model or detector finds with the trained one's.

    Each instance is compared with the nearest one of its category that the other model finds, by the two corners of its
    box and by its keypoints: first those of the trained model, then those of the exported one, so that neither may find
    more than the other.

    Args:
        trained: the trained model.
        graph: its graph.
        flip_test: both average with the mirrored image.
    """

    def __init__(self, trained: TrainedModel, graph: Any, flip_test: bool) -> None:
        self.trained, self.graph = trained, graph
        self.names = _OF_BOXES if kind_of(trained.config) == BOXES else _OF_INSTANCES
        self.of = "corners of boxes" if self.names is _OF_BOXES else "keypoints and corners of boxes"
        if self.names is _OF_INSTANCES:
            with_flip_test(trained, flip_test)

    def inputs(self, sample: Sample) -> dict[str, np.ndarray]:
        """Return what the exported model gets.

        Args:
            sample: the image.

        Returns:
            ``image``.
        """
        return {"image": sample.image}

    def expected(self, sample: Sample) -> dict[str, np.ndarray]:
        """Predict with the trained model.

        Args:
            sample: the image.

        Returns:
            What the exported model gives.
        """
        given = {"img": sample.image, "img_path": "", "img_id": 0, "id": 0}
        given["flip_indices"] = self.trained.schema.flip_indices
        (output,) = self.trained.predict([self.trained.pipeline(given)])
        found = output.pred_instances
        return {ours: np.asarray(found[theirs]) for ours, theirs in self.names.items()}

    def distances(self, expected: _Found, actual: _Found) -> tuple[np.ndarray, np.ndarray]:
        """Measure how far the exported model's instances are from the trained one's.

        Args:
            expected: the trained model's outputs.
            actual: the exported one's.

        Returns:
            Distances in pixels of the image, of P points of each instance of the one and then of the other; and
            differences of the scores of the boxes.
        """
        there, back = _nearest(expected, actual), _nearest(actual, expected)
        return np.concatenate([there[0].ravel(), back[0].ravel()]), np.concatenate([there[1], back[1]])

    def steady(self, sample: Sample, actual: _Found, tolerance: float) -> np.ndarray:
        """Tell which points stay within a tolerance when ``ROUNDING`` noise is added to the network's outputs.

        Args:
            sample: the image.
            actual: the exported model's outputs.
            tolerance: in pixels of the image.

        Returns:
            Boolean, in the order of ``distances``. A point of the exported model is not steady if that of the nearest
            instance is not, or if the noise alone makes it appear.
        """
        expected = self.expected(sample)
        index = _nearest(actual, expected)[2]
        stays = np.ones_like(_points(expected)[..., 0], bool)
        appears = np.zeros_like(_points(actual)[..., 0], bool)
        for found in self._noisy(sample):
            stays &= _nearest(expected, found)[0] <= tolerance
            appears |= _nearest(actual, found)[0] <= tolerance
        # the last row is for instances that have no counterpart
        counterparts = np.concatenate([stays, np.ones_like(stays[:1] if len(stays) else appears[:1])])[index]
        return np.concatenate([stays.ravel(), (counterparts & ~appears).ravel()])

    def predicted(self, truth: Any, outputs: _Found) -> Any:
        """Put predictions into a data sample with labels, for the run's metric.

        Args:
            truth: the dataset's data sample.
            outputs: of either model.

        Returns:
            The data sample.
        """
        sample = truth.clone()
        sample.pred_instances = InstanceData(**{self.names[name]: outputs[name] for name in self.names})
        return sample

    @torch.inference_mode()
    def _noisy(self, sample: Sample) -> list[dict[str, np.ndarray]]:
        """Predict ``DRAWS`` times with noise on the network's outputs, or the features of one that decodes itself."""
        generator = torch.Generator().manual_seed(0)

        def noisy(value: Any) -> Any:
            if isinstance(value, Tensor):
                noise = torch.rand(value.shape, generator=generator) * 2 - 1
                return value + noise * (ROUNDING * value.abs().max())
            if isinstance(value, Mapping):
                return {name: noisy(part) for name, part in value.items()}
            return tuple(noisy(part) for part in value)

        part = getattr(self.graph.network, "backbone", self.graph.network)
        hook = part.register_forward_hook(lambda module, inputs, output: noisy(output))
        try:
            names, image = [port.name for port in self.graph.outputs], torch.from_numpy(sample.image)
            runs = [self.graph(image) for _ in range(DRAWS)]
        finally:
            hook.remove()
        return [{name: value.numpy() for name, value in zip(names, run, strict=True)} for run in runs]


def _points(found: _Found) -> np.ndarray:
    """Return the corners of the boxes, and the keypoints, (N, P, 2)."""
    corners = np.asarray(found["boxes"], float).reshape(-1, 2, 2)
    if "keypoints" not in found:
        return corners
    return np.concatenate([corners, np.asarray(found["keypoints"], float)], axis=1)


def _nearest(of: _Found, among: _Found) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the nearest instance of the same category.

    Args:
        of: N instances.
        among: M instances.

    Returns:
        Distances (N, P) of the points, differences of the scores (N,), and indices (N,), -1 where there is none.
    """
    points, others = _points(of), _points(among)
    away = np.full(points.shape[:2], FAR)
    index = np.full(len(points), -1)
    scores = np.asarray(of["box_scores"], float).copy()
    for i, (here, label) in enumerate(zip(points, of["labels"], strict=True)):
        same = np.flatnonzero(among["labels"] == label)
        if len(same):
            apart = np.linalg.norm(others[same] - here, axis=-1)
            best = int(apart.mean(axis=1).argmin())
            index[i], away[i] = same[best], apart[best]
            scores[i] -= among["box_scores"][same[best]]
    return away, np.abs(scores), index
