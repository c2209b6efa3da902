"""The predictions for one image."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PoseResult:
    """Predicted instances of one image.

    Attributes:
        keypoints: ``(N, K, 2)`` float, (x, y) pixels of the original image.
        scores: ``(N, K)`` float, the confidence of each keypoint (a heatmap's peak is about 0 to 1).
        boxes: ``(N, 4)`` float, xyxy: the box in which each instance was searched for, or, with ``box_scores``, the
            detected one.
        names: K keypoint names.
        box_scores: ``(N,)`` float, the confidence of each detected box; ``None`` if the model detects no boxes.
        categories: the category of each of the N instances; ``None`` if unknown.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    names: tuple[str, ...]
    box_scores: np.ndarray | None = None
    categories: tuple[str, ...] | None = None

    @property
    def instance_scores(self) -> np.ndarray:
        """Return ``(N,)`` scores: ``box_scores`` if there are any, else the mean of each instance's keypoint scores."""
        return self.scores.mean(axis=1) if self.box_scores is None else self.box_scores

    def to_json(self, image: str, width: int, height: int) -> dict:
        """Return a dict for JSON.

        ``score`` is the instance's ``instance_scores``; ``category`` is present where it is known. Row k of each
        ``keypoints`` belongs to entry k of ``keypoint_names``.

        Args:
            image: name or path of the image.
            width: image width in pixels.
            height: image height in pixels.

        Returns:
            ``image``, ``width``, ``height``, ``keypoint_names``, and ``instances`` with ``bbox`` xyxy, ``score`` and
            ``keypoints`` [[x, y, score]].
        """
        instances = [
            {
                "bbox": [round(float(v), 2) for v in box],
                "score": round(float(whole), 4),
                "keypoints": [
                    [round(float(x), 2), round(float(y), 2), round(float(s), 4)]
                    for (x, y), s in zip(points, score, strict=True)
                ],
            }
            for points, score, box, whole in zip(
                self.keypoints, self.scores, self.boxes, self.instance_scores, strict=True
            )
        ]
        if self.categories is not None:
            instances = [
                {"category": category, **instance}
                for category, instance in zip(self.categories, instances, strict=True)
            ]
        return {
            "image": image,
            "width": width,
            "height": height,
            "keypoint_names": list(self.names),
            "instances": instances,
        }
