"""CVAT's auto-annotation function: skeletons and boxes of any keypoint set, from a run or an exported folder.

``cvat-cli … auto-annotate TASK --function-module kpplugins.apis.annotation.cvat_function -p run=str:RUN`` calls
``create`` with what stands after ``-p``, and then ``detect`` for each image of the task. ``--function-file`` takes a
file that has ``create`` of this module, for parameters of your own.

The labels have the names that ``kpplugins dataset export --to cvat`` gives them in ``labels.json``.

Protocol: https://docs.cvat.ai/docs/api_sdk/sdk/auto-annotation/
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kpplugins.apis.annotation.found_instances import FoundInstance, categories_of, found_instances, info_of
from kpplugins.extras import cure
from kpplugins.formats.cvat.written_labels import box_labels
from kpplugins.structures import MachineError

if TYPE_CHECKING:
    from PIL import Image

    from kpplugins.inference.predictor import Predictor


class CvatFunction:
    """A detection function of ``cvat_sdk.auto_annotation``.

    Args:
        predictor: the model.
        boxes: also give each instance's box, as a rectangle of the same group.
        score_thr: see ``predicted_content``.

    Attributes:
        spec: the labels, as CVAT matches them by name with those of the task.

    Raises:
        MachineError: cvat-sdk is not installed.
    """

    def __init__(self, predictor: "Predictor", boxes: bool = True, score_thr: float | None = None) -> None:
        self._cvat = _sdk()
        self._predictor, self._boxes, self._score_thr = predictor, boxes, score_thr
        categories = categories_of(predictor)
        self._numbers = {name: i for i, name in enumerate(categories)}
        keypoints = [self._cvat.keypoint_spec(name, i) for i, name in enumerate(predictor.schema.keypoints)]
        labels = [self._cvat.skeleton_label_spec(name, i, keypoints) for name, i in self._numbers.items()]
        rectangles = box_labels(categories) if boxes else {}
        labels += [
            self._cvat.label_spec(rectangles[name], len(categories) + i, type="rectangle")
            for name, i in self._numbers.items()
            if boxes
        ]
        self.spec = self._cvat.DetectionFunctionSpec(labels=labels)

    def detect(self, context: Any, image: "Image.Image") -> list[Any]:
        """Find the instances of one image.

        Args:
            context: cvat-sdk's; with its ``conf_threshold``, instances of a lower score are left out.
            image: the frame.

        Returns:
            For each instance a skeleton of all K keypoints, absent ones ``outside`` in the middle of the box, and its
            rectangle.
        """
        array = self._pixels(image)
        least = context.conf_threshold
        found = found_instances(
            self._predictor(array), info_of(Path(context.frame_name), array), self._score_thr
        )
        shown = [one for one in found if least is None or one.score >= least]
        return [shape for group, one in enumerate(shown, 1) for shape in self._shapes(one, group)]

    def _pixels(self, image: "Image.Image") -> np.ndarray:
        """Return a frame as the model was trained to see it, turned as CVAT shows it."""
        from PIL import ImageOps

        turned = ImageOps.exif_transpose(image)
        if turned.mode.startswith("I"):  # more than 8 bits
            return self._predictor.read(np.asarray(turned))
        return self._predictor.read(np.ascontiguousarray(np.asarray(turned.convert("RGB"))[..., ::-1]))

    def _shapes(self, one: FoundInstance, group: int) -> Sequence[Any]:
        record = one.record
        middle = ((record.bbox[:2] + record.bbox[2:]) / 2).tolist()
        elements = [
            self._cvat.keypoint(
                i, [x, y] if visibility else middle, outside=visibility == 0, occluded=visibility == 1
            )
            for i, (x, y, visibility) in enumerate(record.keypoints.tolist())
        ]
        number = self._numbers[record.category]
        more = {"group": group, "score": min(max(one.score, 0.0), 1.0)}
        shapes = [self._cvat.skeleton(number, elements, **more)]
        if self._boxes:
            shapes.append(self._cvat.rectangle(len(self._numbers) + number, record.bbox.tolist(), **more))
        return shapes


def create(
    run: str | None = None,
    checkpoint: str | None = None,
    detector: str | None = None,
    device: str | None = None,
    box_thr: float = 0.3,
    score_thr: float | None = None,
    boxes: bool = True,
    trust_checkpoint: bool = False,
) -> CvatFunction:
    """Load a model as CVAT's function; ``cvat-cli`` passes what stands after ``-p NAME=TYPE:VALUE``.

    Args:
        run: a config, a checkpoint, the work dir of a run, or an exported folder; ``None`` is the newest run.
        checkpoint: the weights; ``None`` takes the best ones of the config's work dir.
        detector: finds the boxes, for a top-down model.
        device: ``cpu``, ``cuda:0``, …; ``None`` takes a GPU where there is one.
        box_thr: boxes with a lower score are left out.
        score_thr: see ``predicted_content``.
        boxes: also give rectangles; the task needs labels for them then.
        trust_checkpoint: let checkpoints run code while they load.

    Returns:
        The function.

    Raises:
        BadInputError: see ``Predictor``.
        MachineError: cvat-sdk is not installed.
    """
    from kpplugins.inference.bulk.model_choice import ModelChoice

    _sdk()  # before a model is loaded
    choice = ModelChoice(
        run, checkpoint, device, detector, box_thr=box_thr, trust_checkpoint=trust_checkpoint
    )
    return CvatFunction(choice.settled().open(), boxes, score_thr)


def _sdk() -> Any:
    try:
        from cvat_sdk import auto_annotation
    except ImportError as error:
        raise MachineError("cvat-sdk is not installed", todo=cure("cvat_sdk")) from error
    return auto_annotation
