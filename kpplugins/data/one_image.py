"""Add what a source says of one image to what was read: all of it, or nothing and the fault."""

from collections.abc import Callable, Sequence

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.pose_record import PoseRecord
from kpplugins.structures import BadInputError


def add_image(
    reading: AnnotationSet, make: Callable[[], tuple[ImageInfo, Sequence[PoseRecord]]], split: str = ""
) -> None:
    """Add the records of one image, or the image as a background where it has none.

    Args:
        reading: what was read so far; it is changed.
        make: finds the image and builds its records. If it raises BadInputError, nothing but the fault is added.
        split: ``train``, ``val`` or ``test``, where the source says so.
    """
    try:
        image, records = make()
    except BadInputError as fault:
        reading.faults.append(fault)
        return
    reading.records += records
    if not records:
        reading.backgrounds.append(image)
    if split:
        reading.splits[image.path] = split
