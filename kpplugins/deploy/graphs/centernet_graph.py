"""CenterNet as one graph."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kpplugins.deploy.graphs.letterbox import Letterbox
from kpplugins.deploy.graphs.whole_image import BOXES, IMAGE, instances


class CenterNetGraph(nn.Module):
    """Finds boxes and keypoints: from an image to its instances, in pixels of the image, the highest score first.

    Args:
        network: from the input's pixels (N, h, w, 3), BGR, 0 to 255, to the six maps of the last stack, in the order of
            ``head.outputs``, heatmaps before the sigmoid.
        head: a ``CenterNetPoseHead`` with its codec.
        test_cfg: of the model.
        fill: grey level of the bars beside the image.
        flip_indices: (K,) index of each keypoint's mirror partner, for the flip test; ``None`` for one pass.

    Attributes:
        inputs: ``image``.
        outputs: ``boxes``, ``box_scores``, ``labels``, ``keypoints`` and ``scores``.
        traced: ``torch.export`` takes twenty times as long.
        facts: ``input_size``.
    """

    traced = True

    def __init__(
        self,
        network: nn.Module,
        head: Any,
        test_cfg: Mapping[str, Any],
        fill: float = 0.0,
        flip_indices: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.network, self.head, self.codec = network, head, head.decoder
        self.low, self.most = head.least_score(test_cfg), test_cfg.get("max_per_img")
        self.flip_indices = None if flip_indices is None else [int(i) for i in flip_indices]
        self.letterbox = Letterbox(self.codec.input_size, fill)
        self.inputs, self.outputs = (IMAGE,), (*BOXES, *instances(head.out_channels))
        self.facts = {"input_size": list(self.letterbox.size)}

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Find the instances.

        Args:
            image: (H, W, 3) uint8 BGR.

        Returns:
            Boxes (N, 4) xyxy, their scores (N,) and labels (N,) int64, keypoints (N, K, 2) and their scores (N, K).
        """
        pixels, step, origin = self.letterbox(image)
        pixels = pixels[None]
        if self.flip_indices is not None:
            pixels = torch.cat([pixels, pixels.flip(2)])
        maps = self.head.as_probabilities(dict(zip(self.head.outputs, self.network(pixels), strict=True)))
        if self.flip_indices is not None:
            maps, mirrored = ({name: value[i : i + 1] for name, value in maps.items()} for i in (0, 1))
            maps = self.head.averaged(maps, mirrored, self.flip_indices)
        found = {name: value[0, : self.most] for name, value in self.codec.detections(maps).items()}
        kept = torch.nonzero(found["bbox_scores"] >= self.low)[:, 0]
        boxes, scores, labels, keypoints, keypoint_scores = (
            found[name].index_select(0, kept)
            for name in ("bboxes", "bbox_scores", "labels", "keypoints", "keypoint_scores")
        )
        return boxes * step + origin.repeat(2), scores, labels, keypoints * step + origin, keypoint_scores
