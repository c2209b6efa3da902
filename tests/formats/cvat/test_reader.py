import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpplugins.data.annotation_set import UNLABELLED, AnnotationSet
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.cvat.reader import is_cvat, read_cvat
from kpplugins.structures import BadInputError

SVG = (
    '<line data-type="edge" data-node-from="1" data-node-to="2"></line>'
    '<circle data-type="element node" data-element-id="1" data-node-id="1" data-label-name="nose"></circle>'
    '<circle data-type="element node" data-element-id="2" data-node-id="2" data-label-name="tail"></circle>'
)
LABELS = f"""<labels><label><name>mouse</name><type>skeleton</type>
<svg>{SVG.replace("<", "&lt;").replace(">", "&gt;")}</svg></label>
<label><name>nose</name><type>points</type><parent>mouse</parent></label>
<label><name>tail</name><type>points</type><parent>mouse</parent></label>
<label><name>body</name><type>rectangle</type></label></labels>"""
GOOD = """<image id="0" name="a b.jpg" width="100" height="80">
<box label="body" group_id="1" occluded="0" xtl="10" ytl="20" xbr="40" ybr="50"/>
<skeleton label="mouse" group_id="1" occluded="0">
<points label="tail" outside="0" occluded="1" points="30.5,40"/>
<points label="nose" outside="0" occluded="0" points="20,30"/></skeleton>
<skeleton label="mouse">
<points label="nose" outside="0" occluded="0" points="60,10"/>
<points label="tail" outside="1" occluded="0" points="99,99"/></skeleton></image>
<image id="1" name="empty.jpg" width="100" height="80"><tag label="body"/></image>"""


def xml(content: str, labels: str = LABELS) -> str:
    return f"""<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task>{labels}</task></meta>
{content}</annotations>"""


def image(content: str, attributes: str = 'name="b.jpg" width="100" height="80"') -> str:
    return f"<image {attributes}>{content}</image>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "task"
    (path / "images").mkdir(parents=True)
    for name in ("a b.jpg", "empty.jpg", "b.jpg"):
        cv2.imwrite(str(path / "images" / name), np.zeros((80, 100, 3), np.uint8))
    (path / "annotations.xml").write_text(xml(GOOD), encoding="utf-8")
    return path


def test_skeletons_take_names_lines_and_visibility_and_their_groups_box(folder: Path):
    reading = read_cvat(folder)
    first, second = reading.records
    assert reading.schema.keypoints == ("nose", "tail") and reading.schema.skeleton == (("nose", "tail"),)
    assert first.keypoints.tolist() == [[20, 30, 2], [30.5, 40, 1]]
    assert first.bbox.tolist() == [10, 20, 40, 50] and first.category == "mouse"
    assert second.keypoints.tolist() == [[60, 10, 2], [0, 0, 0]]
    # one point: a tenth of the longer side, 100
    assert second.bbox.tolist() == [55, 5, 65, 15]
    assert [p.path.name for p in reading.backgrounds] == ["empty.jpg"]
    assert is_cvat(folder) and is_cvat(folder / "annotations.xml")


def write(folder: Path, content: str, labels: str = LABELS) -> Path:
    (folder / "annotations.xml").write_text(xml(content, labels), encoding="utf-8")
    return folder


def test_single_points_belong_to_the_box_around_them(folder: Path):
    shapes = """<points label="ear" occluded="1" points="12,12"/><points label="eye" points="30,30"/>
    <points label="eye" points="80,70"/><box label="dog" xtl="10" ytl="10" xbr="40" ybr="40"/>
    <box label="dog" rotation="90" xtl="60" ytl="65" xbr="100" ybr="75"/>"""
    first, second = read_cvat(write(folder, image(shapes), "")).records
    assert first.keypoints.tolist() == [[12, 12, 1], [30, 30, 2]] and first.category == "dog"
    # 40×10 around (80, 70) turned upright: 10×40, cut at 79
    assert np.allclose(second.bbox, [75, 50, 85, 79]) and second.num_labelled == 1


