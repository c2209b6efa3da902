"""A detector in PyTorch: a run of this project, or MMDetection's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope, init_default_scope

from kpplugins.data.pixel_rule import PixelRule
from kpplugins.inference.trained.device import device_of
from kpplugins.inference.trained.trained_model import (
    OpenedRun,
    TrainedModel,
    build_trained,
    kind_of,
    open_run,
)
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.model_kind import BOXES
from kpplugins.weights.checkpoints import load_strictly

SCOPE = "mmdet"
_NO_SCHEMA = KeypointSchema("object", ("none",))


class TrainedDetector:
    """A trained detector as a ``BoxModel``: a run of ``configs/detector_rtmdet_tiny.py``, or any MMDetection config.

    Args:
        config: the run's config file, or a config from ``load_config``. Default: the one in the checkpoint.
        checkpoint: its weights, with the names of the categories. Default: the best one of the config's work dir.
        device: ``cpu``, ``cuda:0``, …; default: a GPU where there is one.
        trust_checkpoint: let the checkpoint run code while it is loaded.

    Raises:
        BadInputError: the checkpoint or config is of another kind of model, or the config cannot be read.
    """

    kind = BOXES

    def __init__(
        self,
        config: str | Path | Config | None = None,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        trust_checkpoint: bool = False,
    ) -> None:
        run = open_run(config, checkpoint, trust_checkpoint)
        plain = run.config if isinstance(run.config, Config) else _plain(run.config)
        if plain is not None and plain.get("default_scope") == SCOPE:
            self.trained = _build_plain(plain, run, device_of(device))
        else:
            self.trained = build_trained(run, device)
        if kind_of(self.trained.config) != BOXES:
            raise BadInputError(
                "not a detector of boxes",
                where=str(config or run.checkpoint),
                expected="a config of MMDetection, as configs/detector_rtmdet_tiny.py is",
            )
        self.name, self.classes = self.trained.name, self.trained.classes
        self.pixels: PixelRule = self.trained.pixels

    def prepare(self, image: np.ndarray) -> dict:
        """Bring the whole image to the network's size, as the test pipeline does.

        Args:
            image: (H, W, 3) BGR uint8.

        Returns:
            The network's input.
        """
        return dict(self.trained.pipeline({"img": image, "img_path": "", "img_id": 0}))

    def run(self, units: Sequence[dict]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Find all boxes in each of the images.

        Args:
            units: from ``prepare``.

        Returns:
            For each, boxes (N, 4) xyxy in pixels, scores (N,) and labels (N,).

        Raises:
            BadInputError: a prediction is NaN or infinite.
        """
        results = []
        for output in self.trained.predict(units):
            boxes, scores, labels = (_array(output.pred_instances[n]) for n in ("bboxes", "scores", "labels"))
            results.append((boxes, scores, labels))
        return results


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
