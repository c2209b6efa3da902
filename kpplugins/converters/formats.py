"""Which formats can be read, and telling which one a source is."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from kpplugins.converters.reading import Reading
from kpplugins.structures import BadInputError


@dataclass(frozen=True)
class Format:
    """A format that can be read.

    Attributes:
        name: as ``--from`` takes it.
        module: the module of ``kpplugins.converters`` that reads it.
        words: what it is, for ``--help`` and messages.
    """

    name: str
    module: str
    words: str

    def recognises(self, source: Path) -> bool:
        """Whether the source looks like this format; never raises."""
        return bool(self._function("is")(source))

    @property
    def reader(self) -> Callable[..., Reading]:
        """The function that reads it."""
        return self._function("read")

    def read(self, source: Path, **options: Any) -> Reading:
        """Read the source; see the reader for its options."""
        return self.reader(source, **options)

    def _function(self, kind: str) -> Callable:
        return getattr(import_module(f"kpplugins.converters.{self.module}"), f"{kind}_{self.module}")


FORMATS = (
    Format("cat", "cat", "CAT cat faces: CAT_00/NAME.jpg + NAME.jpg.cat"),
    Format("kaggle", "kaggle_faces", "Kaggle facial keypoints: training.csv or .zip"),
    Format("coco", "coco", "COCO keypoints: annotations/*.json"),
    Format("labelme", "labelme", "LabelMe: one JSON a picture"),
    Format("cvat", "cvat", "CVAT 1.1 XML, for images and for video"),
    Format("labelstudio", "label_studio", "Label Studio: JSON and JSON-MIN"),
    Format("via", "via", "VGG Image Annotator: JSON and CSV"),
    Format("yolo", "yolo_pose", "Ultralytics YOLO pose: data.yaml + labels/*.txt"),
    Format("deeplabcut", "deeplabcut", "DeepLabCut project: config.yaml + labeled-data"),
    Format("lightningpose", "lightning_pose", "Lightning Pose: CSV of labelled frames"),
    Format("sleap", "sleap", "SLEAP: .slp (needs the extra 'sleap')"),
    Format("tfrecord", "tfrecord", "TF Object Detection API: TFRecord + label map"),
    Format("boxes_json", "boxes_json", "one JSON a picture with bboxes (xyxy) and keypoints"),
)
"""In the order in which a source is tried."""


def detect(source: Path) -> Format:
    """The one format that ``source`` is in.

    Raises:
        BadInputError: there is no such source, or no format or more than one recognises it.
    """
    if not source.exists():
        raise BadInputError("no such file or folder", where=str(source))
    matches = [f for f in FORMATS if f.recognises(source)]
    if len(matches) == 1:
        return matches[0]
    names = ", ".join(f.name for f in matches or FORMATS)
    raise BadInputError(
        "more than one format fits" if matches else "no known format", where=str(source),
        expected=f"one of {names}", todo="name it: --from FORMAT",
    )  # fmt: skip


def by_name(name: str) -> Format:
    """The format called ``name``; raises BadInputError naming all."""
    for known in FORMATS:
        if known.name == name:
            return known
    raise BadInputError(
        "unknown format", where="--from", expected=", ".join(f.name for f in FORMATS), found=repr(name)
    )