def test_a_label_with_many_points_is_an_instance_a_shape(folder: Path):
    shapes = '<points label="face" points="1,2;3,4;5,6"/><points label="face" points="7,8;9,10;11,12"/>'
    reading = read_cvat(write(folder, image(shapes), ""))
    assert reading.schema.keypoints == ("face_1", "face_2", "face_3")
    assert [r.keypoints[1].tolist() for r in reading.records] == [[3, 4, 2], [9, 10, 2]]
    assert {r.category for r in reading.records} == {"face"}
    with pytest.raises(BadInputError, match="expected 3 as elsewhere; found 1"):
        read_cvat(write(folder, image(shapes + '<points label="face" points="1,2"/>'), ""))


TRACKS = """<track id="0" label="mouse">
<skeleton frame="0" keyframe="1"><points label="nose" outside="0" occluded="0" points="10,10"/>
<points label="tail" outside="0" occluded="1" points="30,20"/></skeleton>
<skeleton frame="1" keyframe="0"><points label="nose" outside="0" occluded="0" points="12,10"/>
<points label="tail" outside="1" occluded="0" points="30,20"/></skeleton>
<skeleton frame="2" keyframe="1" outside="1"><points label="nose" outside="1" points="12,10"/>
<points label="tail" outside="1" points="30,20"/></skeleton></track>
<track id="1" label="body"><box frame="1" outside="0" occluded="0" keyframe="1" xtl="50" ytl="50" xbr="60" ybr="60"/>
<box frame="2" outside="1" occluded="0" keyframe="1" xtl="50" ytl="50" xbr="60" ybr="60"/></track>"""


@pytest.fixture
def video(folder: Path) -> Path:
    for i in range(4):
        shutil.copy(folder / "images" / "b.jpg", folder / "images" / f"frame_{i:06d}.jpg")
    return write(folder, TRACKS)


def test_tracks_are_read_frame_by_frame_until_they_leave(video: Path):
    reading = read_cvat(video)
    assert [(r.image.name, r.category, r.num_labelled) for r in reading.records] == [
        ("frame_000000.jpg", "mouse", 2),
        ("frame_000001.jpg", "body", 0),
        ("frame_000001.jpg", "mouse", 1),
    ]
    assert reading.records[0].keypoints.tolist() == [[10, 10, 2], [30, 20, 1]]
    assert [p.path.name for p in reading.backgrounds] == ["frame_000002.jpg"]
    assert reading.notes.counts == {UNLABELLED: 1}  # no track mentions frame 3
    negatives = read_cvat(video, negatives=True)
    assert [p.path.name for p in negatives.backgrounds] == ["frame_000002.jpg", "frame_000003.jpg"]


def test_frames_may_be_elsewhere_and_are_needed(video: Path, tmp_path: Path):
    (video / "images").rename(tmp_path / "frames")
    with pytest.raises(BadInputError, match="no frames of the video.*ffmpeg"):
        read_cvat(video)
    assert len(read_cvat(video, images=tmp_path / "frames").records) == 3
    (tmp_path / "frames" / "frame_000001.jpg").unlink()
    with pytest.raises(BadInputError, match="frame 1: image is missing.*expected frame_000001"):
        read_cvat(video, images=tmp_path / "frames")


def test_names_without_ending_are_those_of_a_video_exported_as_images(folder: Path):
    (folder / "images/b.jpg").rename(folder / "images/frame_000007.PNG")
    shapes = '<points label="nose" points="20,30"/><points label="tail" points="30,30"/>'
    reading = read_cvat(write(folder, image(shapes, 'name="frame_000007" width="100" height="80"')))
    assert [r.image.name for r in reading.records] == ["frame_000007.PNG"]
    assert "1 image found by a name without ending" in reading.notes.lines[0]
    shutil.copy(folder / "images/frame_000007.PNG", folder / "images/frame_000007.jpg")
    with pytest.raises(BadInputError, match="image name fits several files"):
        read_cvat(folder)


