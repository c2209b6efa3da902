"""Open a model, whatever it is kept in: an exported folder, or a run. PyTorch is imported only for a run."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kpplugins.deploy.exported_folder import is_exported
from kpplugins.extras import TRAINING, cure
from kpplugins.inference.box_model import BoxModel
from kpplugins.inference.exported.exported_detector import ExportedDetector
from kpplugins.inference.exported.exported_model import ExportedModel
from kpplugins.inference.pose_model import PoseModel
from kpplugins.structures import BadInputError, MachineError
from kpplugins.structures.model_kind import BOXES, ONE_STAGE

if TYPE_CHECKING:
    from mmengine.config import Config


def open_keypoints(
    source: "str | Path | Config | None",
    checkpoint: str | Path | None = None,
    device: str | None = None,
    flip_test: bool | None = None,
    trust_checkpoint: bool = False,
) -> PoseModel:
    """Open a model that finds keypoints.

    Args:
        source: a config file, a checkpoint, the work dir of a run, a config from ``load_config``, or an exported
            folder; ``None`` is the newest run.
        checkpoint: the weights; default: the best one of the config's work dir.
        device: see ``Predictor``.
        flip_test: average with the mirrored image; ``None`` as the config says.
        trust_checkpoint: see ``Predictor``.

    Returns:
        The model.

    Raises:
        BadInputError: it cannot be opened, or finds boxes alone; or ``flip_test`` cannot be had.
    """
    if is_exported(source):
        _require_none(checkpoint, device)
        return ExportedModel(Path(str(source)), flip_test)
    _require_training()
    from kpplugins.inference.trained.trained_model import kind_of, load_trained, with_flip_test
    from kpplugins.inference.trained.trained_one_stage import TrainedOneStage
    from kpplugins.inference.trained.trained_top_down import TrainedTopDown

    trained = load_trained(source, checkpoint, device, trust_checkpoint)
    kind = kind_of(trained.config)
    if kind == BOXES:
        raise BadInputError(
            "a detector finds boxes, not keypoints", where=trained.name,
            todo="give it as --detector, and a keypoint model as --config",
        )  # fmt: skip
    if flip_test is not None:
        with_flip_test(trained, flip_test)
    return TrainedOneStage(trained) if kind == ONE_STAGE else TrainedTopDown(trained)


def open_boxes(
    source: "str | Path | Config | None",
    checkpoint: str | Path | None = None,
    device: str | None = None,
    trust_checkpoint: bool = False,
) -> BoxModel:
    """Open a model that finds boxes.

    Args:
        source: see ``open_keypoints``.
        checkpoint: see ``open_keypoints``.
        device: see ``Predictor``.
        trust_checkpoint: see ``Predictor``.

    Returns:
        The model.

    Raises:
        BadInputError: it cannot be opened, or is of another kind.
    """
    if is_exported(source):
        _require_none(checkpoint, device)
        return ExportedDetector(Path(str(source)))
    _require_training()
    from kpplugins.inference.trained.trained_detector import TrainedDetector

    return TrainedDetector(source, checkpoint, device, trust_checkpoint)


def _require_none(checkpoint: str | Path | None, device: str | None) -> None:
    if checkpoint is not None:
        raise BadInputError(
            "an exported folder contains its weights",
            where="checkpoint",
            found=str(checkpoint),
            todo="leave it out",
        )
    if device not in (None, "", "cpu"):
        raise BadInputError(
            "exported models run on the CPU", where="device", expected="cpu", found=str(device)
        )


def _require_training() -> None:
    """Stop where a run is to be opened without the packages that it needs."""
    missing = [name for name in TRAINING if not _is_installed(name)]
    if missing:
        raise MachineError(
            f"a run needs {', '.join(missing)}, not installed here", expected="an exported folder, or these packages",
            todo="export the run where it was trained (kpplugins export), or "
            + " && ".join(dict.fromkeys(cure(name) for name in missing)),
        )  # fmt: skip


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
