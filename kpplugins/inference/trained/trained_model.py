"""The model of a run, opened and built, ready to predict on images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from kpplugins.compat.checkpoints import trust_checkpoints
from kpplugins.config.load import load_config, schema_of
from kpplugins.config.parts import classes_of, datasets_of, is_detector
from kpplugins.data.pixel_rule import PixelRule
from kpplugins.inference.trained.device import device_of
from kpplugins.models.data_preprocessors.topdown_data_preprocessor import TopdownDataPreprocessor
from kpplugins.schema import KeypointSchema
from kpplugins.schema.keypoint_schema import KNOWN
from kpplugins.structures import BadInputError, BoxLayout, UncertaintyCalibration, VisibilityCalibration
from kpplugins.structures.model_kind import BOXES, ONE_STAGE, TOP_DOWN
from kpplugins.weights.checkpoints import default_checkpoint, load_strictly, read_checkpoint, run_of
from kpplugins.weights.run_record import RunRecord, config_of, record_of

_FULL = "bottomup"


@dataclass(frozen=True)
class TrainedModel:
    """A run's model with its weights, on its device, in evaluation mode.

    Attributes:
        config: the settled config.
        network: the model itself.
        pipeline: turns a sample with ``img`` into the network's input.
        schema: the keypoints.
        classes: names of the boxes' categories, by label; empty where the model finds no boxes.
        device: where the network runs.
        name: of the run.
        layout: how the keypoints lie in the training's boxes, if known.
        visibility: what its scores say about visibility, if it was calibrated.
        uncertainty: how far off its keypoints may be, if that was.
    """

    config: Config
    network: Any
    pipeline: Callable[[dict], Any]
    schema: KeypointSchema
    classes: tuple[str, ...]
    device: str
    name: str
    layout: BoxLayout | None = None
    visibility: VisibilityCalibration | None = None
    uncertainty: UncertaintyCalibration | None = None

    @property
    def pixels(self) -> PixelRule:
        """Return how the model was trained to see images of more than 8 bits."""
        steps = self.config.test_dataloader.dataset.get("pipeline") or []
        return PixelRule.of(next((s.pixels for s in steps if s.get("pixels")), None))

    @torch.inference_mode()
    def predict(self, inputs: Sequence[dict], quick: bool = False) -> list[Any]:
        """Predict on what the pipeline made of samples, all in one batch.

        Args:
            inputs: from ``pipeline``, which takes dicts with ``img``.
            quick: without the flip test of a top-down model.

        Returns:
            One data sample with ``pred_instances`` for each.

        Raises:
            BadInputError: a prediction is NaN or infinite.
        """
        usual = self.network.test_cfg
        if quick and (usual or {}).get("flip_test"):
            self.network.test_cfg = ConfigDict(usual, flip_test=False)
        try:
            outputs = self.network.test_step(_collated(self.network, inputs))
        finally:
            self.network.test_cfg = usual
        for output in outputs:
            _require_finite(output.pred_instances, self.name)
        return outputs


def with_features(trained: TrainedModel, inputs: Sequence[dict]) -> tuple[list[Any], np.ndarray]:
    """Predict without flip test, and keep what the backbone makes of each input.

    Args:
        trained: the model.
        inputs: what its pipeline made of N samples.

    Returns:
        See ``TrainedModel.predict``; and (N, 2C) float32: mean and standard deviation, over the places, of the C
        channels of the backbone's last output.

    Raises:
        BadInputError: a prediction is NaN or infinite, or the model has no backbone.
    """
    named = trained.network.named_modules()
    backbone = next((module for name, module in named if name.split(".")[-1] == "backbone"), None)
    if backbone is None:
        raise BadInputError("the model has no part called backbone", where=trained.name)
    kept: list[np.ndarray] = []

    def keep(_: Any, __: Any, output: Any) -> None:
        maps = list(output.values()) if isinstance(output, dict) else output
        last = maps[-1] if isinstance(maps, (tuple, list)) else maps
        places = last.float().flatten(2) if last.ndim > 2 else last.float()[..., None]
        both = torch.cat([places.mean(dim=2), places.std(dim=2, correction=0)], dim=1)
        kept.append(both.cpu().numpy())

    hook = backbone.register_forward_hook(keep)
    try:
        outputs = trained.predict(inputs, quick=True)
    finally:
        hook.remove()
    return outputs, np.concatenate(kept)


@dataclass(frozen=True)
class OpenedRun:
    """A checkpoint that has been read, and its run.

    Attributes:
        config: a config file, or a settled config.
        checkpoint: the path.
        content: the content of the checkpoint.
        record: the run's record.
    """

    config: Path | Config
    checkpoint: Path
    content: dict[str, Any]
    record: RunRecord


def open_run(
    config: str | Path | Config | None, checkpoint: str | Path | None, trust_checkpoint: bool = False
) -> OpenedRun:
    """Find a run, and read its checkpoint and its record.

    Args:
        config: the run's config file, or a config from ``load_config``; ``None`` takes the one in the checkpoint,
            else the one beside it.
        checkpoint: the weights; ``None`` takes the best ones of the config's work dir, or of the newest run.
        trust_checkpoint: let the checkpoint run code while it is loaded, and its config name any code.

    Returns:
        The run, with its checkpoint read.

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
    """Return the kind of a config's model.

    Args:
        config: the settled config.

    Returns:
        ``BOXES``, ``ONE_STAGE`` or ``TOP_DOWN``.
    """
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

    A checkpoint that training wrote is enough: no data and no files beside it are needed.

    Args:
        config: see ``open_run``.
        checkpoint: see ``open_run``.
        device: see ``device_of``; default: a GPU where there is one.
        trust_checkpoint: let the checkpoint run code while it is loaded, and its config name any code.

    Returns:
        The model, on its device and in evaluation mode.

    Raises:
        BadInputError: the checkpoint is of another model, or the config cannot be read.
    """
    return build_trained(open_run(config, checkpoint, trust_checkpoint), device)


def with_flip_test(trained: TrainedModel, on: bool) -> None:
    """Switch averaging with the mirrored image on or off.

    Args:
        trained: the model, which is changed.
        on: whether to average.

    Raises:
        BadInputError: the model has no flip test, or its keypoints cannot be mirrored.
    """
    test_cfg = trained.network.test_cfg
    if on and (kind_of(trained.config) == TOP_DOWN or "flip_test" in (test_cfg or {})):
        if trained.schema.flips != KNOWN:
            raise BadInputError(
                "these keypoints cannot be mirrored", where="flip_test", found=f"flips {trained.schema.flips}",
                todo="state the flip pairs, or leave flip_test out",
            )  # fmt: skip
    elif on:
        raise BadInputError(
            "this model has no flip test", where="flip_test", found=trained.name, todo="leave it out"
        )
    if test_cfg is None:
        trained.network.test_cfg = ConfigDict(flip_test=on)
    elif on or test_cfg.get("flip_test"):
        test_cfg["flip_test"] = on


def build_trained(run: OpenedRun, device: str | None = None) -> TrainedModel:
    """Build the model of an opened run and load its weights.

    Args:
        run: from ``open_run``.
        device: see ``device_of``; default: a GPU where there is one.

    Returns:
        The model, on its device and in evaluation mode.

    Raises:
        BadInputError: see ``load_trained``.
    """
    cfg, record = run.config, run.record
    if not isinstance(cfg, Config):
        cfg = load_config(cfg, schema=record.schema, classes=record.classes)
    init_default_scope(cfg.get("default_scope", "mmpose"))
    schema = record.schema or schema_of(cfg)
    classes = record.classes
    if classes is None and kind_of(cfg) != TOP_DOWN:
        classes = (schema.name,) if record.schema else tuple(classes_of(cfg))
    device = device_of(device)
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
        **(record.calibrations if record.schema == schema else {}),
    )


def _collated(network: Any, inputs: Sequence[dict]) -> dict[str, Any]:
    """Return the samples as one batch; in one tensor where the model can take that, which is quicker."""
    batch = pseudo_collate(list(inputs))
    images = batch["inputs"]
    if isinstance(network.data_preprocessor, TopdownDataPreprocessor) and len({i.shape for i in images}) == 1:
        batch["inputs"] = torch.stack(images)
    return batch


def _require_finite(found: Any, name: str) -> None:
    """Stop where predictions are no numbers; they would become invalid JSON."""
    for key in ("keypoints", "keypoint_scores", "bboxes", "bbox_scores", "scores"):
        value = found.get(key)
        if value is None:
            continue
        values = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        if not np.isfinite(values).all():
            raise BadInputError(
                "the model's predictions are not finite", where=name, expected="numbers",
                found=f"NaN or infinity in {key}",
                todo="its training has probably diverged: train again with a lower learning rate, or give an earlier "
                "checkpoint",
            )  # fmt: skip