def test_a_task_of_images_exported_as_video(folder: Path):
    task = "<size>3</size>"
    reading = read_cvat(write(folder, TRACKS, LABELS + task))  # a b.jpg, b.jpg, empty.jpg
    assert [r.image.name for r in reading.records] == ["a b.jpg", "b.jpg", "b.jpg"]
    assert (
        "frames 0 to 2 are the images in the order of their names, a b.jpg to empty.jpg"
        in reading.notes.lines[0]
    )
    with pytest.raises(BadInputError, match="no frames of the video"):
        read_cvat(write(folder, TRACKS, LABELS + "<size>4</size>"))
    (folder / "images/a b.jpg").rename(folder / "images/b10.jpg")
    (folder / "images/b.jpg").rename(folder / "images/b9.jpg")
    with pytest.raises(BadInputError, match="order of the task's images is not known.*for images 1.1"):
        read_cvat(write(folder, TRACKS, LABELS + task))


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ('data-node-to="2"', 'data-node-to="9"', r"label 'mouse': 1 skeleton lines.*left out: \('1', '9'\)"),
        ('data-label-name="tail"', 'data-label-id="462"', "1 skeleton lines join no two keypoints"),
        ('data-node-to="2"', 'data-node-to="1"', "1 skeleton lines join no two keypoints"),
        ('data-node-from="1"', "", "1 skeleton lines join no two keypoints"),
        ("&lt;line", "&lt;&lt;line", "skeleton lines left out: not valid XML"),
    ],
)
def test_lines_are_drawing_only(folder: Path, old: str, new: str, note: str):
    content = xml(GOOD)
    assert old in content
    (folder / "annotations.xml").write_text(content.replace(old, new), encoding="utf-8")
    reading = read_cvat(folder)
    assert reading.schema.keypoints == ("nose", "tail") and reading.schema.skeleton == ()
    assert len(reading.records) == 2 and re.search(note, reading.notes.lines[0])


def test_a_flat_box_of_a_skeleton_only_names_its_category(folder: Path):
    flat = GOOD.replace('xbr="40"', 'xbr="10"')
    first = read_cvat(write(folder, flat)).records[0]
    # 10.5×10 around (20, 30) and (30.5, 40)
    assert first.bbox == pytest.approx([18.95, 28.95, 31.55, 41.05])
    assert AppliedRule.BOX_WITHOUT_SIZE in first.rules


def test_a_shape_of_an_unreadable_frame_may_be_of_any_that_its_track_does_not_mention(video: Path):
    tracks = TRACKS.replace('"1" keyframe="0"', '"-1" keyframe="0"')  # the mouse of frame 1 is lost
    reading = read_cvat(write(video, tracks), skip_bad=True)
    assert [r.image.name for r in reading.records] == ["frame_000000.jpg"]
    assert [b.path.name for b in reading.backgrounds] == ["frame_000002.jpg"]


def test_a_bad_frame_number_or_size_is_a_fault(video: Path):
    with pytest.raises(BadInputError, match=r"track\[0\] skeleton\[1\]: frame is wrong.*-1"):
        read_cvat(write(video, TRACKS.replace('"1" keyframe="0"', '"-1" keyframe="0"')))
    with pytest.raises(BadInputError, match="frame occurs twice"):
        read_cvat(write(video, TRACKS.replace('"1" keyframe="0"', '"0" keyframe="0"')))
    size = "<original_size><width>64</width><height>80</height></original_size>"
    with pytest.raises(BadInputError, match="another size.*expected 64×80"):
        read_cvat(write(video, TRACKS, LABELS + size))


def point(attributes: str) -> str:
    return image(f'<skeleton label="mouse"><points {attributes}/></skeleton>')


