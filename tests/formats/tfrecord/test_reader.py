import struct
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpplugins.data.rule import AppliedRule
from kpplugins.formats.tfrecord.examples import crc32c, masked_crc, parse_example
from kpplugins.formats.tfrecord.label_map import read_label_map
from kpplugins.formats.tfrecord.reader import is_tfrecord, read_tfrecord
from kpplugins.structures import BadInputError

JPG = cv2.imencode(".jpg", np.full((80, 100, 3), 127, np.uint8))[1].tobytes()
MAP = r"""# classes
item { id: 1, name: '/m/01' display_name: "caf\303\251"
  keypoints { id: 2 label: "tail" }
  keypoints: < id: 1; label: 'head' >
}
item: { name: 'dog\'s' id: 2 }
"""


def varint(number: int) -> bytes:
    out, number = b"", number & 0xFFFFFFFFFFFFFFFF
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def example(features: dict[str, list]) -> bytes:
    """A serialised tf.train.Example: texts, floats (packed) and whole numbers (packed)."""
    entries = b""
    for key, values in features.items():
        if values and isinstance(values[0], (str, bytes)):
            data = [v.encode() if isinstance(v, str) else v for v in values]
            value = field(1, b"".join(field(1, v) for v in data))
        elif values and isinstance(values[0], float):
            value = field(2, field(1, struct.pack(f"<{len(values)}f", *values)))
        else:
            value = field(3, field(1, b"".join(varint(v) for v in values)))
        entries += field(1, field(1, key.encode()) + field(2, value))
    return field(1, entries)


def framed(*records: bytes) -> bytes:
    out = b""
    for data in records:
        length = struct.pack("<Q", len(data))
        out += length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))
    return out


def scene(name: str = "a b.jpg", **changes: list) -> bytes:
    """Two objects of two points in 100×80."""
    features: dict[str, list] = {
        "image/encoded": [JPG], "image/filename": [name], "image/height": [80], "image/width": [100],
        "image/object/bbox/xmin": [0.25, 0.0], "image/object/bbox/xmax": [0.75, 0.5],
        "image/object/bbox/ymin": [0.25, 0.0], "image/object/bbox/ymax": [0.5, 0.25],
        "image/object/class/text": ["cat", "cat"],
        "image/object/keypoint/x": [0.25, 0.5, 0.125, 1.5], "image/object/keypoint/y": [0.25, 0.5, 0.125, 0.0],
        "image/object/keypoint/visibility": [2, 1, 2, 1], "image/object/keypoint/num": [2, 2],
        "image/object/keypoint/text": ["head", "tail", "head", "tail"],
    }  # fmt: skip
    return example(
        {k: v for k, v in (features | {_key(k): v for k, v in changes.items()}).items() if v is not None}
    )


def _key(short: str) -> str:
    start, _, rest = short.partition("_")
    folders = {"kpt": "image/object/keypoint/", "box": "image/object/bbox/", "obj": "image/object/"}
    return folders.get(start, "image/") + rest.replace("class_", "class/")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in" / "train.record"


def test_objects_points_and_the_written_image(source: Path, out: Path):
    source.write_bytes(
        framed(scene(), example({"image/encoded": [JPG], "image/filename": ["sub/empty.jpg"]}))
    )
    assert is_tfrecord(source) and is_tfrecord(source.parent)
    reading = read_tfrecord(source, extract_to=out)
    first, second = reading.records
    assert reading.schema.keypoints == ("head", "tail")
    assert first.keypoints.tolist() == [[25, 20, 2], [50, 40, 1]]  # x times 100, y times 80
    assert first.bbox.tolist() == [25, 20, 75, 40]
    assert (first.area, first.category, first.crowd) == (0.53 * 50 * 20, "cat", False)
    assert second.keypoints.tolist() == [[12.5, 10, 2], [0, 0, 0]]
    assert reading.rules == {AppliedRule.KEYPOINT_OUTSIDE: 1, AppliedRule.AREA_DERIVED: 2}
    assert first.image == out / "a b.jpg"
    assert (out / "a b.jpg").read_bytes() == JPG
    assert [p.path for p in reading.backgrounds] == [out / "sub/empty.jpg"]
    assert reading.splits == {}


