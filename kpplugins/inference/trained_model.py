"""What a run left behind, ready for images."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from kpplugins.compat.checkpoints import trust_checkpoints
from kpplugins.config.load import load_config, schema_of
from kpplugins.config.parts import classes_of, datasets_of, is_detector
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import load_strictly

BOXES, ONE_STAGE, TOP_DOWN = "boxes", "boxes and points", "points in boxes"
"""What a model finds: boxes in images, boxes with points in images, or points in boxes that are given."""
_FULL = "bottomup"


@dataclass(frozen=True)
class TrainedModel:
    """A run's model with its weights, on its device, in evaluation mode.

    Attributes:
        config: settled.
        network: the model itself.
        pipeline: from a sample with ``img`` to what the network takes.
        schema: the keypoints.
        classes: names of what the boxes hold, by label; without them where the model finds none.
        device: where it runs.
    """

    config: Config
    network: Any
    pipeline: Callable[[dict], Any]
    schema: KeypointSchema
    classes: tuple[str, ...]
    device: str

    @torch.inference_mode()
    def __call__(self, samples: Sequence[dict]) -> list[Any]:
        """The data samples with ``pred_instances``, one a sample; all go through the network together."""
        return self.network.test_step(pseudo_collate([self.pipeline(sample) for sample in samples]))


def settled_config(config: str | Path | Config, checkpoint: str | Path) -> Config:
    """The config of a run, settled by what the run left beside its checkpoint, else by its data.

    Args:
        config: its file; one that ``load_config`` has settled stays as it is.
        checkpoint: with ``schema.json`` and ``classes.json`` beside it, no data are needed.

    Raises:
        BadInputError: see ``load_config``.
    """
    if isinstance(config, Config):
        return config
    return load_config(config, schema=_schema_beside(checkpoint), classes=classes_beside(checkpoint))


def kind_of(config: Config) -> str:
    """What a settled config's model finds: ``BOXES``, ``ONE_STAGE`` or ``TOP_DOWN``."""
    if is_detector(config):
        return BOXES
    whole = any(dataset.get("data_mode") == _FULL for _, dataset in datasets_of(config))
    return ONE_STAGE if whole else TOP_DOWN


def load_trained(
    config: str | Path | Config,
    checkpoint: str | Path,
    device: str | None = None,
    trust_checkpoint: bool = False,
) -> TrainedModel:
    """Build a run's model and load its weights.

    Args:
        config: the run's, see ``settled_config``.
        checkpoint: its weights.
        device: ``cpu``, ``cuda:0``, …; default: a GPU where there is one.
        trust_checkpoint: let the checkpoint run code while it is loaded.

    Raises:
        BadInputError: a checkpoint of another model, or a config that cannot be read.
    """
    cfg = settled_config(config, checkpoint)
    init_default_scope(cfg.get("default_scope", "mmpose"))
    schema = _schema_beside(checkpoint) or schema_of(cfg)
    classes = classes_beside(checkpoint)
    if classes is None and kind_of(cfg) != TOP_DOWN:
        classes = [schema.name] if _schema_beside(checkpoint) else classes_of(cfg)
    device = device or ("cuda:0" if torch.cuda.is_available() else "cpu")
    network = with_weights(MODELS.build(cfg.model), checkpoint, device, trust_checkpoint)
    pipeline = Compose(cfg.test_dataloader.dataset.pipeline)
    return TrainedModel(cfg, network, pipeline, schema, tuple(classes or ()), device)


def with_weights(network: Any, checkpoint: str | Path, device: str, trust_checkpoint: bool = False) -> Any:
    """The network with a checkpoint's weights, on a device, in evaluation mode; see ``load_strictly``."""
    with trust_checkpoints(trust_checkpoint):
        load_strictly(network, Path(checkpoint))
    return network.to(device).eval()


def require_image(image: np.ndarray) -> None:
    """Stop where an array is no image (H, W, 3) uint8."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise BadInputError("not an image", expected="(H, W, 3) uint8", found=f"{image.shape} {image.dtype}")


def _schema_beside(checkpoint: str | Path) -> KeypointSchema | None:
    kept = Path(checkpoint).parent / "schema.json"
    return KeypointSchema.load(kept) if kept.is_file() else None


def classes_beside(checkpoint: str | Path) -> list[str] | None:
    """The names of classes that a run has left beside its checkpoint, by label; ``None`` where it has left none.

    Raises:
        BadInputError: the file has something else in it.
    """
    kept = Path(checkpoint).parent / "classes.json"
    if not kept.is_file():
        return None
    try:
        names = json.loads(kept.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInputError("not JSON", where=str(kept), found=str(error)) from error
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise BadInputError(
            "not the names of classes", where=str(kept), expected='["cup", "plate"]', found=str(names)[:80]
        )
    return names
