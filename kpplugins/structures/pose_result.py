"""What was predicted in one image."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PoseResult:
    """Predicted instances of one image.

    Attributes:
        keypoints: ``(N, K, 2)`` float, (x, y) pixels of the original image.
        scores: ``(N, K)`` float, the confidence of each keypoint (a heatmap's peak is about 0 to 1).
        boxes: ``(N, 4)`` float, xyxy: the box that each instance was looked for in, or, with ``box_scores``, the one
            that was found.
        names: K keypoint names.
        box_scores: ``(N,)`` float, the confidence of each found box; ``None`` where boxes were given or searched.
        categories: what each of the N instances is; ``None`` where nobody has said.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    names: tuple[str, ...]
    box_scores: np.ndarray | None = None
    categories: tuple[str, ...] | None = None

    @property
    def instance_scores(self) -> np.ndarray:
        """``(N,)``: of the boxes where they were found, else the means of the keypoints' scores."""
        return self.scores.mean(axis=1) if self.box_scores is None else self.box_scores

    def to_json(self, image: str, width: int, height: int) -> dict:
        """A plain dict: ``keypoint_names`` and per instance ``bbox`` xyxy, ``score`` and ``keypoints`` [[x, y, score]].

        ``score`` is ``instance_scores``; ``category`` stands before it where it is known. The k-th row of every
        ``keypoints`` belongs to the k-th of ``keypoint_names``.
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