def test_a_label_map_names_classes_and_points(source: Path, out: Path):
    (source.parent / "map.pbtxt").write_text(MAP, encoding="utf-8")
    assert read_label_map(source.parent / "map.pbtxt") == ({1: "café", 2: "dog's"}, ["head", "tail"])
    source.write_bytes(
        framed(scene(obj_class_text=None, obj_class_label=[1, 3], kpt_text=None, kpt_num=None))
    )
    reading = read_tfrecord(source, extract_to=out)
    assert [r.category for r in reading.records] == ["café", "class_3"]
    assert reading.schema.keypoints == ("head", "tail")
    assert reading.records[0].keypoints[0].tolist() == [25, 20, 2]


def test_num_may_count_labelled_points_as_coco_does(source: Path, out: Path):
    source.write_bytes(framed(scene(kpt_num=[1, 0], kpt_visibility=[2, 0, 0, 0])))
    assert [r.num_labelled for r in read_tfrecord(source, extract_to=out).records] == [1, 0]


def test_objects_may_have_points_of_their_own(source: Path, out: Path):
    source.write_bytes(
        framed(scene(kpt_x=[0.25, 0.5, 0.75], kpt_y=[0.25] * 3, kpt_visibility=[2] * 3, kpt_num=[1, 2],
                     kpt_text=["tail", "head", "tail"]))
    )  # fmt: skip
    first, second = read_tfrecord(source, extract_to=out).records
    names = read_tfrecord(source, extract_to=out).schema.keypoints
    assert first.keypoints[names.index("tail")].tolist() == [25, 20, 2]
    assert first.num_labelled == 1
    assert second.keypoints[names.index("head")].tolist() == [50, 20, 2]


def test_without_visibility_text_and_boxes(source: Path, out: Path):
    gone = dict.fromkeys(
        ("kpt_text", "kpt_visibility", "kpt_num", "box_xmin", "box_xmax", "box_ymin", "box_ymax")
    )
    source.write_bytes(
        framed(scene(**gone, kpt_x=[0.25, float("nan"), 0.0, 0.5], kpt_y=[0.25, float("nan"), 0.0, 0.5]))
    )
    reading = read_tfrecord(source, extract_to=out)
    assert reading.schema.keypoints == ("kpt_0", "kpt_1")
    assert reading.records[0].keypoints.tolist() == [[25, 20, 2], [0, 0, 0]]
    assert reading.records[1].keypoints.tolist() == [[0, 0, 0], [50, 40, 2]]
    assert reading.rules == {AppliedRule.BOX_SMALL: 2, AppliedRule.AREA_DERIVED: 2}  # single keypoints


def test_areas_crowds_and_source_ids(source: Path, out: Path):
    source.write_bytes(
        framed(scene(name="", image_source_id=["7"], obj_area=[1000.0, 0.25], obj_is_crowd=[0, 1]))
    )
    first, second = read_tfrecord(source, extract_to=out).records
    assert (first.area, second.area) == (1000, 0.25 * 8000)
    assert (first.crowd, second.crowd) == (False, True)
    assert first.image == out / "7.jpg"


def test_shards_and_splits(source: Path, out: Path):
    for i, part in enumerate(("train", "train", "val")):
        path = source.parent / f"coco_{part}.record-{i:05d}-of-00003"
        path.write_bytes(framed(scene(name=f"{i}.jpg")))
    reading = read_tfrecord(source.parent, extract_to=out)
    assert len(reading.records) == 6
    assert {p.name: s for p, s in reading.splits.items()} == {
        "0.jpg": "train",
        "1.jpg": "train",
        "2.jpg": "val",
    }


