"""RTMDet as one graph."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops import nms

from kpplugins.deploy.graphs.bilinear import resampled, sides, taps
from kpplugins.deploy.graphs.whole_image import BOXES, IMAGE


class RtmdetGraph(nn.Module):
    """Finds boxes: from an image to the boxes in it, in pixels of the image, the highest score first.

    Args:
        network: from the input's pixels (1, h, w, 3), BGR, 0 to 255, to the scores (1, C, H, W) of each level and then
            the distances (1, 4, H, W) of each level.
        head: an ``RTMDetHead``.
        test_cfg: of the head: ``score_thr``, ``nms_pre``, ``min_bbox_size``, ``nms`` and ``max_per_img``.
        scale: longest side of the image that is resized to fit in, with its proportions kept.
        size: (w, h) of the input, to which it is padded at the right and the bottom.
        fill: grey level of the padding.

    Attributes:
        inputs: ``image``.
        outputs: ``boxes``, ``box_scores`` and ``labels``.
        traced: ``torch.export`` takes twenty times as long.
        facts: ``input_size``.
    """

    traced = True

    def __init__(
        self,
        network: nn.Module,
        head: Any,
        test_cfg: Mapping[str, Any],
        scale: int,
        size: tuple[int, int],
        fill: float,
    ) -> None:
        super().__init__()
        self.network, self.head, self.test_cfg = network, head, dict(test_cfg)
        self.scale, self.size, self.fill = scale, size, fill
        self.inputs, self.outputs, self.facts = (IMAGE,), BOXES, {"input_size": list(size)}

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Find the boxes.

        Args:
            image: (H, W, 3) uint8 BGR.

        Returns:
            Boxes (N, 4) xyxy, their scores (N,) and labels (N,) int64.
        """
        pixels, steps = self.resize(image)
        outputs = self.network(pixels[None])
        levels = len(outputs) // 2
        boxes, scores, labels = self.candidates(outputs[:levels], outputs[levels:])
        boxes = boxes * steps.repeat(2)
        least = self.test_cfg.get("min_bbox_size", -1)
        if least >= 0:
            large = torch.nonzero(((boxes[:, 2:] - boxes[:, :2]) > least).all(dim=1))[:, 0]
            boxes, scores, labels = (value.index_select(0, large) for value in (boxes, scores, labels))
        how, apart = self.test_cfg["nms"], boxes
        if not how.get("class_agnostic", False):  # boxes of different categories never overlap
            beyond = torch.maximum(self.size[0] * steps[0], self.size[1] * steps[1]) + 1
            apart = boxes + (labels * beyond)[:, None]
        kept = nms(apart, scores, how["iou_threshold"])[: self.test_cfg["max_per_img"]]
        return boxes.index_select(0, kept), scores.index_select(0, kept), labels.index_select(0, kept)

    def resize(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Fit an image into the input.

        Args:
            image: (H, W, 3) uint8.

        Returns:
            The input (h, w, 3) float32, and image pixels per pixel of it along x and y (2,).
        """
        lengths = sides(image)
        zoom = self.scale / torch.maximum(lengths[0], lengths[1]).double()
        shown = [(length.double() * zoom + 0.5).long().clamp(min=1) for length in lengths]
        axes, inside = [], []
        for n, length, there in zip(self.size, lengths, shown, strict=True):
            places = torch.arange(n)[None]
            positions = ((places.double() + 0.5) / (there.double() / length) - 0.5).float()
            axes.append(taps(positions, 0, length, True))
            inside.append((places[0] < there).float())
        pixels = resampled(image, axes[0], axes[1])[0]
        within = inside[1][:, None, None] * inside[0][:, None].expand(-1, 3)
        steps = [length.double() / there for length, there in zip(lengths, shown, strict=True)]
        return pixels * within + self.fill * (1 - within), torch.stack(steps).float()

    def candidates(
        self, all_scores: Sequence[Tensor], distances: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the boxes of all levels that are sure enough, before suppression.

        Args:
            all_scores: (1, C, H, W) of each level, before the sigmoid.
            distances: (1, 4, H, W) of each level, in pixels of the input.

        Returns:
            Boxes (P, 4) in pixels of the input, scores (P,) and labels (P,).
        """
        sizes = [(value.shape[-2], value.shape[-1]) for value in all_scores]
        priors = self.head.prior_generator.grid_priors(sizes, device=distances[0].device)
        limit, most = self.test_cfg.get("score_thr", 0.0), self.test_cfg.get("nms_pre", -1)
        boxes, scores, labels = [], [], []
        for of_level, distance, prior in zip(all_scores, distances, priors, strict=True):
            flat, classes = of_level[0].permute(1, 2, 0).sigmoid().flatten(), of_level.shape[1]
            if 0 < most < flat.numel():
                value, best = flat.topk(most)
                place = best.index_select(0, torch.nonzero(value > limit)[:, 0])
            else:
                place = torch.nonzero(flat > limit)[:, 0]
            at = prior.index_select(0, place // classes)
            away = distance[0].flatten(1).T.index_select(0, place // classes)
            corners = torch.cat([at - away[:, :2], at + away[:, 2:]], dim=1)
            boxes.append(torch.stack([corners[:, i].clamp(0, self.size[i % 2]) for i in range(4)], dim=1))
            scores.append(flat.index_select(0, place))
            labels.append(place % classes)
        return torch.cat(boxes), torch.cat(scores), torch.cat(labels)
