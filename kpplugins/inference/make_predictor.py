"""The predictor that suits a config."""

from pathlib import Path
from typing import TypeAlias

from mmengine.config import Config

from kpplugins.inference.box_detector import BoxDetector
from kpplugins.inference.one_stage_predictor import BOX_THR, OneStagePredictor
from kpplugins.inference.top_down_predictor import Predictor
from kpplugins.inference.trained_model import BOXES, ONE_STAGE, kind_of, settled_config
from kpplugins.inference.two_stage_predictor import TwoStagePredictor
from kpplugins.structures import BadInputError

AnyPredictor: TypeAlias = Predictor | OneStagePredictor | TwoStagePredictor
"""All are called with an image, and ``follow`` a video."""


def make_predictor(
    config: str | Path | Config,
    checkpoint: str | Path,
    device: str | None = None,
    *,
    detector: BoxDetector | None = None,
    box_thr: float = BOX_THR,
    trust_checkpoint: bool = False,
) -> AnyPredictor:
    """A model ready for images, whichever kind its config is of.

    Args:
        config: the config of the run, or what ``load_config`` made of it.
        checkpoint: its weights.
        device: ``cpu``, ``cuda:0``, …; default: a GPU where there is one.
        detector: finds the boxes that a top-down model looks into.
        box_thr: least score of an instance of a one-stage model; a detector has its own.
        trust_checkpoint: let the checkpoint run code while it is loaded.

    Returns:
        ``OneStagePredictor`` where the model finds boxes and points in whole images; else ``TwoStagePredictor`` with
        a detector, and ``Predictor`` without one.

    Raises:
        BadInputError: a model that finds boxes alone, a one-stage model with a detector, or see the classes.
    """
    cfg = settled_config(config, checkpoint)
    kind = kind_of(cfg)
    if kind == BOXES:
        raise BadInputError(
            "a detector finds boxes, no points", where=str(config),
            todo="give it as --detector, and a keypoint model as --config",
        )  # fmt: skip
    if kind == ONE_STAGE:
        if detector is not None:
            raise BadInputError(
                "a one-stage model finds its boxes itself", where="--detector", found=str(config),
                todo="leave --detector out, or give a top-down model",
            )  # fmt: skip
        return OneStagePredictor(cfg, checkpoint, device, box_thr, trust_checkpoint)
    predictor = Predictor(cfg, checkpoint, device, trust_checkpoint=trust_checkpoint)
    return predictor if detector is None else TwoStagePredictor(detector, predictor)
