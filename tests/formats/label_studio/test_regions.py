"""What is written for Label Studio: regions, under the names of a labelling configuration."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.formats.label_studio.labelling_config import LabellingConfig
from kpplugins.formats.label_studio.regions import OURS, Tags, regions_of
from kpplugins.formats.label_studio.writer import write_label_studio
from kpplugins.formats.writing.content import Content
from kpplugins.schema import KeypointSchema

IMAGE = ImageInfo(Path("a.png"), 200, 100)
RECORD = PoseRecord(
    IMAGE.path, 200, 100, np.array([[20.0, 30, 2], [0, 0, 0], [199, 99, 1]]), np.array([10.0, 20, 110, 70]), 1.0,
    Path("x"), (), "cat",
)  # fmt: skip


def test_keypoints_come_before_the_box_they_are_in():
    """Label Studio gives a click to the first region that lies there."""
    nose, tail, hidden, box = regions_of(RECORD, ("nose", "ear", "tail"), IMAGE, "i0")
    assert (nose["value"]["x"], nose["value"]["y"]) == (10.0, 30.0) and nose["parentID"] == "i0"
    assert tail["value"]["x"] * 2 <= 199 and tail["value"]["y"] <= 99
    assert hidden["id"] == tail["id"] and hidden["value"]["choices"] == ["occluded"]
    sides = {"x": 5.0, "y": 20.0, "width": 50.0, "height": 50.0, "rotation": 0}
    assert box["value"] == {**sides, "rectanglelabels": ["cat"]} and "score" not in box


def test_a_tag_that_is_not_there_gets_no_regions():
    tags = Tags("photo", "", "kp", "")
    nose, tail = regions_of(RECORD, ("nose", "ear", "tail"), IMAGE, "i0", tags, (0.5, [0.1, 0.2, 0.25]))
    assert (nose["from_name"], nose["to_name"], nose["score"], tail["score"]) == ("kp", "photo", 0.1, 0.25)
    assert "parentID" not in nose


def test_our_own_configuration_is_read(tmp_path: Path):
    schema = KeypointSchema("pets", ("nose", "ear", "tail"))
    write_label_studio(Content(AnnotationSet(schema, [RECORD])), tmp_path, lambda names: None)
    text = (tmp_path / "label_config.xml").read_text()
    config = LabellingConfig.parse(text, "here")
    assert config == LabellingConfig(OURS, "image", schema.keypoints, ("cat",))
    without = LabellingConfig.parse(text.replace('perRegion="true"', ""), "here")
    assert without == replace(config, tags=replace(OURS, visibility=""))
