"""From files to flips: what convert, crop and the commands make of names, statements and labels."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.commands.dataset import main
from kpplugins.curation.convert import convert
from kpplugins.curation.crop import crop
from kpplugins.curation.flips import settle_flips
from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from tests.schema.test_flip_proposal import FACE, seen

CHINESE = ["左眼", "右眼", "鼻", "左耳", "右耳", "颏"]
UNNAMED = [f"p{i}" for i in range(6)]
PAIRS = (("p0", "p1"), ("p3", "p4"))


@pytest.fixture
def source(tmp_path: Path):
    """Write thirty faces in COCO's format, with a category of the given names and further keys."""

    def write(names: list[str], **more) -> Path:
        root = tmp_path / "in"
        (root / "images").mkdir(parents=True)
        (root / "annotations").mkdir()
        content = {
            "images": [],
            "annotations": [],
            "categories": [{"id": 1, "name": "face", "keypoints": names, **more}],
        }
        points, _ = seen(FACE, 30, 0.1)
        for i, face in enumerate(points, 1):
            face = 60 + 20 * (face - face.mean(axis=0)) / np.abs(face - face.mean(axis=0)).max()
            cv2.imwrite(
                str(root / f"images/{i}.png"),
                np.random.default_rng(i).integers(0, 256, (120, 120, 3), np.uint8),
            )
            content["images"].append({"id": i, "file_name": f"{i}.png", "width": 120, "height": 120})
            flat = np.column_stack([face, np.full(6, 2)]).ravel().tolist()
            content["annotations"].append({"id": i, "image_id": i, "category_id": 1, "bbox": [30, 30, 60, 60],
                                           "area": 3600, "iscrowd": 0, "keypoints": flat})  # fmt: skip
        (root / "annotations/all.json").write_text(json.dumps(content), encoding="utf-8")
        return root

    return write


def test_names_in_chinese(source, tmp_path: Path):
    report = convert(source(CHINESE), tmp_path / "out")
    assert report["flip pairs"] == [["左眼", "右眼"], ["左耳", "右耳"]]
    assert (report["flips"], report["warnings"]) == ("on", [])
    content = json.loads((tmp_path / "out/annotations/train.json").read_text())
    assert (
        content["categories"][0]["flips"]
        == KeypointSchema.load(tmp_path / "out/schema.json").flips
        == "known"
    )


def test_names_without_sides(source, tmp_path: Path):
    given = source(UNNAMED)
    report = convert(given, tmp_path / "out")
    assert (
        report["flips"].startswith("off: it is not known")
        and "the labels suggest p0/p1, p3/p4" in report["warnings"][0]
    )
    assert KeypointSchema.load(tmp_path / "out/schema.json").flips == "unknown"
    again = convert(tmp_path / "out", tmp_path / "again", accept_flip_pairs=True)  # asked anew
    assert again["flip pairs"] == [list(pair) for pair in PAIRS] and again["flips"] == "on"
    assert convert(tmp_path / "again", tmp_path / "third")["warnings"] == []
    stated = convert(given, tmp_path / "stated", flip_pairs=["p0:p1", ("p3", "p4")])
    assert (
        stated["warnings"] == [] and KeypointSchema.load(tmp_path / "stated/schema.json").flip_pairs == PAIRS
    )
    none = convert(given, tmp_path / "none", flip_pairs=[])
    assert none["flips"] == "on" and "no flip pairs are stated, but" in none["warnings"][0]
    assert (
        crop(tmp_path / "out", tmp_path / "crops", min_side=1, flip_pairs=["p0:p1", "p3:p4"])["flips"] == "on"
    )


def test_pairs_that_a_file_states_with_a_state(source, tmp_path: Path):
    report = convert(source(UNNAMED, flips="known", flip_pairs=[]), tmp_path / "out")
    assert report["flips"] == "on" and "no flip pairs are stated, but" in report["warnings"][0]


def test_none_that_a_tool_left_beside_names_with_sides(source, tmp_path: Path):
    assert convert(source(CHINESE, flip_pairs=[]), tmp_path / "out")["flips"] == "on"


def test_the_commands(source, tmp_path: Path, capsys: pytest.CaptureFixture):
    given, out = source(UNNAMED), tmp_path / "out"
    assert main(["convert", str(given), "--out", str(out)]) == 0
    assert "flips: off: it is not known" in capsys.readouterr().out
    assert (
        main(
            ["schema", str(out), "--out", str(tmp_path / "s"), "--num", "0", "--write", "--accept-flip-pairs"]
        )
        == 0
    )
    assert "flips in training and test: on" in capsys.readouterr().out
    assert KeypointSchema.load(out / "schema.json").flip_pairs == PAIRS
    assert main(["convert", str(given), "--out", str(tmp_path / "b"), "--flip-pairs", "p0:p1", "p3:p4"]) == 0
    assert "flip pairs: p0/p1, p3/p4\nflips: on" in capsys.readouterr().out
    assert main(["convert", str(given), "--out", str(tmp_path / "c"), "--no-flip-pairs"]) == 0
    assert "flips: on" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["convert", str(given), "--out", str(tmp_path / "d"), "--no-flip-pairs", "--accept-flip-pairs"])


def reading(*names: str) -> AnnotationSet:
    points = np.column_stack([np.arange(len(names)) + 1.0, np.ones(len(names)), np.full(len(names), 2.0)])
    box = np.array([0.0, 0, 9, 9])
    record = PoseRecord(Path("a.png"), 9, 9, points, box, 20.0, Path("a.txt"), category="thing")
    return AnnotationSet(KeypointSchema("thing", names), [record])


def test_a_colon_may_be_part_of_a_name():
    given = reading("eye:l", "eye:r", "x")
    settle_flips(given, ["eye:l:eye:r"])
    assert given.schema.flip_pairs == (("eye:l", "eye:r"),) and given.flips_stated


@pytest.mark.parametrize("wrong", ["a", "a:", "a:z", "a:a", ("a",), ("a", "b", "c"), "a-b"])
def test_what_is_no_pair(wrong):
    with pytest.raises(
        BadInputError, match="--flip-pairs: not a pair of keypoints; expected a:b, two of a, b, c"
    ):
        settle_flips(reading("a", "b", "c"), [wrong])


def test_a_keypoint_in_two_pairs_and_both_arguments():
    with pytest.raises(BadInputError, match="'a' is in two flip pairs"):
        settle_flips(reading("a", "b", "c"), ["a:b", "a:c"])
    with pytest.raises(BadInputError, match="either stated or accepted"):
        settle_flips(reading("a", "b"), ["a:b"], accept=True)
