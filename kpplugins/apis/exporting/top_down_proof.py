"""What is compared of a top-down model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import Tensor

from kpplugins.apis.exporting.samples import Sample
from kpplugins.deploy.graphs.top_down_graph import TopDownGraph
from kpplugins.inference.trained.trained_model import TrainedModel, with_flip_test
from kpplugins.inference.trained.trained_top_down import TrainedTopDown

ROUNDING = 1e-5
"""How much summing float32 in another order changes the outputs of a deep network, as a fraction of their range."""
MOVED = 1e-3
"""How far a box is moved, in pixels: lines of its crop are then rounded to other positions."""
DRAWS = 8
"""How often this is done, to see which keypoints it moves."""


class TopDownProof:
    """Compares an exported top-down model with the trained one, in the same boxes.

    Args:
        trained: the trained model.
        graph: its graph.
        flip_test: both average with the mirrored crop.
    """

    of = "keypoints"

    def __init__(self, trained: TrainedModel, graph: TopDownGraph, flip_test: bool) -> None:
        with_flip_test(trained, flip_test)
        self.model, self.graph = TrainedTopDown(trained), graph

    def inputs(self, sample: Sample) -> dict[str, np.ndarray]:
        """Return what the exported model gets.

        Args:
            sample: image and box.

        Returns:
            ``image`` and ``boxes`` (1, 4).
        """
        return {"image": sample.image, "boxes": np.asarray(sample.box, np.float32)[None]}

    def expected(self, sample: Sample) -> dict[str, np.ndarray]:
        """Predict with the trained model.

        Args:
            sample: image and box.

        Returns:
            ``keypoints`` (1, K, 2) and ``scores`` (1, K).
        """
        (found,) = self.model.run([self.model.prepare(sample.image, sample.box)])
        return {"keypoints": found.keypoints, "scores": found.scores}

    def distances(
        self, expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Measure how far the exported model's keypoints are from the trained one's.

        Args:
            expected: the trained model's outputs.
            actual: the exported one's.

        Returns:
            Distances (M,) in pixels of the image, and differences of the scores (M,).
        """
        away = np.linalg.norm(expected["keypoints"] - actual["keypoints"], axis=-1)
        return away.ravel(), np.abs(expected["scores"] - actual["scores"]).ravel()

    @torch.inference_mode()
    def steady(self, sample: Sample, actual: Mapping[str, np.ndarray], tolerance: float) -> np.ndarray:
        """Tell which keypoints stay within a tolerance when the box moves by a thousandth of a pixel.

        ``ROUNDING`` noise is added to the network's outputs, too. Keypoints from a map with two equal peaks, or refined
        on an almost flat map, do not: rounding alone moves them. An untrained network gives such maps, and so does a
        trained one on noise.

        Args:
            sample: image and box.
            actual: not used.
            tolerance: in pixels of the image.

        Returns:
            (K,) boolean, in the order of ``distances``.
        """
        given = self.inputs(sample)
        image, box = torch.from_numpy(given["image"]), torch.from_numpy(given["boxes"])
        generator = torch.Generator().manual_seed(0)

        def drawn(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator) * 2 - 1

        crops, origin, scale = self.graph.crop(image, torch.cat([box, box + drawn(DRAWS, 4) * MOVED]))
        outputs = self.graph.outputs_for(crops)
        noisy = tuple(
            output + drawn(*output.shape) * (ROUNDING * (output.max() - output.min())) for output in outputs
        )
        place, places = (
            self.graph.placed(some)[0] * scale[:, None] + origin[:, None] for some in (outputs, noisy)
        )
        fine: np.ndarray = ((places - place[:1]).norm(dim=-1) <= tolerance).all(dim=0).numpy()
        return fine

    def predicted(self, truth: Any, outputs: Mapping[str, np.ndarray]) -> Any:
        """Put predictions into a data sample with labels, for the run's metric.

        Args:
            truth: the dataset's data sample.
            outputs: of either model.

        Returns:
            The data sample.
        """
        sample = truth.clone()
        sample.pred_instances = InstanceData(
            keypoints=np.asarray(outputs["keypoints"], float),
            keypoint_scores=np.asarray(outputs["scores"], float),
            keypoints_visible=np.asarray(outputs["scores"], float),
            bboxes=truth.gt_instances.bboxes,
            bbox_scores=truth.gt_instances.bbox_scores,
        )
        return sample
