"""The model that was asked for, and how it is told from another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kpplugins.structures.checksum import sha256_of

if TYPE_CHECKING:
    from kpplugins.inference.predictor import Predictor


@dataclass(frozen=True)
class ModelChoice:
    """Names a model and its detector, as plain data that other processes can be given.

    Attributes:
        config: the run's config file; ``None`` takes the one in the checkpoint.
        checkpoint: the weights; ``None`` takes the best ones of the config's work dir, or of the newest run.
        device: ``cpu``, ``cuda:0``, …; ``None`` takes a GPU where there is one.
        detector: config of the detector that finds the boxes, for a top-down model.
        detector_checkpoint: its weights.
        detector_classes: only the detector's boxes of these classes; empty takes all.
        box_thr: boxes with a lower score are left out.
        trust_checkpoint: let checkpoints run code while they load.
    """

    config: str | None = None
    checkpoint: str | None = None
    device: str | None = None
    detector: str | None = None
    detector_checkpoint: str | None = None
    detector_classes: Sequence[str] = ()
    box_thr: float = 0.3
    trust_checkpoint: bool = False

    @property
    def detects(self) -> bool:
        """Tell whether a detector finds the boxes."""
        return self.detector is not None or self.detector_checkpoint is not None

    def settled(self) -> "ModelChoice":
        """Return the same with the files that are meant, as absolute paths.

        Raises:
            BadInputError: there is no such run or checkpoint.
        """
        config, checkpoint = _files(self.config, self.checkpoint)
        choice = replace(self, config=config, checkpoint=checkpoint)
        if not self.detects:
            return choice
        detector, weights = _files(self.detector, self.detector_checkpoint)
        return replace(choice, detector=detector, detector_checkpoint=weights)

    def identity(self) -> dict[str, Any]:
        """Return what tells the settled model from another: the check sums of its files.

        Raises:
            BadInputError: a file is missing.
        """
        known = _identity(self.config, self.checkpoint)
        if self.detects:
            known |= {
                f"detector_{k}": v for k, v in _identity(self.detector, self.detector_checkpoint).items()
            }
        return known

    def options(self) -> dict[str, Any]:
        """Return the options that change predictions."""
        return {"box_thr": self.box_thr, "detector_classes": list(self.detector_classes)}

    def open(self) -> "Predictor":
        """Load the model.

        Raises:
            BadInputError: see ``Predictor``.
        """
        from kpplugins.inference.predictor import Predictor

        detector = None
        if self.detects:
            from kpplugins.inference.box_detector import BoxDetector

            detector = BoxDetector(
                self.detector, self.detector_checkpoint, self.device, self.box_thr,
                self.detector_classes or None, self.trust_checkpoint,
            )  # fmt: skip
        return Predictor(
            self.config, self.checkpoint, self.device,
            detector=detector, box_thr=self.box_thr, trust_checkpoint=self.trust_checkpoint,
        )  # fmt: skip


def _files(config: str | None, checkpoint: str | None) -> tuple[str | None, str]:
    from kpplugins.weights.checkpoints import run_of

    found, weights = run_of(config, checkpoint)
    if found is not None and found.is_file():  # else one of ours, by the name of the package
        found = found.absolute()
    return None if found is None else str(found), str(weights.absolute())


def _identity(config: str | None, checkpoint: str | None) -> dict[str, Any]:
    known: dict[str, Any] = {"file": checkpoint}
    for key, file in (("checksum", checkpoint), ("config_checksum", config)):
        if file is not None and Path(file).is_file():
            known[key] = sha256_of(Path(file))
    return known
