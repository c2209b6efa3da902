"""The page: nothing from outside, everything escaped, twelve images a kind."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np

from kpplugins.curation.check_page import MOST_SHOWN, thumbnail, write_page
from kpplugins.curation.check_report import CheckReport
from kpplugins.curation.checks.finding import Finding
from kpplugins.data import PoseRecord
from kpplugins.schema.from_names import infer_schema

VOID = ("meta", "img", "br")
SCHEMA = infer_schema('<b>"bird"</b>', ["beak", "left_<i>", "right_<i>"], skeleton=[("beak", "left_<i>")])


class Reader(HTMLParser):
    """Keeps open elements, all element names, attributes and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.names, self.attributes, self.text = [], [], [], ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def record(path: Path) -> PoseRecord:
    points = np.array([[100, 60, 2], [130, 80, 1], [0, 0, 0]], float)
    return PoseRecord(path, 300, 200, points, np.array([90.0, 50, 140, 90]), 2000, path)


def made(tmp_path: Path, findings: list[Finding]) -> Reader:
    path = tmp_path / "a<b>.png"
    cv2.imwrite(str(path), np.full((200, 300, 3), 90, np.uint8))
    report = CheckReport(tmp_path / "<set>", "coco", tuple(findings), 5, 1, (("train", 5),), SCHEMA)
    write_page(report, [record(path)], tmp_path / "check.html")
    reader = Reader()
    reader.feed((tmp_path / "check.html").read_text(encoding="utf-8"))
    assert reader.open == []
    assert "script" not in reader.names
    assert all(
        value.startswith("data:image/jpeg;base64,") for key, value in reader.attributes if key == "src"
    )
    return reader


def test_everything_is_escaped_and_shown(tmp_path: Path):
    """Names with HTML in them, on the page of `check`."""
    image = tmp_path / "a<b>.png"
    finding = Finding(
        "kind", "harmful", "what <script>alert(1)</script> & \"so\"", "todo 'x' <y>", tmp_path / "<f>.json",
        image, "7<", 0,
    )  # fmt: skip
    reader = made(tmp_path, [finding])
    for text in (
        'what <script>alert(1)</script> & "so"',
        "todo 'x' <y>",
        "a<b>.png",
        "<f>.json",
        "7<",
        "left_<i>",
    ):
        assert text in reader.text
    assert reader.names.count("img") == 1


def test_twelve_of_a_kind_and_how_many_more(tmp_path: Path):
    image = tmp_path / "a<b>.png"
    findings = [Finding("kind", "suspect", f"number {i}", "look", image, image) for i in range(15)]
    reader = made(tmp_path, findings)
    assert reader.names.count("img") == MOST_SHOWN == 12
    assert "… and 3 more" in reader.text
    assert re.search(r"kind\s*15", reader.text)  # the overview counts all
    assert ("href", "#suspect-kind") in reader.attributes and ("id", "suspect-kind") in reader.attributes


def test_two_images_side_by_side_missing_ones_and_none(tmp_path: Path):
    image, gone = tmp_path / "a<b>.png", tmp_path / "gone.png"
    findings = [
        Finding("pair", "harmful", "two", "delete one", image, image, beside=image),
        Finding("gone", "harmful", "one", "restore it", gone, gone),
    ]
    reader = made(tmp_path, findings)
    assert reader.names.count("img") == 2
    assert "(no image to show)" in reader.text
    assert "Nothing was found." in made(tmp_path, []).text


def test_a_source_that_could_not_be_read_has_a_page_without_schema(tmp_path: Path):
    report = CheckReport(tmp_path, "coco", (Finding("unreadable", "harmful", "x", "y", tmp_path),))
    write_page(report, [], tmp_path / "check.html")
    assert "Keypoints" not in (tmp_path / "check.html").read_text()


def test_the_thumbnail_is_cut_around_the_instance(tmp_path: Path):
    image = np.zeros((200, 300, 3), np.uint8)
    tile = thumbnail(image, record(tmp_path), SCHEMA)
    # shown: at least 0.35 of 300 pixels, 105 × 105 around (115, 70), as 260 pixels: x from 62 to 168, y from 17 to 123
    assert tile.shape == (260, 260, 3)
    scale = 260 / 106
    x, y = round((100 - 62) * scale), round((60 - 17) * scale)
    assert tile[y, x].tolist() == list(SCHEMA.colors[0][::-1])
    assert thumbnail(image, None, None).shape == (173, 260, 3)  # 200 × 260 / 300
    assert thumbnail(image[:1, :1], None, None).shape == (260, 260, 3)


def test_images_are_jpegs(tmp_path: Path):
    image = tmp_path / "a<b>.png"
    reader = made(tmp_path, [Finding("kind", "note", "x", "y", image, image)])
    source = next(value for key, value in reader.attributes if key == "src")
    assert base64.b64decode(source.split(",")[1]).startswith(b"\xff\xd8")
