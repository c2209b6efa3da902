from pathlib import Path

import numpy as np

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.one_image import add_image
from kpplugins.data.record_builder import build_record
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError


def test_an_image_is_added_whole_or_not_at_all():
    reading, image = AnnotationSet(CAT_SCHEMA), ImageInfo(Path("a.png"), 50, 40)
    record = build_record(image, np.full((9, 3), 2.0), source=Path("x"), where="x")
    add_image(reading, lambda: (image, [record, record]), "val")
    empty = ImageInfo(Path("b.png"), 50, 40)
    add_image(reading, lambda: (empty, []))

    def bad() -> tuple[ImageInfo, list]:
        raise BadInputError("bad")

    add_image(reading, bad, "train")
    assert (len(reading.records), reading.backgrounds, reading.splits) == (2, [empty], {image.path: "val"})
    assert [fault.what for fault in reading.faults] == ["bad"]
