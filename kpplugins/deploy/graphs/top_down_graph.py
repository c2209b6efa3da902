"""A top-down model as one graph."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kpplugins.deploy.graphs.affine_crop import AffineCrop
from kpplugins.deploy.graphs.canvas_crop import CanvasCrop
from kpplugins.deploy.graphs.decoding import places_and_scores
from kpplugins.deploy.graphs.pixel_network import PixelNetwork
from kpplugins.deploy.graphs.port import Port

IMAGE = Port("image", ("H", "W", 3), "uint8", "an image as OpenCV reads it: BGR, 0 to 255")
BOXES = Port(
    "boxes", ("N", 4), "float32", "x1, y1, x2, y2 in pixels of the image, whose first one is centred at 0"
)


class TopDownGraph(nn.Module):
    """Finds keypoints in boxes: from an image and boxes to keypoints in the image.

    Args:
        network: from the pixels of crops to the head's outputs.
        facts: ``input_size``, ``crop``, ``decode`` and ``flip_test`` of the model, from ``top_down_facts``.
        num_keypoints: K.

    Attributes:
        inputs: ``image`` and ``boxes``.
        outputs: ``keypoints`` and ``scores``.
    """

    added: Tensor
    divisor: Tensor
    subtracted: Tensor

    def __init__(self, network: PixelNetwork, facts: Mapping[str, Any], num_keypoints: int) -> None:
        super().__init__()
        self.network, self.facts = network, facts
        size, crop = tuple(facts["input_size"]), facts["crop"]
        span = tuple(crop["span"])
        self.crop: nn.Module = (
            AffineCrop(size, crop["padding"], span)
            if crop["kind"] == "affine"
            else CanvasCrop(size, tuple(crop["canvas_size"]), crop["keep_aspect"], span)
        )
        numbers = (facts["decode"][name] for name in ("add", "divide", "subtract"))  # each for x and y
        for name, pair in zip(
            ("added", "divisor", "subtracted"), numbers, strict=True
        ):  # `add` is a node's name
            self.register_buffer(name, torch.tensor(pair, dtype=torch.float32), persistent=False)
        self.inputs = (IMAGE, BOXES)
        self.outputs = (
            Port("keypoints", ("N", num_keypoints, 2), "float32", "x, y in pixels of the image"),
            Port("scores", ("N", num_keypoints), "float32", "how sure each keypoint is"),
        )

    def forward(self, image: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Find keypoints.

        Args:
            image: (H, W, 3) uint8 BGR.
            boxes: (N, 4) float32 xyxy in pixels.

        Returns:
            Keypoints (N, K, 2) in pixels of the image, and scores (N, K).
        """
        crops, origin, scale = self.crop(image, boxes)
        fractions, scores = self.read(crops)
        return fractions * scale[:, None] + origin[:, None], scores

    def read(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Find keypoints in crops.

        Args:
            crops: (N, h, w, 3) float32, BGR, 0 to 255.

        Returns:
            Places (N, K, 2) as fractions of the crop's span, and scores (N, K).
        """
        return self.placed(self.outputs_for(crops))

    def outputs_for(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Run the network, on the mirrored crops too if there is a flip test.

        Args:
            crops: (N, h, w, 3) float32, BGR, 0 to 255.

        Returns:
            The head's outputs, each (N, …).
        """
        if self.facts["flip_test"] is None:
            return tuple(self.network(crops))
        outputs = self.network(torch.cat([crops, crops.flip(2)]))
        return tuple(self._merged(output, i, crops.shape[0]) for i, output in enumerate(outputs))

    def placed(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Read places from the head's outputs.

        Args:
            outputs: each (N, …).

        Returns:
            See ``read``.
        """
        places, scores = places_and_scores(outputs, self.facts["decode"])
        return (places + self.added) / self.divisor - self.subtracted, scores

    def _merged(self, output: Tensor, which: int, n: int) -> Tensor:
        """Return the mean of an output (2N, …) of the crops and of their mirror images."""
        straight, turned = output[:n], output[n:]
        flip = self.facts["flip_test"]
        turned = turned[:, flip["indices"]]
        if self.facts["decode"]["method"] == "coordinates":
            turned = torch.cat([flip["one"] - turned[..., :1], turned[..., 1:]], dim=-1)
        elif output.ndim == 4 or which == 0:  # maps, or simcc_x
            turned = turned.flip(-1)
            if flip["shift_cells"]:
                turned = torch.cat([turned[..., :1], turned[..., :-1]], dim=-1)
        return (straight + turned) * 0.5