FAULTS = {
    "no name": (image("", ""), "no usable name"),
    "absolute": (image("", 'name="/etc/a.jpg"'), "absolute path"),
    "drive": (image("", 'name="C:\\a.jpg"'), "absolute path"),
    "out": (image("", 'name="../../a.jpg"'), "outside its folder"),
    "gone": (image("", 'name="gone ü.jpg"'), "image is missing.*save images"),
    "size": (image("", 'name="b.jpg" width="99" height="80"'), "another size"),
    "half a size": (image("", 'name="b.jpg" width="100"'), "height is missing"),
    "negative size": (image("", 'name="b.jpg" width="-100" height="80"'), "image size is wrong"),
    "nan": (point('label="nose" points="nan,1"'), r"skeleton\[0\] points\[0\]: x is wrong"),
    "inf": (point('label="nose" points="1,1e999"'), "y is wrong"),
    "text": (point('label="nose" points="one,1"'), "x is wrong.*a number"),
    "three": (point('label="nose" points="1,2,3"'), "points are wrong"),
    "none": (point('label="nose"'), "points are wrong"),
    "two positions": (point('label="nose" points="1,2;3,4"'), "several positions"),
    "no label": (point('points="1,2"'), "label is missing"),
    "twice": (
        image('<skeleton label="mouse">' + '<points label="nose" points="1,2"/>' * 2 + "</skeleton>"),
        "'nose' occurs twice",
    ),
    "flat box": (image('<box label="b" xtl="5" ytl="5" xbr="5" ybr="9"/>'), "box has no size"),
    "inverted": (image('<box label="b" xtl="9" ytl="5" xbr="5" ybr="9"/>'), "box has no size"),
    "box without side": (image('<box label="b" xtl="5" ytl="5" xbr="9"/>'), "ybr is missing"),
    "beyond": (image('<box label="b" xtl="500" ytl="5" xbr="900" ybr="9"/>'), "box has no area in its image"),
    "box without label": (image('<box xtl="5" ytl="5" xbr="9" ybr="9"/>'), "label is wrong"),
    "only polygons": (image('<polygon label="x" points="1,2;3,4;5,9"/>'), "neither keypoints.*polygon"),
    "doubled": (image("") * 2, "annotated twice"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_bad_image_is_named_with_its_place_and_can_be_skipped(case: str, folder: Path):
    content, words = FAULTS[case]
    write(folder, GOOD + content)
    with pytest.raises(
        BadInputError, match=rf"annotations\.xml image\[[23]\].*({words}).*--skip-bad"
    ) as caught:
        read_cvat(folder)
    assert "\n" not in str(caught.value)
    assert len(read_cvat(folder, skip_bad=True).records) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (xml(GOOD)[:-20].encode(), r"not valid XML.*whole"),
        (b"<annotation/>", "not a CVAT file.*<annotations>"),
        (b"<annotations></annotations>", "no keypoints here"),
        (b"<!DOCTYPE x><annotations/>", "document type.*<!DOCTYPE"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><annotations>&a;</annotations>', "document type"),
        (b"<annotations>&a;</annotations>", "not valid XML"),
        (xml(GOOD).replace("<a", "<ä", 1).encode("latin-1"), "not UTF-8.*iconv"),
        (xml(GOOD).replace("<name>tail</name>", "").encode(), "name of a label is missing"),
    ],
)
def test_a_broken_file_is_named(content: bytes, words: str, folder: Path):
    (folder / "annotations.xml").write_bytes(content)
    with pytest.raises(BadInputError, match=words) as caught:
        read_cvat(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


def test_nothing_there(tmp_path: Path):
    assert not is_cvat(tmp_path) and not is_cvat(tmp_path / "no")
    with pytest.raises(BadInputError, match="no CVAT file"):
        read_cvat(tmp_path)


def test_a_linked_image_outside_is_refused(folder: Path, tmp_path: Path):
    (folder / "images" / "b.jpg").rename(tmp_path / "b.jpg")
    (folder / "images" / "b.jpg").symlink_to(tmp_path / "b.jpg")
    with pytest.raises(BadInputError, match="outside its folder"):
        read_cvat(write(folder, image("")))


def test_the_real_export_is_read_as_it_is_written(real_data: Path):
    source = real_data / "exports" / "cvat_images"
    reading = read_cvat(source)
    text = (source / "train.xml").read_text()
    # 2 skeletons of 4 points of which one is outside, 1 points shape of 3, 1 box, 1 polygon, 1 polyline
    assert len(reading.records) == text.count("<skeleton") + text.count("<points label=") - 8 + 1 == 4
    assert reading.schema.keypoints == ("1", "2", "3", "4", "label2_1", "label2_2", "label2_3")
    assert reading.schema.skeleton == (("3", "2"), ("1", "4"))
    assert sum(r.num_labelled for r in reading.records) == 2 * 3 + 3
    assert reading.rules == {
        AppliedRule.BOX_DERIVED: 3,
        AppliedRule.BOX_ALONE: 1,
        AppliedRule.AREA_DERIVED: 4,
        AppliedRule.SHAPE_IGNORED: 2,
    }
    assert is_cvat(source)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_is_read_or_refused_in_one_line(video: Path, data: st.DataObject):
    content = bytearray(xml(data.draw(st.sampled_from([GOOD, TRACKS]))).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (video / "annotations.xml").write_bytes(content[: data.draw(st.integers(0, 4)) * -10 or None])
    try:
        assert isinstance(read_cvat(video, skip_bad=data.draw(st.booleans())), AnnotationSet)
    except BadInputError as error:
        assert "\n" not in str(error)
