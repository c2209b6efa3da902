import unicodedata
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.formats.open_source import open_source
from kpplugins.structures import BadInputError

IMAGE = cv2.imencode(".png", np.zeros((4, 6, 3), np.uint8))[1].tobytes()


def folder(root: Path, *names: str, **options) -> ImageFolder:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(IMAGE)
    return ImageFolder(root, **options)


def nfd(name: str) -> str:
    return unicodedata.normalize("NFD", name)


@pytest.mark.parametrize(
    ("file", "name", "way"),
    [
        (nfd("écran.png"), "écran.png", "another Unicode form"),
        ("écran.png", nfd("écran.png"), "another Unicode form"),
        ("a\\b.png", "a/b.png", "other separators"),
        ("a b.png", "a%20b.png", "another spelling of %20"),
        ("a%20b.png", "a b.png", "another spelling of %20"),
        ("a b/é.png", "a%20b/%C3%A9.png", "another spelling of %20"),
        ("Img_1.PNG", "img_1.png", "another case"),
        ("frame_000000.png", "frame_000000", "without ending"),
        ("a.rf.12.png", "a.rf.12", "without ending"),
        ("images/a.png", "/home/me/set/images/a.png", "path of another machine"),
        ("images/a.png", "C:\\Users\\me\\images\\a.png", "path of another machine"),
        ("images/a.png", "\\\\server\\share\\a.png", "path of another machine"),
        ("images/a b.png", "https://host/bucket/a%20b.png?x=1", "path of another machine"),
        (nfd("images/é.png"), "/data/é.png", "path of another machine"),
    ],
)
def test_a_name_leads_to_the_only_file_that_it_can_mean(tmp_path: Path, file: str, name: str, way: str):
    found = folder(tmp_path, file, "other/z.png")
    assert found.find(name, "f").path == tmp_path / file
    assert found.find(name, "f").width == 6
    assert len(found.notes) == 1 and found.notes[0].startswith("1 image found ") and way in found.notes[0]


def test_the_exact_name_is_first_and_needs_no_note(tmp_path: Path):
    found = folder(tmp_path, "a b.png", "a%20b.png", "A b.png", bases=["images", ""])
    for name in ("a b.png", "a%20b.png", "A b.png"):
        assert found.find(name, "f").path.name == name
    assert found.notes == []


def test_the_longest_end_of_a_path_decides(tmp_path: Path):
    found = folder(tmp_path, "a/001.png", "b/001.png", "c/002.png")
    assert found.path("/x/a/001.png", "f") == tmp_path / "a/001.png"
    assert found.path("/x/b/001.png", "f") == tmp_path / "b/001.png"
    assert found.path("D:/y/002.png", "f") == tmp_path / "c/002.png"
    with pytest.raises(BadInputError, match=r"f: image name fits several files.*a/001\.png.*--images DIR"):
        found.path("/x/001.png", "f")


def test_a_relative_name_is_searched_elsewhere_only_if_asked(tmp_path: Path):
    names = ("video1/img1.png", "video2/img2.png")
    with pytest.raises(BadInputError, match=r"image is missing.*video1/img2\.png"):
        folder(tmp_path, *names).path("video1/img2.png", "f")
    searched = folder(tmp_path, *names, search=True)
    assert searched.path("set/video1/img1.png", "f") == tmp_path / names[0]
    assert searched.path("../video2/img2.png", "f") == tmp_path / names[1]
    assert "2 images found by the end of their path" in searched.notes[0]


def test_two_names_never_lead_to_one_image_by_a_search(tmp_path: Path):
    found = folder(tmp_path, "video2/img1.png")
    assert found.path("video2/img1.png", "f")
    with pytest.raises(BadInputError, match="two names lead to one image"):
        found.path("/x/video1/img1.png", "f")
    found = folder(tmp_path, "video2/img1.png")
    assert found.path("/x/video1/img1.png", "f") == found.path("/x/video1/img1.png", "f")
    with pytest.raises(BadInputError, match="two names lead to one image"):
        found.path("video2/img1.png", "f")


def test_nothing_outside_the_folder_is_ever_found(tmp_path: Path):
    (tmp_path / "secret.png").write_bytes(IMAGE)
    found = folder(tmp_path / "set", "a.png", search=True)
    (tmp_path / "set/link.png").symlink_to(tmp_path / "secret.png")
    for name in (
        "../secret.png",
        str(tmp_path / "secret.png"),
        "link.png",
        "/x/link.png",
        "a/../../secret.png",
    ):
        with pytest.raises(BadInputError, match="outside its folder|absolute path"):
            found.path(name, "f")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/x/none.png", "absolute path.*--images DIR"),
        ("https://x.org/none.png", "web address.*download"),
        ("none.png", "image is missing.*--images DIR"),
        ("a\n.png", "no usable name"),
        ("", "no usable name"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(tmp_path: Path, name: str, words: str):
    with pytest.raises(BadInputError, match=f"f: .*{words}") as caught:
        folder(tmp_path, "a.png").path(name, "f")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../a.png", "outside its folder"),
        ("/etc/passwd", "absolute path"),
        ("C:\\a.png", "absolute path"),
        ("a\n.png", "no usable name"),
        ("\ud800.png", "no usable name"),
        ("x" * 5000 + ".png", "no usable name|missing"),
        ("none.png", "image is missing"),
        ("bomb.png", "image has too many pixels"),
    ],
    ids=lambda v: repr(v)[:12],
)
def test_bad_names_of_images(tmp_path: Path, name: str, words: str):
    data = bytearray(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
    data[16:24] = b"\x00\x10\x00\x00" * 2  # a width and height of 2**20
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(bytes(data))
    with pytest.raises(BadInputError, match=words) as caught:
        ImageFolder(tmp_path).find(name, "list:3")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["images", "images/train"])
def test_a_folder_of_images_that_is_a_link_out_of_the_source_is_followed_when_asked(
    tmp_path: Path, place: str
):
    """A folder of images that is a link out of the source."""
    labels = tmp_path / "set" / "labels" / "train"
    labels.mkdir(parents=True)
    (tmp_path / "set/data.yaml").write_text("train: images/train\nkpt_shape: [1, 3]\nnames: [cat]\n")
    (labels / "a.txt").write_text("0 0.5 0.5 0.5 0.5 0.5 0.5 2")
    elsewhere = tmp_path / "elsewhere" / ("train" if place == "images" else "")
    elsewhere.mkdir(parents=True)
    cv2.imwrite(str(elsewhere / "a.png"), np.zeros((60, 80, 3), np.uint8))
    link = tmp_path / "set" / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInputError, match="link.*add --links"):
        open_source(tmp_path / "set")
    assert len(open_source(tmp_path / "set", links=True)[1].records) == 1
    (tmp_path / "linked").symlink_to(tmp_path / "set")
    link.unlink()
    (tmp_path / "elsewhere").rename(link)
    assert len(open_source(tmp_path / "linked")[1].records) == 1