def test_crc32c_of_published_vectors():
    # RFC 3720, B.4
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"\0" * 32) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    # the first twelve bytes of every event file of TensorBoard: length 24, then its masked checksum
    assert masked_crc(struct.pack("<Q", 24)) == 0x224B7FA3


@given(st.binary(min_size=1, max_size=40), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_crc32c_in_lanes_is_the_plain_one(data: bytes, times: int):
    data *= times
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(data) == crc ^ 0xFFFFFFFF


def test_crc32c_is_fast_enough():
    data = np.random.default_rng(0).bytes(2_000_000)
    crc32c(data)
    start = time.perf_counter()
    crc32c(data)
    assert 2.0 / (time.perf_counter() - start) > 5  # MB/s


def test_wire_format_in_its_other_forms():
    unpacked = field(2, b"\x0d" + struct.pack("<f", 0.5) + b"\x0d" + struct.pack("<f", 2.0))
    negative = field(3, b"\x08" + varint(-3) + b"\x08\x05")
    entries = b"".join(
        field(1, field(1, k) + field(2, v)) for k, v in [(b"f", unpacked), (b"i", negative), (b"e", b"")]
    )
    features = parse_example(
        field(1, entries) + b"\x78\x01" + b"\x79" + bytes(8)
    )  # unknown fields are passed over
    assert features["f"].tolist() == [0.5, 2.0]
    assert features["i"].tolist() == [-3, 5]
    assert features["e"] == []


BAD = {
    "not a record": (b"hello, this is no record at all", r"record 0: record's length has a wrong checksum"),
    "cut in length": (framed(scene())[:7], r"record 0: file ends within a record"),
    "cut in data": (framed(scene("x.jpg"), scene())[:-30], r"train\.record:record 1: file ends within a record"),
    "bad crc": (framed(scene("x.jpg")) + framed(scene())[:-1] + b"?", r"record 1: record has a wrong checksum \(CRC"),
    "no example": (framed(b"\xff\xff\xff"), r"record 0: record is not a tf\.train\.Example"),
    "group": (framed(b"\x0b"), r"record 0: record is not a tf\.train\.Example"),
    "nothing": (framed(b""), r"record 0: has no image"),
    "no image": (framed(scene(image_encoded=None)), "has no image"),
    "html": (framed(scene(image_encoded=[b"<html>"])), "not an image"),
    "half an image": (framed(scene(image_encoded=[JPG[:-40]])), "image is truncated"),
    "other size": (framed(scene(image_width=[80], image_height=[100])), "another size.*80×100.*100×80.*exchanged"),
    "escaping": (framed(scene("../x.jpg")), "image lies outside"),
    "absolute": (framed(scene("/tmp/x.jpg")), "absolute path"),
    "new line": (framed(scene("a\nb.jpg")), "no usable name"),
    "long": (framed(scene("n" * 4000 + ".jpg")), "image cannot be written"),
    "same name": (framed(scene(), scene(image_encoded=[JPG + b"\0"])), "record 1: two images have one name"),
    "missing side": (framed(scene(box_xmin=[0.1])), "box has missing sides"),
    "no area": (framed(scene(box_xmax=[0.2, 0.5])), "box has no area"),
    "pixels": (framed(scene(kpt_x=[25.0, 50.0, 12.0, 9.0])), "not fractions of the image"),
    "nan": (framed(scene(kpt_x=[float("nan"), 0.5, 0.1, 0.2])), "keypoint is not a number"),
    "inf box": (framed(scene(box_xmin=[float("-inf"), 0.0])), "not fractions|no area"),
    "text as number": (framed(scene(kpt_x=["a"])), "keypoint/x: holds text"),
    "no utf-8": (framed(scene(kpt_text=[b"\xff"] * 4)), "keypoint/text: is not text"),
    "one point less": (framed(scene(kpt_x=[0.1] * 3)), "keypoints cannot be divided among objects"),
    "one class less": (framed(scene(obj_class_text=["cat"])), "numbers of boxes and classes differ"),
    "point twice": (framed(scene(kpt_text=["head"] * 4)), "a keypoint twice"),
    "image twice": (framed(scene(), scene()), r"record 1: image is listed twice.*a b\.jpg in .*record 0 too"),
    "visibility": (framed(scene(kpt_visibility=[2, 1, 2, 5])), "visibility must be 0, 1 or 2"),
    "crowds": (framed(scene(obj_is_crowd=[0])), "objects and crowds differ"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_files(source: Path, out: Path, name: str):
    data, words = BAD[name]
    source.write_bytes(data)
    with pytest.raises(BadInputError, match=words) as caught:
        read_tfrecord(source, extract_to=out)
    assert "\n" not in str(caught.value)
    assert str(source) in str(caught.value)


def test_a_bad_record_is_skipped_and_its_image_is_not_left(source: Path, out: Path):
    source.write_bytes(framed(scene("x.jpg"), scene(image_encoded=[b"<html>"]), scene("y.jpg")))
    reading = read_tfrecord(source, extract_to=out, skip_bad=True)
    assert (
        sorted({r.image.name for r in reading.records})
        == sorted(p.name for p in out.iterdir())
        == ["x.jpg", "y.jpg"]
    )
    assert len(reading.faults) == 1


def test_nothing_to_read(source: Path, out: Path):
    with pytest.raises(BadInputError, match="no TFRecord here"):
        read_tfrecord(source, extract_to=out)
    source.write_bytes(b"")
    with pytest.raises(BadInputError, match="holds no record"):
        read_tfrecord(source, extract_to=out)
    source.write_bytes(framed(example({"image/encoded": [JPG], "image/filename": ["a"]})))
    with pytest.raises(BadInputError, match="no record has keypoints"):
        read_tfrecord(source, extract_to=out)
    assert not is_tfrecord(source.parent / "none")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ": annotation is empty"),
        ("# nothing", "label map has no item"),
        ("item { id: 1 name: 'a'", "ends within an item"),
        ("item { id: 1 name: 'a }", r":1: label map is broken"),
        ("item { id: 1 }", "has no id or name"),
        ("item { id: x name: 'a' }", "has no id or name"),
        ("\n}", r":2: label map is broken"),
        ("item { id { } name: 'a' }", "`id` is not a plain value"),
        ("item { id: 1 name: 'a' keypoints { id: 1 } }", "keypoint has no id or label"),
        ("a { " * 50, "label map is broken"),
    ],
)
def test_bad_label_maps(source: Path, out: Path, text: str, words: str):
    source.write_bytes(framed(scene()))
    (source.parent / "map.pbtxt").write_text(text)
    with pytest.raises(BadInputError, match=rf"map\.pbtxt.*{words}|map\.pbtxt{words}"):
        read_tfrecord(source, extract_to=out)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 5000), st.binary(min_size=1, max_size=6), st.booleans())
def test_changed_bytes_are_read_or_refused_in_one_line(
    source: Path, tmp_path: Path, at: int, new: bytes, inside: bool
):
    """Outside the checksums, and inside records whose checksums are right."""
    whole = scene() if inside else framed(scene())
    at %= len(whole)
    changed = whole[:at] + new + whole[at + len(new) :]
    source.write_bytes(framed(changed) if inside else changed)
    try:
        for record in read_tfrecord(source, extract_to=tmp_path / f"out{time.perf_counter_ns()}").records:
            assert np.isfinite(record.keypoints).all()
    except BadInputError as error:
        assert "\n" not in str(error)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="item{}:<>'\"\\ 1idname#\n", max_size=40))
def test_any_label_map_is_read_or_refused_in_one_line(tmp_path: Path, text: str):
    (tmp_path / "m.pbtxt").write_text(text)
    try:
        read_label_map(tmp_path / "m.pbtxt")
    except BadInputError as error:
        assert "\n" not in str(error)
