"""The model that was asked for, and how it is told from another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kpplugins.deploy.exported_folder import DETECTOR_FOLDER, MODEL_FILE, ExportedFolder, is_exported
from kpplugins.structures.checksum import sha256_of

if TYPE_CHECKING:
    from kpplugins.inference.predictor import Predictor


@dataclass(frozen=True)
class ModelChoice:
    """Names a model and its detector, as plain data that other processes can be given.

    Attributes:
        source: a config file, a checkpoint, the work dir of a run, or an exported folder; ``None`` is the newest run.
        checkpoint: the weights; ``None`` takes the best ones of the config's work dir.
        device: ``cpu``, ``cuda:0``, …; ``None`` takes a GPU where there is one.
        detector: finds the boxes, for a top-down model; what ``source`` may be.
        detector_checkpoint: its weights.
        detector_classes: only the detector's boxes of these classes; empty takes all.
        box_thr: boxes with a lower score are left out.
        flip_test: average with the mirrored image; ``None`` as the config says.
        trust_checkpoint: let checkpoints run code while they load.
    """

    source: str | None = None
    checkpoint: str | None = None
    device: str | None = None
    detector: str | None = None
    detector_checkpoint: str | None = None
    detector_classes: Sequence[str] = ()
    box_thr: float = 0.3
    flip_test: bool | None = None
    trust_checkpoint: bool = False

    @property
    def detects(self) -> bool:
        """Tell whether a detector was asked for."""
        return self.detector is not None or self.detector_checkpoint is not None

    def settled(self) -> "ModelChoice":
        """Return the same with the files that are meant, as absolute paths.

        Raises:
            BadInputError: there is no such run or checkpoint.
        """
        source, checkpoint = _files(self.source, self.checkpoint)
        choice = replace(self, source=source, checkpoint=checkpoint)
        if not self.detects:
            return choice
        detector, weights = _files(self.detector, self.detector_checkpoint)
        return replace(choice, detector=detector, detector_checkpoint=weights)

    def identity(self) -> dict[str, Any]:
        """Return what tells the settled model from another: the check sums of its files.

        Raises:
            BadInputError: an exported folder is damaged.
        """
        known = _identity(self.source, self.checkpoint)
        if self.detects:
            known |= {
                f"detector_{k}": v for k, v in _identity(self.detector, self.detector_checkpoint).items()
            }
        return known

    def options(self) -> dict[str, Any]:
        """Return the options that change predictions."""
        return {
            "box_thr": self.box_thr,
            "flip_test": self.flip_test,
            "detector_classes": list(self.detector_classes),
        }

    def open(self) -> "Predictor":
        """Load the model.

        Raises:
            BadInputError: see ``Predictor``.
        """
        from kpplugins.inference.box_detector import BoxDetector
        from kpplugins.inference.predictor import Predictor

        detector = None
        if self.detects:
            detector = BoxDetector(
                self.detector, self.detector_checkpoint, self.device, self.box_thr,
                self.detector_classes or None, self.trust_checkpoint,
            )  # fmt: skip
        return Predictor(
            self.source, self.checkpoint, self.device, detector=detector, box_thr=self.box_thr,
            flip_test=self.flip_test, trust_checkpoint=self.trust_checkpoint,
        )  # fmt: skip


def _files(source: str | None, checkpoint: str | None) -> tuple[str | None, str | None]:
    if source is not None and is_exported(source):
        return str(Path(source).absolute()), checkpoint
    from kpplugins.weights.checkpoints import run_of  # which brings PyTorch

    found, weights = run_of(source, checkpoint)
    if found is not None and found.is_file():  # else one of ours, by the name of the package
        found = found.absolute()
    return None if found is None else str(found), str(weights.absolute())


def _identity(source: str | None, checkpoint: str | None) -> dict[str, Any]:
    known: dict[str, Any] = {"file": checkpoint or source}
    for key, file in _deciding(source, checkpoint):
        if file.is_file():
            known[key] = sha256_of(file)
    return known


def _deciding(source: str | None, checkpoint: str | None) -> Iterator[tuple[str, Path]]:
    """Yield the files that decide what a model predicts, under the names of their check sums."""
    if source is None or not is_exported(source):
        yield "checksum", Path(str(checkpoint))
        if source is not None:
            yield "config_checksum", Path(source)
        return
    for prefix, folder in (("", Path(source)), ("inner_detector_", Path(source) / DETECTOR_FOLDER)):
        if is_exported(folder):
            yield f"{prefix}checksum", ExportedFolder.read(folder).file
            yield f"{prefix}config_checksum", folder / MODEL_FILE
