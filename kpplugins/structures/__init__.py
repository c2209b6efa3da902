"""Data structures and the coordinate conventions that everything else refers to. NumPy only.

Conventions:

- a point is ``(x, y)`` in pixels, x to the right, y downwards; the centre of the top-left pixel is ``(0, 0)``, so an
  image of W x H pixels covers ``[-0.5, W - 0.5] x [-0.5, H - 0.5]`` and a point is *inside* it when
  ``0 <= x <= W - 1`` and ``0 <= y <= H - 1``;
- visibility is COCO's: 0 absent (not labelled), 1 labelled but occluded, 2 labelled and visible;
- a labelled keypoint outside its image counts as absent (visibility 0), because no image position can be learnt or
  scored for it; code that applies this rule counts the keypoints it changed;
- boxes are ``xyxy`` (left, top, right, bottom) in memory and ``xywh`` in COCO files;
- images are BGR ``uint8`` of shape ``(H, W, 3)``, as OpenCV reads them (EXIF orientation applied).

The map: ``BoxLayout`` (where keypoints lie in their boxes), ``VisibilityCalibration`` (what scores say about
visibility; made of ``KeypointCurves``, made of ``ScoreCurve``), ``UncertaintyCalibration`` (how far off keypoints may
be), ``model_kind`` (what models find), ``geometry`` (pure functions on points and boxes), ``procrustes`` (how similar
two shapes are), and ``errors`` with ``BadInputError``, the exception for every fault in the input that the user can
fix, ``IncompleteInputError`` and ``MachineError``; ``replaced_file`` (files written completely or not at all),
``line_file`` (never half a line), ``file_lock`` (one process at a time), ``timed``, ``addresses`` (``s3://…`` as
paths) and ``checksum``.

Adding a new structure: one frozen dataclass per file, with no import from another package of kpplugins.
"""

from kpplugins.structures.box_layout import BoxLayout
from kpplugins.structures.errors import BadInputError
from kpplugins.structures.incomplete_input_error import IncompleteInputError
from kpplugins.structures.machine_error import MachineError
from kpplugins.structures.uncertainty.uncertainty_calibration import UncertaintyCalibration
from kpplugins.structures.visibility.visibility_calibration import VisibilityCalibration

__all__ = [
    "BadInputError",
    "BoxLayout",
    "IncompleteInputError",
    "MachineError",
    "UncertaintyCalibration",
    "VisibilityCalibration",
]
