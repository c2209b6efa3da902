"""The formats that can be read, and detection of a source's format."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.storage.files import exists, is_folder
from kpplugins.structures import BadInputError


@dataclass(frozen=True)
class Format:
    """A format that can be read.

    Attributes:
        name: as ``--from`` takes it.
        reader_module: the module that reads it, with ``is_NAME`` and ``read_NAME``.
        function: the NAME in these.
        words: description for ``--help`` and messages.
        instead_of: names of formats that it is a variant of: a source that fits it fits them too, but is not theirs.
    """

    name: str
    reader_module: str
    function: str
    words: str
    instead_of: tuple[str, ...] = ()

    def recognises(self, source: Path) -> bool:
        """Tell whether the source looks like this format; never raises."""
        try:
            return bool(self._function("is")(source))
        except (RecursionError, MemoryError):
            return False

    @property
    def reader(self) -> Callable[..., AnnotationSet]:
        """Return the function that reads the format."""
        return self._function("read")

    def read(self, source: Path, **options: Any) -> AnnotationSet:
        """Read the source; see the reader for its options.

        Raises:
            BadInputError: see the reader; or the source is nested too deep, or needs more memory than there is.
        """
        try:
            return self.reader(source, **options)
        except (RecursionError, MemoryError) as error:
            deep = isinstance(error, RecursionError)
            raise BadInputError(
                "values are nested too deep" if deep else "needs more memory than there is", where=str(source),
                todo="export it again from the annotation tool" if deep else "divide it into parts",
            ) from error  # fmt: skip

    def _function(self, kind: str) -> Callable:
        return getattr(import_module(f"kpplugins.{self.reader_module}"), f"{kind}_{self.function}")


FORMATS = (
    Format("cat", "formats.cat", "cat", "CAT cat faces: CAT_00/NAME.jpg + NAME.jpg.cat"),
    Format(
        "kaggle",
        "formats.kaggle_faces.reader",
        "kaggle_faces",
        "Kaggle facial keypoints: training.csv or .zip",
    ),
    Format("coco", "data.coco.reader", "coco", "COCO keypoints: annotations/*.json"),
    Format("labelme", "formats.labelme.reader", "labelme", "LabelMe: one JSON per image"),
    Format("cvat", "formats.cvat.reader", "cvat", "CVAT 1.1 XML, for images and for video"),
    Format("labelstudio", "formats.label_studio.reader", "label_studio", "Label Studio: JSON and JSON-MIN"),
    Format("via", "formats.via", "via", "VGG Image Annotator 1 to 3: JSON and CSV"),
    Format(
        "yolo", "formats.yolo_pose.reader", "yolo_pose", "Ultralytics YOLO pose: data.yaml + labels/*.txt"
    ),
    Format(
        "deeplabcut",
        "formats.deeplabcut.reader",
        "deeplabcut",
        "DeepLabCut project: config.yaml + labeled-data",
    ),
    Format(
        "lightningpose", "formats.lightning_pose", "lightning_pose", "Lightning Pose: CSV of labelled frames"
    ),
    Format("sleap", "formats.sleap", "sleap", "SLEAP: .slp (needs the extra 'sleap')"),
    Format(
        "tfrecord", "formats.tfrecord.reader", "tfrecord", "TF Object Detection API: TFRecord + label map"
    ),
    Format(
        "boxes_json",
        "formats.boxes_json",
        "boxes_json",
        "one JSON per image with bboxes (xyxy) and keypoints",
    ),
    Format("datumaro", "formats.datumaro", "datumaro", "Datumaro: annotations/SUBSET.json"),
    Format("openpose", "formats.openpose", "openpose", "OpenPose's output: NAME_keypoints.json per image"),
    Format("mpii", "formats.mpii.reader", "mpii", "MPII Human Pose: the .mat file, or JSON made of it"),
    Format("300w", "formats.faces.ibug_pts", "ibug_pts", "300-W and other faces: NAME.pts per image"),
    Format("wflw", "formats.faces.wflw", "wflw", "WFLW faces: list_98pt_rect_attr_*.txt"),
    Format(
        "animalpose",
        "formats.animal_pose",
        "animal_pose",
        "Animal-Pose: keypoints.json",
        instead_of=("coco",),
    ),
)
"""All formats, in the order in which a source is tested for them."""


def detect(source: Path) -> Format:
    """Tell which one format ``source`` is in.

    Args:
        source: file or folder.

    Returns:
        The format.

    Raises:
        BadInputError: there is no such source, or no format or more than one recognises it.
    """
    if not exists(source):
        raise BadInputError("no such file or folder", where=str(source))
    matches = [f for f in FORMATS if f.recognises(source)]
    others = {name for f in matches for name in f.instead_of}
    matches = [f for f in matches if f.name not in others]
    if len(matches) == 1:
        return matches[0]
    packed = not matches and not source.is_dir() and is_folder(source)  # raises if it is a damaged archive
    names = ", ".join(f.name for f in matches or FORMATS)
    raise BadInputError(
        "more than one format fits" if matches else "no known format", where=str(source),
        expected="COCO, which alone is read from an archive or an address" if packed else f"one of {names}",
        todo="unpack it, or copy it to the disk" if packed else "name it: --from FORMAT",
    )  # fmt: skip


def by_name(name: str) -> Format:
    """Look up the format called ``name``.

    Args:
        name: as ``--from`` takes it.

    Returns:
        The format.

    Raises:
        BadInputError: there is none; the message lists all.
    """
    for known in FORMATS:
        if known.name == name:
            return known
    raise BadInputError(
        "unknown format", where="--from", expected=", ".join(f.name for f in FORMATS), found=repr(name)
    )
