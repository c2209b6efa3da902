"""A detector of MMDetection, ready to find boxes in images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope, init_default_scope

from kpplugins.inference.device import device_of
from kpplugins.inference.one_stage_predictor import BOX_THR
from kpplugins.inference.trained_model import (
    BOXES,
    OpenedRun,
    TrainedModel,
    build_trained,
    kind_of,
    open_run,
    require_image,
)
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import load_strictly

SCOPE = "mmdet"
_THINNEST = 2
"""Least length in pixels of a box's shorter side; thinner boxes are dropped."""
_NO_SCHEMA = KeypointSchema("object", ("none",))


class BoxDetector:
    """A trained detector: finds the boxes in which a top-down model then predicts keypoints.

    Takes a run of ``configs/detector_rtmdet_tiny.py``, or any MMDetection config of a detector with its checkpoint.

    Args:
        config: the run's config file, or a config from ``load_config``. Default: the one in the checkpoint.
        checkpoint: its weights, with the names of the categories. Default: the best one of the config's work dir.
        device: ``cpu``, ``cuda:0``, …; default: a GPU where there is one.
        box_thr: boxes with a lower score are left out.
        categories: keep only boxes of these categories; ``None`` keeps all.
        trust_checkpoint: let the checkpoint run code while it is loaded.

    Raises:
        BadInputError: the checkpoint or config is of another kind of model, the config cannot be read, or the detector
            does not know a category.
    """

    def __init__(
        self,
        config: str | Path | Config | None = None,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        box_thr: float = BOX_THR,
        categories: Sequence[str] | None = None,
        trust_checkpoint: bool = False,
    ) -> None:
        run = open_run(config, checkpoint, trust_checkpoint)
        where = str(config or run.checkpoint)
        plain = run.config if isinstance(run.config, Config) else _plain(run.config)
        if plain is not None and plain.get("default_scope") == SCOPE:
            self.trained = _build_plain(plain, run, device_of(device))
        else:
            self.trained = build_trained(run, device)
        if kind_of(self.trained.config) != BOXES:
            raise BadInputError(
                "not a detector of boxes",
                where=where,
                expected="a config of MMDetection, as configs/detector_rtmdet_tiny.py is",
            )
        self.classes: tuple[str, ...] = self.trained.classes
        unknown = [name for name in categories or () if name not in self.classes]
        if unknown:
            raise BadInputError(
                "the detector does not know this category", where=where, found=unknown[0],
                expected=f"some of {', '.join(self.classes)}",
            )  # fmt: skip
        self.box_thr = box_thr
        self.categories = None if categories is None else tuple(categories)

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find the boxes in an image.

        Args:
            image: (H, W, 3) BGR uint8.

        Returns:
            Boxes (N, 4) xyxy in pixels, clipped to the image; their scores (N,); and their labels (N,), indices
            into ``classes``. The highest score comes first.

        Raises:
            BadInputError: the array is not an image.
        """
        require_image(image)
        (output,) = self.trained([{"img": image, "img_path": "", "img_id": 0}])
        found = output.pred_instances
        boxes, scores, labels = (_array(found[name]) for name in ("bboxes", "scores", "labels"))
        height, width = image.shape[:2]
        boxes = np.clip(boxes.astype(np.float64), 0, [width - 1, height - 1, width - 1, height - 1])
        kept = (scores >= self.box_thr) & (
            (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) >= _THINNEST
        )
        if self.categories is not None:
            kept &= np.isin(labels, [self.classes.index(name) for name in self.categories])
        order = np.flatnonzero(kept)[np.argsort(-scores[kept], kind="stable")]
        return boxes[order], scores[order].astype(np.float64), labels[order].astype(np.int64)


def _array(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def _plain(path: Path) -> Config | None:
    """Read a config as it is written; ``None`` where it cannot be read."""
    try:
        return Config.fromfile(str(path))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, ImportError, NameError, SyntaxError):
        return None  # ``load_config`` reports what is wrong


def _build_plain(cfg: Config, run: OpenedRun, device: str) -> TrainedModel:
    """Build the model of MMDetection's own config, in which ``load_config`` has nothing to settle."""
    from mmdet.registry import MODELS

    init_default_scope(SCOPE)
    with DefaultScope.overwrite_default_scope(SCOPE):
        network = MODELS.build(cfg.model)
        load_strictly(network, run.checkpoint, run.content)
        steps = [s for s in cfg.test_dataloader.dataset.pipeline if s.type != "LoadAnnotations"]
        steps[0] = dict(type="mmdet.LoadImageFromNDArray")
        pipeline = Compose(steps)
    return TrainedModel(
        config=cfg,
        network=network.to(device).eval(),
        pipeline=pipeline,
        schema=_NO_SCHEMA,
        classes=run.record.classes or _classes_of(cfg),
        device=device,
        name=run.checkpoint.stem,
    )


def _classes_of(cfg: Config) -> tuple[str, ...]:
    """Return the categories of the dataset that the config names."""
    from mmdet.registry import DATASETS

    dataset = cfg.test_dataloader.dataset
    names = (dataset.get("metainfo") or {}).get("classes")
    names = names or getattr(DATASETS.get(dataset.type), "METAINFO", {}).get("classes")
    if not names:
        raise BadInputError(
            "the names of the detector's categories are not known", where="test_dataloader.dataset.metainfo",
            expected='dict(classes=("cup", "plate"))',
        )  # fmt: skip
    return (names,) if isinstance(names, str) else tuple(names)
