"""One model, ready for pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from kpplugins.apis.checkpoints import load_strictly
from kpplugins.apis.config import load_config, schema_of
from kpplugins.compat.checkpoints import trust_checkpoints
from kpplugins.structures import BadInputError, KeypointSchema, PoseResult
from kpplugins.structures.geometry import box_from_points, clip_box

REFINE_MARGIN = 0.1
"""Growth of the box around found points, on each side, when a box was not given and is looked for."""


class Predictor:
    """A trained top-down model that finds keypoints in pictures.

    Without boxes the whole picture is the first box; the points found in it give a second, tighter one, and the
    points found in that are the result (``refine`` times). One instance a picture, therefore; give boxes for more.

    Args:
        config: the config of the run; the one kept in its work dir needs no data.
        checkpoint: its weights.
        device: ``cpu``, ``cuda:0``, …; default: a GPU where there is one.
        refine: times that the box is taken anew from the points, where none was given.
        trust_checkpoint: let the checkpoint run code while it is loaded.

    Raises:
        BadInputError: a checkpoint of another model, or a config that cannot be read.
    """

    def __init__(
        self,
        config: str | Path,
        checkpoint: str | Path,
        device: str | None = None,
        refine: int = 1,
        trust_checkpoint: bool = False,
    ) -> None:
        cfg = load_config(config)
        init_default_scope(cfg.get("default_scope", "mmpose"))
        self.schema: KeypointSchema = schema_of(cfg)
        self.refine = refine
        self.device = device or ("cuda:0" if torch.cuda.is_available() else "cpu")
        self.model: Any = MODELS.build(cfg.model)
        with trust_checkpoints(trust_checkpoint):
            load_strictly(self.model, Path(checkpoint))
        self.model.to(self.device).eval()
        self.pipeline = Compose(cfg.test_dataloader.dataset.pipeline)

    def __call__(self, picture: np.ndarray, boxes: np.ndarray | None = None) -> PoseResult:
        """Find keypoints.

        Args:
            picture: (H, W, 3) BGR uint8.
            boxes: (N, 4) xyxy pixels; ``None`` looks for one instance in the whole picture.

        Returns:
            N instances, in the picture's pixels.

        Raises:
            BadInputError: a picture or boxes of another shape, or a box without an area.
        """
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise BadInputError(
                "not a picture", expected="(H, W, 3) uint8", found=f"{picture.shape} {picture.dtype}"
            )
        if boxes is not None:
            return self._at(picture, _checked(boxes))
        height, width = picture.shape[:2]
        result = self._at(picture, np.array([[0.0, 0.0, width - 1.0, height - 1.0]]))
        for _ in range(self.refine):
            everything = np.ones(len(self.schema.keypoints), bool)
            box = clip_box(box_from_points(result.keypoints[0], everything, REFINE_MARGIN), width, height)
            if min(box[2:] - box[:2]) < 2:
                break
            result = self._at(picture, box[None])
        return result

    @torch.inference_mode()
    def _at(self, picture: np.ndarray, boxes: np.ndarray) -> PoseResult:
        k = self.schema.num_keypoints
        flips = self.schema.flip_indices
        samples = [
            self.pipeline(
                {
                    "img": picture,
                    "img_path": "",
                    "bbox": box[None].astype(np.float32),
                    "bbox_score": np.ones(1, np.float32),
                    "flip_indices": flips,
                    "flip_pairs": [],
                }
            )
            for box in boxes
        ]
        if not samples:
            return PoseResult(np.zeros((0, k, 2)), np.zeros((0, k)), boxes, self.schema.keypoints)
        outputs = self.model.test_step(pseudo_collate(samples))
        return PoseResult(
            keypoints=np.concatenate([o.pred_instances.keypoints for o in outputs]).astype(np.float64),
            scores=np.concatenate([o.pred_instances.keypoint_scores for o in outputs]).astype(np.float64),
            boxes=boxes,
            names=self.schema.keypoints,
        )


def _checked(boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, float).reshape(-1, 4) if np.size(boxes) % 4 == 0 else np.asarray(boxes, float)
    if boxes.ndim != 2 or not np.isfinite(boxes).all() or (boxes[:, 2:] <= boxes[:, :2]).any():
        raise BadInputError(
            "boxes must be (N, 4) xyxy with x2 > x1 and y2 > y1", where="boxes", found=str(boxes.tolist())
        )
    return boxes
