from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from kpplugins.data import PoseRecord
from kpplugins.formats.cvat.written_labels import box_labels, skeleton_svg
from kpplugins.schema import KeypointSchema


def test_every_label_has_a_name_of_its_own():
    names = ["cat", "cat box", "cat box box"]
    found = box_labels(names)
    assert list(found) == names
    assert len({*names, *found.values()}) == 6


def test_points_are_drawn_where_they_lie_in_their_boxes():
    schema = KeypointSchema("pair", ("a & <b>", "never"), skeleton=(("never", "a & <b>"),))
    records = [
        PoseRecord(
            Path("x"),
            90,
            90,
            np.array([[x, 20.0, 2], [0, 0, 0]]),
            np.array([10.0, 10, 30, 50]),
            1.0,
            Path("y"),
        )
        for x in (10, 20)
    ]
    drawing = ElementTree.fromstring(f"<svg>{skeleton_svg(schema, records)}</svg>")
    # x is 0 and 0.5 of the box, y 0.25; the canvas goes from 10 to 90
    known, unknown = drawing.iter("circle")
    assert (known.get("cx"), known.get("cy"), known.get("data-label-name")) == ("30.00", "30.00", "a & <b>")
    assert (unknown.get("cx"), unknown.get("cy"), unknown.get("data-node-id")) == ("50.00", "90.00", "2")
    (line,) = drawing.iter("line")
    assert [line.get(k) for k in ("x1", "y1", "x2", "y2", "data-node-from", "data-node-to")] == [
        "50.00", "90.00", "30.00", "30.00", "2", "1",
    ]  # fmt: skip
