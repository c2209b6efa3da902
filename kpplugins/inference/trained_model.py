"""What a run left behind, ready for images."""

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
from kpplugins.structures import BadInputError, BoxLayout
from kpplugins.weights.checkpoints import default_checkpoint, load_strictly, read_checkpoint, run_of
from kpplugins.weights.run_record import RunRecord, config_of, record_of

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
        name: what the run is called.
        layout: how the keypoints lie in the boxes of the training, where that is known.
    """

    config: Config
    network: Any
    pipeline: Callable[[dict], Any]
    schema: KeypointSchema
    classes: tuple[str, ...]
    device: str
    name: str
    layout: BoxLayout | None = None

    @torch.inference_mode()
    def __call__(self, samples: Sequence[dict]) -> list[Any]:
        """The data samples with ``pred_instances``, one a sample; all go through the network together."""
        return self.network.test_step(pseudo_collate([self.pipeline(sample) for sample in samples]))


@dataclass(frozen=True)
class OpenedRun:
    """A checkpoint that has been read, and what its run was.

    Attributes:
        config: a file, or a settled config.
        checkpoint: the path.
        content: of the checkpoint.
        record: what the run says of itself.
    """

    config: Path | Config
    checkpoint: Path
    content: dict[str, Any]
    record: RunRecord


def open_run(
    config: str | Path | Config | None, checkpoint: str | Path | None, trust_checkpoint: bool = False
) -> OpenedRun:
    """Find a run, read its checkpoint, and find out what it was.

    Args:
        config: the run's config, or what ``load_config`` made of it; ``None`` takes the one in the checkpoint, else
            the one beside it.
        checkpoint: the weights; ``None`` takes the best ones of the config's work dir, or of the newest run.
        trust_checkpoint: let the checkpoint run code, and its config name any.

    Raises:
        BadInputError: see ``run_of``, ``read_checkpoint``, ``record_of`` and ``config_of``.
    """
    if isinstance(config, Config):
        given, path = config, Path(checkpoint or default_checkpoint(Path(config.work_dir)))
    else:
        given, path = run_of(config, checkpoint)
    with trust_checkpoints(trust_checkpoint):
        content = read_checkpoint(path)
    record = record_of(content, path)
    if not isinstance(given, Config):
        given = config_of(given, content, path, record, trust_checkpoint)
    return OpenedRun(given, path, content, record)


def kind_of(config: Config) -> str:
    """What a settled config's model finds: ``BOXES``, ``ONE_STAGE`` or ``TOP_DOWN``."""
    if is_detector(config):
        return BOXES
    whole = any(dataset.get("data_mode") == _FULL for _, dataset in datasets_of(config))
    return ONE_STAGE if whole else TOP_DOWN


def load_trained(
    config: str | Path | Config | None,
    checkpoint: str | Path | None,
    device: str | None = None,
    trust_checkpoint: bool = False,
) -> TrainedModel:
    """Build a run's model and load its weights.

    What training writes into a checkpoint is all that is needed: no data, and no files beside it.

    Args:
        config: see ``open_run``.
        checkpoint: see ``open_run``.
        device: ``cpu``, ``cuda:0``, …; default: a GPU where there is one.
        trust_checkpoint: let the checkpoint run code while it is loaded, and its config name any.

    Raises:
        BadInputError: a checkpoint of another model, or a config that cannot be read.
    """
    return build_trained(open_run(config, checkpoint, trust_checkpoint), device)


def build_trained(run: OpenedRun, device: str | None = None) -> TrainedModel:
    """Build the model of a run that has been opened; see ``load_trained``."""
    cfg, record = run.config, run.record
    if not isinstance(cfg, Config):
        cfg = load_config(cfg, schema=record.schema, classes=record.classes)
    init_default_scope(cfg.get("default_scope", "mmpose"))
    schema = record.schema or schema_of(cfg)
    classes = record.classes
    if classes is None and kind_of(cfg) != TOP_DOWN:
        classes = (schema.name,) if record.schema else tuple(classes_of(cfg))
    device = device or default_device()
    network = MODELS.build(cfg.model)
    load_strictly(network, run.checkpoint, run.content)
    return TrainedModel(
        config=cfg,
        network=network.to(device).eval(),
        pipeline=Compose(cfg.test_dataloader.dataset.pipeline),
        schema=schema,
        classes=tuple(classes or ()),
        device=device,
        name=(Path(cfg.filename).stem if cfg.filename else record.name) or run.checkpoint.stem,
        layout=record.layout,
    )


def default_device() -> str:
    """A GPU where there is one."""
    return "cuda:0" if torch.cuda.is_available() else "cpu"


def require_image(image: np.ndarray) -> None:
    """Stop where an array is no image (H, W, 3) uint8."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise BadInputError("not an image", expected="(H, W, 3) uint8", found=f"{image.shape} {image.dtype}")
