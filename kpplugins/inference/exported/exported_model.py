"""An exported model that finds keypoints, as a ``PoseModel``; without PyTorch."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from kpplugins.deploy.exported_folder import ExportedFolder
from kpplugins.deploy.runtimes import open_runtime
from kpplugins.inference.names_of import names_of
from kpplugins.inference.pose_result import PoseResult
from kpplugins.inference.seen import seen
from kpplugins.inference.unsure import unsure
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.model_kind import BOXES, TOP_DOWN

_Unit = tuple[np.ndarray, np.ndarray | None]


class ExportedModel:
    """A model that ``kpplugins export`` wrote: cropping, normalisation and decoding are in the file.

    Args:
        folder: the exported folder.
        flip_test: what is asked for; whether the file averages with the mirrored image was settled when it was written.
        threads: of one run; default: all cores.

    Raises:
        BadInputError: the folder cannot be read, holds a detector, or was written with the other ``flip_test``.
    """

    def __init__(self, folder: Path, flip_test: bool | None = None, threads: int | None = None) -> None:
        self.exported = ExportedFolder.read(folder)
        if self.exported.kind == BOXES or self.exported.schema is None:
            raise BadInputError(
                "a detector finds boxes, not keypoints", where=str(folder),
                todo="give it as --detector, and a keypoint model as --config",
            )  # fmt: skip
        if flip_test is not None and flip_test != self.exported.flip_test:
            raise BadInputError(
                "the flip test of an exported model is part of its file", where=str(folder),
                expected=f"flip_test={self.exported.flip_test}", found=f"flip_test={flip_test}",
                todo="export the run again, with or without --flip-test",
            )  # fmt: skip
        self.kind, self.name = self.exported.kind, self.exported.name
        self.schema: KeypointSchema = self.exported.schema
        self.classes, self.pixels = self.exported.classes, self.exported.pixels
        self.layout, self.visibility = self.exported.layout, self.exported.visibility
        self.uncertainty = self.exported.uncertainty
        self.runtime = open_runtime(self.exported.target, self.exported.file, threads)

    def prepare(self, image: np.ndarray, box: np.ndarray | None = None) -> _Unit:
        """Return the unit; the file itself does all the work.

        Args:
            image: (H, W, 3) BGR uint8.
            box: (4,) xyxy in pixels, for a top-down model.

        Returns:
            A unit of work for ``run``.
        """
        return image, box

    def run(self, units: Sequence[_Unit], quick: bool = False) -> list[PoseResult]:
        """Predict on units; boxes in the same image, one after the other, make one batch.

        Args:
            units: from ``prepare``.
            quick: not used: the flip test is part of the file.

        Returns:
            One result for each.

        Raises:
            BadInputError: a prediction is NaN or infinite.
        """
        if self.kind != TOP_DOWN:
            return [self._whole(image) for image, _ in units]
        results: list[PoseResult] = []
        for _, same in groupby(units, key=lambda unit: id(unit[0])):
            together = list(same)
            results += self._in_boxes(together[0][0], np.array([box for _, box in together], np.float64))
        return results

    def _in_boxes(self, image: np.ndarray, boxes: np.ndarray) -> list[PoseResult]:
        found = self._run({"image": image, "boxes": boxes.astype(np.float32)})
        keypoints, scores = found["keypoints"].astype(np.float64), found["scores"].astype(np.float64)
        return [
            PoseResult(
                keypoints[i : i + 1], scores[i : i + 1], boxes[i : i + 1], self.schema,
                **seen(self.visibility, scores[i : i + 1]),
                **unsure(self.uncertainty, scores[i : i + 1], boxes[i : i + 1]),
            )
            for i in range(len(boxes))
        ]  # fmt: skip

    def _whole(self, image: np.ndarray) -> PoseResult:
        found = self._run({"image": image})
        keypoints, scores, boxes, box_scores = (
            found[name].astype(np.float64) for name in ("keypoints", "scores", "boxes", "box_scores")
        )
        categories = names_of(found["labels"], self.classes)
        return PoseResult(
            keypoints, scores, boxes, self.schema, box_scores, categories, **seen(self.visibility, scores),
            **unsure(self.uncertainty, scores, boxes),
        )  # fmt: skip

    def _run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = self.runtime.run(inputs)
        for name in ("keypoints", "scores"):
            if not np.isfinite(found[name]).all():
                raise BadInputError(
                    "the model's predictions are not finite", where=str(self.exported.folder), expected="numbers",
                    found=f"NaN or infinity in {name}", todo="export an earlier checkpoint",
                )  # fmt: skip
        return found
