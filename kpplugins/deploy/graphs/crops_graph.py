"""A top-down model without its crop, for formats whose sizes are fixed."""

from typing import Any

import torch
from torch import Tensor, nn

from kpplugins.deploy.graphs.port import Port
from kpplugins.deploy.graphs.top_down_graph import TopDownGraph


class CropsGraph(nn.Module):
    """Finds keypoints in one crop, which the program has to cut out of the image.

    Args:
        graph: the whole model.

    Attributes:
        inputs: ``crop``.
        outputs: ``places`` and ``scores``.
        words: what the program must do.
    """

    def __init__(self, graph: TopDownGraph) -> None:
        super().__init__()
        self.whole, self.facts = graph, graph.facts
        (w, h), span = graph.facts["input_size"], graph.facts["crop"]["span"]
        self.inputs = (Port("crop", (1, h, w, 3), "uint8", "the part of the image in a box: BGR, 0 to 255"),)
        scores = graph.outputs[1]
        self.outputs = (
            Port(
                "places",
                (1, scores.shape[1], 2),
                "float32",
                f"x, y; 1 is {span[0]} and {span[1]} pixels of the crop",
            ),
            Port("scores", (1, scores.shape[1]), "float32", scores.meaning),
        )
        self.words = {"crop": crop_words(graph.facts["crop"], w, h)}

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        """Find keypoints.

        Args:
            crop: (1, h, w, 3) BGR.

        Returns:
            Places (1, K, 2) as fractions of the span, and scores (1, K).
        """
        found: tuple[Tensor, Tensor] = self.whole.read(crop.to(torch.float32))
        return found


def crop_words(crop: dict[str, Any], w: int, h: int) -> str:
    """Say in words how a box becomes a crop, and places become pixels of the image.

    Args:
        crop: from ``top_down_facts``.
        w: of the crop.
        h: of the crop.

    Returns:
        Sentences.
    """
    sx, sy = crop["span"]
    back = "A place is at place · scale + origin in pixels of the image, whose first pixel is centred at 0."
    if crop["kind"] == "affine":
        return (
            f"From the box x1, y1, x2, y2 in pixels: centre = ((x1 + x2) / 2, (y1 + y2) / 2), scale = (x2 - x1, "
            f"y2 - y1) · {crop['padding']:g}; then the smaller side of scale grows until it is {w}:{h}; origin = "
            f"centre - scale / 2. cv2.warpAffine (bilinear, black outside) with x' = (x - origin) · ({sx}, {sy}) / "
            f"scale gives the crop of {w}×{h}. {back}"
        )
    across, down = crop["canvas_size"]
    bars = (
        "keeping its proportions, with black bars on both sides"
        if crop["keep_aspect"]
        else "stretching each axis"
    )
    return (
        f"cv2.resize the image to a canvas of {across}×{down}, {bars}. "
        "The corners of the box x1, y1, x2, y2 go to whole canvas pixels: floor((x + 0.5) · canvas / image + bar + "
        f"0.001), the second corner plus 1, within the canvas. That part, cv2.resize'd to {w}×{h}, is the crop. With "
        f"zoom = crop pixels per image pixel: scale = ({sx}, {sy}) / zoom, origin = (the part's first corner - bar) · "
        f"image / canvas + 0.5 / zoom - 0.5. {back}"
    )
