"""Decide for images whose EXIF orientation keeps their size, or that state none, by the others of the source."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kpplugins.data.images import ImageHeader, read_header
from kpplugins.data.placement.made_on import TURNED, turn_box, turn_points
from kpplugins.data.pose_record import PoseRecord
from kpplugins.data.rule import AppliedRule


def turn_like_the_others(records: Sequence[PoseRecord]) -> list[PoseRecord]:
    """Turn annotations of images in doubt if all others with an EXIF orientation had to be turned.

    A program either applies the orientation or does not. An upside-down image (orientation 3), a mirrored one and a
    square one have the same size both ways.

    Args:
        records: of one source.

    Returns:
        The records in their order; unchanged if none is in doubt or the others do not agree.
    """
    known = {rule for record in records for rule in record.rules}
    if AppliedRule.EXIF_TURNED not in known or AppliedRule.EXIF_KEPT in known:
        return list(records)
    return [_turned(r) if AppliedRule.EXIF_UNKNOWN in r.rules else r for r in records]


def _turned(record: PoseRecord) -> PoseRecord:
    header = read_header(record.image)
    width, height, orientation = _before(header)
    points = turn_points(record.keypoints[:, :2], width, height, orientation)
    labelled = record.keypoints[:, 2:] > 0
    rules = (AppliedRule.EXIF_FOLLOWED if r is AppliedRule.EXIF_UNKNOWN else r for r in record.rules)
    return replace(
        record, rules=tuple(rules), bbox=turn_box(record.bbox, width, height, orientation),
        keypoints=np.concatenate([np.where(labelled, points, 0.0), record.keypoints[:, 2:]], axis=1),
    )  # fmt: skip


def _before(header: ImageHeader) -> tuple[int, int, int]:
    """Return width, height and orientation of the image before its orientation is applied."""
    sides = (header.height, header.width) if header.orientation in TURNED else (header.width, header.height)
    return *sides, header.orientation
