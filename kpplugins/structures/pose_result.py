"""What was predicted in one picture."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PoseResult:
    """Predicted instances of one picture.

    Attributes:
        keypoints: ``(N, K, 2)`` float, (x, y) pixels of the original picture.
        scores: ``(N, K)`` float, the confidence of each keypoint (a heatmap's peak is about 0 to 1).
        boxes: ``(N, 4)`` float, xyxy, the box that each instance was looked for in.
        names: K keypoint names.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    names: tuple[str, ...]

    def to_json(self, image: str, width: int, height: int) -> dict:
        """A plain dict: ``keypoint_names`` and per instance ``bbox`` xyxy, ``score`` and ``keypoints`` [[x, y, score]].

        The k-th row of every ``keypoints`` belongs to the k-th of ``keypoint_names``.
        """
        instances = [
            {
                "bbox": [round(float(v), 2) for v in box],
                "score": round(float(score.mean()), 4),
                "keypoints": [
                    [round(float(x), 2), round(float(y), 2), round(float(s), 4)]
                    for (x, y), s in zip(points, score, strict=True)
                ],
            }
            for points, score, box in zip(self.keypoints, self.scores, self.boxes, strict=True)
        ]
        return {
            "image": image,
            "width": width,
            "height": height,
            "keypoint_names": list(self.names),
            "instances": instances,
        }
