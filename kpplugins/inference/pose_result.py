"""The predictions for one image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from kpplugins.data.images import read_image
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.visibility.visibility_calibration import ABSENT, SCORE_THR
from kpplugins.visualization.draw import draw_pose

_OF_INSTANCES = (
    "keypoints", "scores", "boxes", "box_scores", "visibility", "states", "sigmas", "radii",
    "track_ids",
)  # fmt: skip
"""Fields with one row an instance."""


@dataclass(frozen=True)
class PoseResult:
    """Predicted instances of one image.

    Attributes:
        keypoints: ``(N, K, 2)`` float, (x, y) pixels of the original image.
        scores: ``(N, K)`` float, the confidence of each keypoint (a heatmap's peak is about 0 to 1).
        boxes: ``(N, 4)`` float, xyxy: the box in which each instance was searched for, or, with ``box_scores``, the
            detected one.
        schema: the K keypoints.
        box_scores: ``(N,)`` float, the confidence of each detected box; ``None`` if the model detects no boxes.
        categories: the category of each of the N instances; ``None`` if unknown.
        visibility: ``(N, K)`` float, the probability that a keypoint is there and visible; ``None`` where the run
            was not calibrated (see ``VisibilityCalibration``).
        states: ``(N, K)`` int, the model's answer at the run's thresholds: 0 absent, 1 occluded, 2 visible; ``None``
            where ``visibility`` is. Keypoints and scores are given in any case.
        sigmas: ``(N, K)`` float, the standard deviation of x and of y in pixels of the original image; ``None`` where
            the run was not calibrated (see ``UncertaintyCalibration``).
        radii: ``(N, K)`` float, the radius in pixels in which the true keypoint is with a probability of 0.9, for
            images like those of the validation; ``None`` where ``sigmas`` is.
        track_ids: ``(N,)`` int, the same number for the same instance in all frames of a video; ``None`` without
            tracking.
        source: the file, or another name of the image; empty for an array.
        image_size: (w, h) of the image in pixels, if known.
        fault: why the image could not be read; it has no instances then.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    schema: KeypointSchema
    box_scores: np.ndarray | None = None
    categories: tuple[str, ...] | None = None
    visibility: np.ndarray | None = None
    states: np.ndarray | None = None
    sigmas: np.ndarray | None = None
    radii: np.ndarray | None = None
    track_ids: np.ndarray | None = None
    source: str = ""
    image_size: tuple[int, int] | None = None
    fault: BadInputError | None = None

    @classmethod
    def empty(cls, schema: KeypointSchema, **values: Any) -> "PoseResult":
        """Return a result without instances.

        Args:
            schema: the K keypoints.
            **values: other fields.

        Returns:
            N = 0 instances.
        """
        k = schema.num_keypoints
        return cls(np.zeros((0, k, 2)), np.zeros((0, k)), np.zeros((0, 4)), schema, **values)

    @classmethod
    def joined(cls, parts: Sequence["PoseResult"], schema: KeypointSchema) -> "PoseResult":
        """Put the instances of several results for one image into one.

        Args:
            parts: of the same model; a field is known in all or in none.
            schema: the K keypoints, for the case that there are no parts.

        Returns:
            All instances, in the order of the parts.
        """
        if not parts:
            return cls.empty(schema)
        if len(parts) == 1:
            return parts[0]
        arrays = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in _OF_INSTANCES
            if getattr(parts[0], name) is not None
        }
        named = parts[0].categories is not None
        categories = tuple(name for part in parts for name in part.categories or ()) if named else None
        return replace(parts[0], **arrays, categories=categories)

    def __len__(self) -> int:
        """Return N, the number of instances."""
        return len(self.keypoints)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the K keypoint names."""
        return self.schema.keypoints

    @property
    def instance_scores(self) -> np.ndarray:
        """Return ``(N,)`` scores: ``box_scores`` if there are any, else the mean of each instance's keypoint scores."""
        return self.scores.mean(axis=1) if self.box_scores is None else self.box_scores

    def there(self, score_thr: float | None = None) -> np.ndarray:
        """Tell which keypoints are there.

        Args:
            score_thr: least score, whatever the model says about visibility; ``None`` follows that, and takes
                ``SCORE_THR`` where it says nothing.

        Returns:
            (N, K) boolean: visible or occluded, not absent.
        """
        if score_thr is None and self.states is not None:
            return self.states != ABSENT
        return self.scores >= (SCORE_THR if score_thr is None else score_thr)

    def chosen(self, indices: Sequence[int] | np.ndarray) -> "PoseResult":
        """Return some of the instances.

        Args:
            indices: which, in the order that is wanted; or (N,) boolean.

        Returns:
            The same image's result with these instances.
        """
        kept = np.arange(len(self))[np.asarray(indices, dtype=None if len(indices) else np.int64)]
        arrays = {name: value[kept] for name, value in self._arrays().items()}
        named = self.categories
        return replace(self, **arrays, categories=named and tuple(named[i] for i in kept))

    def to_dict(self) -> dict[str, Any]:
        """Return a dict for JSON.

        Returns:
            ``image``, ``width`` and ``height`` (where known), ``keypoint_names``, and ``instances``, each with
            ``category`` and ``track_id`` where they are known, ``bbox`` xyxy, ``score`` (see ``instance_scores``),
            ``keypoints`` [[x, y, score]], whose row k belongs to entry k of ``keypoint_names``, and, where they are
            known, ``visibility`` [p], ``states`` [0, 1 or 2], ``sigmas`` and ``radii`` [pixels]. ``fault`` says why
            the image could not be read.
        """
        facts: dict[str, Any] = {"image": self.source}
        if self.image_size is not None:
            facts |= {"width": self.image_size[0], "height": self.image_size[1]}
        if self.fault is not None:
            facts["fault"] = str(self.fault)
        return {
            **facts,
            "keypoint_names": list(self.names),
            "instances": [self._instance(i) for i in range(len(self))],
        }

    def to_coco(self, image_id: int | str, category_ids: Mapping[str, int] | int = 1) -> list[dict[str, Any]]:
        """Return COCO's results, as ``loadRes`` of COCO's evaluation reads them.

        Args:
            image_id: of the image.
            category_ids: the id of each category, or of all instances.

        Returns:
            One dict an instance: ``image_id``, ``category_id``, ``bbox`` xywh, ``keypoints`` [x, y, score, …] and
            ``score``; ``states`` (0 absent, 1 occluded, 2 visible) and ``track_id`` where they are known. COCO's
            evaluation uses all keypoints, also those that the model holds absent.

        Raises:
            BadInputError: a category has no id.
        """
        rows = []
        for i, score in enumerate(self.instance_scores):
            x1, y1, x2, y2 = (float(v) for v in self.boxes[i])
            points = np.column_stack([self.keypoints[i], self.scores[i]])
            row = {
                "image_id": image_id,
                "category_id": self._category_id(i, category_ids),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "keypoints": points.ravel().tolist(),
                "score": float(score),
            }
            row |= {} if self.states is None else {"states": self.states[i].astype(int).tolist()}
            rows.append(row if self.track_ids is None else row | {"track_id": int(self.track_ids[i])})
        return rows

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame with one row a keypoint.

        Returns:
            Columns ``image``, ``instance``, ``category``, ``track_id``, ``instance_score``, ``keypoint``, ``x``,
            ``y``, ``score``, ``visibility``, ``state``, ``sigma`` and ``radius``; what is not known is missing (NaN
            or None).

        Raises:
            BadInputError: pandas is not installed.
        """
        pandas = _optional("pandas")
        n, k = self.scores.shape

        def each(values: Any) -> Any:
            return [None] * (n * k) if values is None else np.repeat(np.asarray(values), k)

        return pandas.DataFrame(
            {
                "image": [self.source] * (n * k),
                "instance": np.repeat(np.arange(n), k),
                "category": each(None if self.categories is None else np.array(self.categories, object)),
                "track_id": each(self.track_ids),
                "instance_score": each(self.instance_scores),
                "keypoint": list(self.names) * n,
                "x": self.keypoints[..., 0].ravel(),
                "y": self.keypoints[..., 1].ravel(),
                "score": self.scores.ravel(),
                "visibility": [None] * (n * k) if self.visibility is None else self.visibility.ravel(),
                "state": [None] * (n * k) if self.states is None else self.states.ravel(),
                "sigma": [None] * (n * k) if self.sigmas is None else self.sigmas.ravel(),
                "radius": [None] * (n * k) if self.radii is None else self.radii.ravel(),
            }
        )

    def to_supervision(self) -> Any:
        """Return a ``supervision.KeyPoints``.

        Returns:
            Its ``xy``, ``keypoint_confidence`` and ``class_id`` (the index of the category among the sorted names of
            this result), and ``data["class_name"]``.

        Raises:
            BadInputError: supervision is not installed.
        """
        supervision = _optional("supervision")
        names = self.categories or ("",) * len(self)
        order = sorted(set(names))
        return supervision.KeyPoints(
            xy=self.keypoints.astype(np.float32),
            keypoint_confidence=self.scores.astype(np.float32),
            class_id=np.array([order.index(name) for name in names], int),
            data={"class_name": np.array(names, dtype=str)},
        )

    def draw(
        self, image: np.ndarray | None = None, score_thr: float | None = None, radii: bool = False
    ) -> np.ndarray:
        """Draw the skeleton, keypoints and box of every instance.

        Args:
            image: (H, W, 3) BGR, which is not changed. Default: the file that was predicted on.
            score_thr: see ``draw_pose``.
            radii: see ``draw_pose``.

        Returns:
            (H, W, 3) BGR.

        Raises:
            BadInputError: no image is given, and the result is that of an array; or the file cannot be read.
        """
        if image is None:
            if not self.source:
                raise BadInputError(
                    "the result of an array does not know its image", todo="give it: result.draw(image)"
                )
            image = read_image(self.source)
        return draw_pose(image, self, self.schema, score_thr, radii=radii)

    def _arrays(self) -> dict[str, np.ndarray]:
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name in _OF_INSTANCES}
        return {name: value for name, value in own.items() if value is not None}

    def _instance(self, i: int) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        if self.categories is not None:
            facts["category"] = self.categories[i]
        if self.track_ids is not None:
            facts["track_id"] = int(self.track_ids[i])
        facts |= {
            "bbox": [round(float(v), 2) for v in self.boxes[i]],
            "score": round(float(self.instance_scores[i]), 4),
            "keypoints": [
                [round(float(x), 2), round(float(y), 2), round(float(s), 4)]
                for (x, y), s in zip(self.keypoints[i], self.scores[i], strict=True)
            ],
        }
        if self.visibility is not None:
            facts["visibility"] = [round(float(p), 3) for p in self.visibility[i]]
        if self.states is not None:
            facts["states"] = [int(state) for state in self.states[i]]
        for name, pixels in (("sigmas", self.sigmas), ("radii", self.radii)):
            if pixels is not None:
                facts[name] = [round(float(value), 2) for value in pixels[i]]
        return facts

    def _category_id(self, i: int, ids: Mapping[str, int] | int) -> int:
        if not isinstance(ids, Mapping):
            return ids
        name = self.categories[i] if self.categories is not None else self.schema.name
        if name not in ids:
            raise BadInputError(
                "a category has no id",
                where="category_ids",
                expected=", ".join(map(str, ids)),
                found=str(name),
            )
        return ids[name]


def _optional(name: str) -> Any:
    """Import a package that the project does not need otherwise."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise BadInputError(f"the package {name} is not installed", todo=f"pip install {name}") from error
