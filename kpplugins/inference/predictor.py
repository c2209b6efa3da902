"""A trained model of any kind, ready to predict on images."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from glob import glob, has_magic
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from kpplugins.data.images import as_bgr, read_image
from kpplugins.deploy.exported_folder import DETECTOR_FOLDER, is_exported
from kpplugins.inference.ahead import ahead
from kpplugins.inference.box_detector import BOX_THR, BoxDetector
from kpplugins.inference.instance_search import InstanceSearch, in_batches
from kpplugins.inference.opening import open_keypoints
from kpplugins.inference.pose_model import PoseModel
from kpplugins.inference.pose_result import PoseResult
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.model_kind import ONE_STAGE

if TYPE_CHECKING:
    from mmengine.config import Config

Image = np.ndarray | str | Path
"""An array as OpenCV reads images, or a file."""
BATCH_SIZE = 16
_READERS = 2
"""Threads that read and prepare images ahead of the network."""
_MOST_KEPT = 200_000_000
"""Bytes of the images that wait in memory, above which no further ones are read."""


class Predictor:
    """A trained model of any kind that finds keypoints in images.

    A one-stage model finds all instances and their boxes. A top-down model predicts inside boxes: a detector's, given
    ones, or the one that it finds by searching the whole image (see ``InstanceSearch``).

    Args:
        source: a config file, a checkpoint, the work dir of a run, a config from ``load_config``, a published config of
            MMPose (with ``checkpoint``), or an exported folder, which needs no PyTorch. Default: the newest run.
        checkpoint: the weights. Default: the best one of the config's work dir.
        device: ``cpu``, ``cuda:0``, …; default: a GPU where there is one. Exported models run on the CPU.
        detector: finds the boxes in which a top-down model predicts; a ``BoxDetector``, or what it takes as ``source``.
            An exported folder may bring its own.
        box_thr: least score of a one-stage model's instances; a detector has its own threshold.
        flip_test: average with the mirrored image, which takes twice as long; ``None`` as the config says.
        trust_checkpoint: let the checkpoint run code while it is loaded, and its config name any code.

    Attributes:
        model: what finds the keypoints.
        detector: what finds the boxes, or ``None``.
        schema: the keypoints.
        classes: names of the boxes' categories; empty for a top-down model without a detector.

    Raises:
        BadInputError: the checkpoint or config cannot be read or is of another model, the model finds boxes alone, or a
            detector is given with a one-stage model.
    """

    def __init__(
        self,
        source: "str | Path | Config | None" = None,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        *,
        detector: "BoxDetector | str | Path | None" = None,
        box_thr: float = BOX_THR,
        flip_test: bool | None = None,
        trust_checkpoint: bool = False,
    ) -> None:
        self.model: PoseModel = open_keypoints(source, checkpoint, device, flip_test, trust_checkpoint)
        self.box_thr = box_thr
        if self.model.kind == ONE_STAGE and detector is not None:
            raise BadInputError(
                "a one-stage model finds its boxes itself", where="--detector", found=self.model.name,
                todo="leave --detector out, or give a top-down model",
            )  # fmt: skip
        if detector is None and is_exported(source):
            inside = Path(str(source)) / DETECTOR_FOLDER
            detector = inside if is_exported(inside) else None
        if isinstance(detector, (str, Path)):
            detector = BoxDetector(
                detector, device=device, box_thr=box_thr, trust_checkpoint=trust_checkpoint
            )
        self.detector: BoxDetector | None = detector
        if detector is not None and detector.model.pixels != self.model.pixels:
            raise BadInputError(
                "the detector was trained to see images otherwise", where="--detector",
                expected=self.model.pixels.words, found=detector.model.pixels.words,
                todo="train both with the same `pixels`",
            )  # fmt: skip
        self.schema: KeypointSchema = self.model.schema
        self.classes: tuple[str, ...] = self.model.classes if detector is None else detector.classes
        self.search = InstanceSearch(self.model)

    @overload
    def __call__(self, images: Image, boxes: np.ndarray | None = None) -> PoseResult: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(
        self, images: Iterable[Image], boxes: Iterable[np.ndarray | None] | None = None
    ) -> Iterator[PoseResult]: ...

    def __call__(self, images: Any, boxes: Any = None) -> Any:
        """Find keypoints in one image, or in each of several.

        Args:
            images: an array or a file, or any iterable of these, see ``predict``.
            boxes: (N, 4) xyxy in pixels to predict in, for one image; for several, such an array for each.

        Returns:
            For one image, its N instances in the image's pixels; for several, an iterator, see ``predict``.

        Raises:
            BadInputError: see ``predict``.
        """
        if _is_one(images):
            (result,) = self._results([self._prepared((images, boxes))], BATCH_SIZE)
            return result
        return self.predict(images, boxes)

    def predict(
        self,
        images: Image | Iterable[Image],
        boxes: Any = None,
        *,
        batch_size: int = BATCH_SIZE,
        skip_bad: bool = False,
    ) -> Iterator[PoseResult]:
        """Find keypoints in images, in batches across images and instances.

        Threads read and prepare the next images while the network runs.

        Args:
            images: an array, a file, a pattern such as ``cats/*.jpg``, or any iterable of these, also an endless one.
                An array is (H, W, 3) BGR uint8; one and four channels and more than 8 bits are converted as in the
                model's training (see ``as_bgr``).
            boxes: for a top-down model, (N, 4) xyxy in pixels to predict in, for each image; ``None`` in place of an
                array leaves the image to the detector or to the search.
            batch_size: boxes, or for one-stage models images, that go through the network at once.
            skip_bad: yield an empty result with its ``fault`` for an image that cannot be read, and go on.

        Yields:
            One result an image, in their order, with the ``source`` where it is a file.

        Raises:
            BadInputError: an input is not an image, and ``skip_bad`` is not given; boxes have another shape or no area,
                are fewer than the images, or come with a one-stage model; a predicted label has no name, or a
                prediction is not finite.
        """
        if batch_size < 1:
            raise BadInputError(
                "not a number of images", where="batch_size", expected="≥ 1", found=str(batch_size)
            )
        given = _listed(images)
        pairs = zip(given, repeat(None), strict=False) if boxes is None else _paired(given, images, boxes)
        waiting: list[_Job] = []
        depth = 2 * batch_size
        for job in ahead(self._prepared_or_fault, pairs, _READERS, depth, lambda job: job.bytes, _MOST_KEPT):
            if job.fault is not None and not skip_bad:
                yield from self._results(waiting, batch_size)
                raise job.fault
            waiting.append(job)
            units, kept = (
                sum(values) for values in zip(*((len(j.units), j.bytes) for j in waiting), strict=True)
            )
            if len(waiting) >= batch_size or units >= batch_size or kept > _MOST_KEPT:
                yield from self._results(waiting, batch_size)
                waiting = []
        yield from self._results(waiting, batch_size)

    def follow(self, image: np.ndarray, before: PoseResult | None, search: bool = True) -> PoseResult:
        """Find keypoints in the next frame of a video.

        A top-down model without a detector starts from the keypoints of the frame before; all others look at each frame
        by itself.

        Args:
            image: (H, W, 3) BGR uint8.
            before: the result for the frame before; ``None`` for the first frame.
            search: let a top-down model search the whole image where the keypoints are lost, which takes many times as
                long.

        Returns:
            N instances, in the image's pixels.
        """
        if self._searches:
            return replace(
                self.search.follow(image, before, search), image_size=(image.shape[1], image.shape[0])
            )
        return self(image)

    def read(self, image: Image) -> np.ndarray:
        """Read an image as the model was trained to see it.

        Args:
            image: see ``predict``.

        Returns:
            (H, W, 3) BGR uint8.

        Raises:
            BadInputError: the input is not an image, or does not suit the model's rule for more than 8 bits.
        """
        if isinstance(image, np.ndarray):
            return as_bgr(image, rule=self.model.pixels)
        if not isinstance(image, (str, Path)):
            raise BadInputError("not an image", expected="an array or a file", found=type(image).__name__)
        return read_image(image, self.model.pixels)

    @property
    def config(self) -> "Config | None":
        """Return the settled config of a run; ``None`` for an exported model."""
        trained = getattr(self.model, "trained", None)
        return None if trained is None else trained.config

    @property
    def _searches(self) -> bool:
        return self.model.kind != ONE_STAGE and self.detector is None

    def _prepared_or_fault(self, given: tuple[Image, np.ndarray | None]) -> "_Job":
        try:
            return self._prepared(given)
        except BadInputError as fault:
            return _Job(_name(given[0]), fault=fault)

    def _prepared(self, given: tuple[Image, np.ndarray | None]) -> "_Job":
        """Read an image, and do all that can be done before a network runs."""
        image, boxes = self.read(given[0]), given[1]
        job = _Job(_name(given[0]), (image.shape[1], image.shape[0]))
        if self.model.kind == ONE_STAGE:
            if boxes is not None:
                raise BadInputError(
                    "a one-stage model does not take boxes", where="boxes", expected="None",
                    todo="leave --bbox and --detector out, or give a top-down model",
                )  # fmt: skip
            job.units = [self.model.prepare(image)]
        elif boxes is not None:
            job.boxes = checked_boxes(boxes)
            job.units = [self.model.prepare(image, box) for box in job.boxes]
        else:
            job.image = image
            if self.detector is not None:
                job.detecting = self.detector.prepare(image)
        return job

    def _results(self, jobs: Sequence["_Job"], batch_size: int) -> list[PoseResult]:
        """Do the networks' share of several images."""
        self._detect([job for job in jobs if job.detecting is not None], batch_size)
        found = iter(in_batches(self.model, [unit for job in jobs for unit in job.units], batch_size))
        return [self._result(job, [next(found) for _ in job.units]) for job in jobs]

    def _detect(self, jobs: Sequence["_Job"], batch_size: int) -> None:
        for i in range(0, len(jobs), batch_size):
            some = jobs[i : i + batch_size]
            assert self.detector is not None
            for job, (boxes, scores, labels) in zip(
                some, self.detector.run([job.detecting for job in some]), strict=True
            ):
                job.boxes, job.box_scores = boxes, scores
                job.categories = tuple(self.classes[label] for label in labels)
                assert job.image is not None
                job.units = [self.model.prepare(job.image, box) for box in boxes]
                job.image = None

    def _result(self, job: "_Job", found: list[PoseResult]) -> PoseResult:
        if job.fault is not None:
            return PoseResult.empty(self.schema, source=job.source, fault=job.fault)
        result = self.search(job.image) if job.image is not None else PoseResult.joined(found, self.schema)
        if self.model.kind == ONE_STAGE and result.box_scores is not None:
            result = result.chosen(np.flatnonzero(result.box_scores >= self.box_thr))
        if job.categories is not None:
            result = replace(result, box_scores=job.box_scores, categories=job.categories)
        return replace(result, source=job.source, image_size=job.size)


@dataclass
class _Job:
    """An image on its way: what is known of it, and the units of work that the network has to do.

    The image itself is kept only as long as boxes are still to be found in it.
    """

    source: str
    size: tuple[int, int] = (0, 0)
    image: np.ndarray | None = None
    boxes: np.ndarray | None = None
    box_scores: np.ndarray | None = None
    categories: tuple[str, ...] | None = None
    detecting: Any = None
    units: list[Any] = field(default_factory=list)
    fault: BadInputError | None = None

    @property
    def bytes(self) -> int:
        """Return how many bytes the image takes."""
        return 0 if self.image is None else self.image.nbytes


def checked_boxes(boxes: Any) -> np.ndarray:
    """Check boxes that a user gives.

    Args:
        boxes: (N, 4) xyxy in pixels.

    Returns:
        The same as an array of floats.

    Raises:
        BadInputError: another shape, a value that is not finite, or a box without area.
    """
    found = np.asarray(boxes, float)
    found = found.reshape(-1, 4) if found.size % 4 == 0 else found
    if found.ndim != 2 or not np.isfinite(found).all() or (found[:, 2:] <= found[:, :2]).any():
        raise BadInputError(
            "boxes must be (N, 4) xyxy with x2 > x1 and y2 > y1", where="boxes", found=str(found.tolist())
        )
    return found


def _is_one(images: Any) -> bool:
    if isinstance(images, np.ndarray):
        return images.ndim != 4
    return isinstance(images, (str, Path)) and not _is_glob(images)


def _is_glob(image: str | Path) -> bool:
    return has_magic(str(image)) and not Path(image).exists()


def _name(image: Image) -> str:
    return "" if isinstance(image, np.ndarray) else str(image)


def _listed(images: Any) -> Iterator[Image]:
    """Yield the images of everything that ``predict`` takes."""
    if isinstance(images, (str, Path)):
        return iter(_matching(images))
    if isinstance(images, np.ndarray) and images.ndim != 4:
        return iter([images])
    if not isinstance(images, Iterable):
        raise BadInputError(
            "not an image", expected="an array, a file, or several of these", found=type(images).__name__
        )
    return chain.from_iterable(_matching(one) if isinstance(one, (str, Path)) else [one] for one in images)


def _matching(pattern: str | Path) -> list[Image]:
    if not _is_glob(pattern):
        return [pattern]
    found = sorted(glob(str(pattern), recursive=True))  # noqa: PTH207  # Path.glob takes no absolute pattern
    if not found:
        raise BadInputError("no file matches", where=str(pattern))
    return list(found)


def _paired(given: Iterator[Image], images: Any, boxes: Any) -> Iterator[tuple[Image, np.ndarray | None]]:
    """Pair images with their boxes."""
    rest = iter([boxes] if _is_one(images) else boxes)
    end: Any = object()
    for image in given:
        box = next(rest, end)
        if box is end:
            raise BadInputError(
                "fewer boxes than images", where="boxes", expected="an array, or None, for each image"
            )
        yield image, box
    if next(rest, end) is not end:
        raise BadInputError(
            "more boxes than images", where="boxes", expected="an array, or None, for each image"
        )
