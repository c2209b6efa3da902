"""An exported detector, as a ``BoxModel``; without PyTorch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kpplugins.deploy.exported_folder import ExportedFolder
from kpplugins.deploy.runtimes import open_runtime
from kpplugins.inference.box_model import Boxes
from kpplugins.structures import BadInputError
from kpplugins.structures.model_kind import BOXES


class ExportedDetector:
    """A detector that ``kpplugins export`` wrote.

    Args:
        folder: the exported folder.
        threads: of one run; default: all cores.

    Raises:
        BadInputError: the folder cannot be read, or holds another kind of model.
    """

    kind = BOXES

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self.exported = ExportedFolder.read(folder)
        if self.exported.kind != BOXES:
            raise BadInputError(
                "not a detector of boxes", where=str(folder), expected=f"a model that finds {BOXES}",
                found=f"one that finds {self.exported.kind}",
            )  # fmt: skip
        self.name, self.classes, self.pixels = self.exported.name, self.exported.classes, self.exported.pixels
        self.runtime = open_runtime(self.exported.target, self.exported.file, threads)

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Return the image; the file itself does all the work."""
        return image

    def run(self, units: Sequence[np.ndarray]) -> list[Boxes]:
        """Find all boxes in each of the images; see ``BoxModel``."""
        found = [self.runtime.run({"image": image}) for image in units]
        return [(one["boxes"], one["box_scores"], one["labels"]) for one in found]
