"""Pre-labels against what people made of them, by hand."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.commands.dataset import main
from kpplugins.curation.convert import convert
from kpplugins.curation.corrections import SAME, Moves, correction_report, correction_words
from kpplugins.curation.export import TARGETS, export_annotations
from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import PRELABELS_FILE, AnnotationSet
from kpplugins.formats.prelabels import PreLabels, read_prelabels
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

NAMES = ("nose", "tail")
SCHEMA = KeypointSchema("pets", NAMES)


def record(
    image: Path, *points: tuple[float, float, int], box: tuple[float, ...] = (0, 0, 20, 20)
) -> PoseRecord:
    return PoseRecord(image, 100, 80, np.array(points, float), np.array(box, float), 100.0, image, (), "cat")


def test_each_kind_of_correction_is_counted():
    a, b, c = Path("a.png"), Path("b.png"), Path("c.png")
    far = (60.0, 40.0, 90.0, 70.0)
    before = {
        # left alone and moved by (3, 4); another one that somebody removes
        a: [record(a, (5, 5, 2), (9, 9, 2)), record(a, (70, 50, 2), (0, 0, 0), box=far)],
        # a keypoint is removed and another labelled; one is said to be occluded
        b: [record(b, (5, 5, 2), (0, 0, 0)), record(b, (70, 50, 2), (75, 50, 2), box=far)],
        c: [],  # nothing was found; somebody labels one
    }
    after = [
        record(a, (5 + SAME, 5, 2), (12, 13, 2)),
        record(b, (70, 50, 1), (75, 50, 2), box=far), record(b, (0, 0, 0), (7, 7, 2)),
        record(c, (1, 1, 2), (2, 2, 2)),
        replace(record(a, (70, 50, 2), (0, 0, 0), box=far), crowd=True),
        record(Path("never predicted.png"), (5, 5, 2), (6, 6, 2)),
    ]  # fmt: skip
    reading = AnnotationSet(SCHEMA, after, predicted=before)
    report = correction_report([AnnotationSet(SCHEMA), reading])
    assert report is not None and report["images"] == 3
    assert report["instances"] == {"predicted": 4, "kept": 3, "removed": 1, "added": 1}
    nose, tail = report["per_keypoint"]["nose"], report["per_keypoint"]["tail"]
    # nose: a stays, a's other goes, b's first goes, b's second stays; c's is new
    assert (nose["predicted"], nose["left alone"], nose["moved"]) == (4, 0.5, 0)
    assert (nose["removed"], nose["added"], nose["visibility changed"]) == (2, 1, 1)
    assert nose["mean move px"] is None and nose["mean error px"] == pytest.approx(SAME / 2, abs=1e-3)
    # tail: a is moved by 5, b's second stays; b's first and c's are new
    assert (tail["predicted"], tail["left alone"], tail["moved"]) == (2, 0.5, 1)
    assert (tail["mean move px"], tail["median move px"], tail["mean error px"]) == (5.0, 5.0, 2.5)
    assert (tail["removed"], tail["added"]) == (0, 2)
    assert report["keypoints"]["predicted"] == 6 and report["keypoints"]["left alone"] == 0.5
    words = correction_words(report)
    assert words.startswith(
        "pre-labels: 3 images, 4 instances: 3 kept, 1 removed, 1 added by hand; 6 keypoints: 50 % left alone, 1 moved "
        "by 5.0 px in the mean (median 5.0), 2 removed, 3 added\n| keypoint "
    )
    assert correction_report([AnnotationSet(SCHEMA, after)]) is None
    assert Moves().numbers()["left alone"] is None


def test_instances_that_were_exchanged_are_not_paired_by_their_order():
    a = Path("a.png")
    left, right = record(a, (5, 5, 2), (8, 8, 2)), record(a, (70, 50, 2), (75, 52, 2), box=(60, 40, 90, 70))
    report = correction_report([AnnotationSet(SCHEMA, [right, left], predicted={a: [left, right]})])
    assert report is not None and report["keypoints"]["left alone"] == 1
    # a new box far away with other keypoints is another instance
    other = record(a, (95, 75, 2), (96, 76, 2), box=(92, 72, 99, 79))
    report = correction_report([AnnotationSet(SCHEMA, [other], predicted={a: [left]})])
    assert report is not None and report["instances"]["kept"] == 0


@pytest.fixture
def predicted(tmp_path: Path) -> Callable[[str], Path]:
    """Pre-labels of two images, written for a tool."""
    images = tmp_path / "photos"
    (images / "sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.png"):
        cv2.imwrite(str(images / name), np.zeros((80, 100, 3), np.uint8))
    found = tmp_path / "found"
    found.mkdir()
    for name, points in (
        ("a.png", [[10, 12, 0.9], [30, 12, 0.8]]),
        ("b.png", [[20.5, 30, 0.9], [50, 60.25, 0.9]]),
    ):
        instance = {"bbox": [5, 5, 60, 70], "score": 0.9, "keypoints": points}
        whole = {
            "image": name,
            "width": 100,
            "height": 80,
            "keypoint_names": list(NAMES),
            "instances": [instance],
        }
        (found / f"{Path(name).stem}.json").write_text(json.dumps(whole))

    def write(to: str) -> Path:
        export_annotations(found, tmp_path / to, to=to, images=images)
        return tmp_path / to

    return write


def submit(folder: Path) -> None:
    """What Label Studio gives back, with numbers in place of the predictions."""
    tasks = json.loads((folder / "tasks.json").read_text())
    for i, task in enumerate(tasks):
        results = [r for one in task["predictions"] for r in one["result"]]
        task |= {"annotations": [{"id": i, "result": results}], "predictions": [i]}
    (folder / "tasks.json").write_text(json.dumps(tasks))


@pytest.mark.parametrize("to", TARGETS)
def test_what_was_left_alone_in_every_tool(to: str, predicted: Callable[[str], Path], tmp_path: Path):
    folder = predicted(to)
    if to == "labelstudio":
        submit(folder)
    report = convert(folder, tmp_path / "back", checks=False)["pre-labels"]
    assert report["images"] == 2 and report["instances"]["kept"] == 2
    assert (report["keypoints"]["predicted"], report["keypoints"]["left alone"]) == (4, 1.0)


def test_the_command_says_what_was_moved(
    predicted: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture
):
    """A keypoint is dragged by (6, 8) px and another deleted, as LabelMe stores it."""
    folder = predicted("labelme")
    path = folder / "a.json"
    content = json.loads(path.read_text())
    shapes = {shape["label"]: shape for shape in content["shapes"]}
    shapes["nose"]["points"] = [[16.0, 20.0]]
    content["shapes"].remove(shapes["tail"])
    path.write_text(json.dumps(content))
    assert main(["convert", str(folder), "--out", str(tmp_path / "back"), "--no-check"]) == 0
    said = capsys.readouterr().out
    assert (
        "4 keypoints: 50 % left alone, 1 moved by 10.0 px in the mean (median 10.0), 1 removed, 0 added"
        in said
    )
    assert "| nose     | 2         | 50 %       | 1     | 10.0         | 0       | 0     |" in said
    kept = json.loads((tmp_path / "back/report.json").read_text())["pre-labels"]
    assert kept["per_keypoint"]["tail"]["removed"] == 1


def test_labels_are_no_pre_labels(predicted: Callable[[str], Path], tmp_path: Path):
    again = tmp_path / "again"
    export_annotations(predicted("coco"), again, to="labelme")
    assert not (again / PRELABELS_FILE).exists()
    assert "pre-labels" not in convert(again, tmp_path / "back", checks=False)


def test_images_are_found_by_their_names(tmp_path: Path):
    """Of uploads without Label Studio's prefix, in another folder, and not where two have the same name."""
    kept = PreLabels(NAMES, "run")
    for name in ("0a1b2c3d-a.png", "photos/b.png", "c.png", "gone.png"):
        kept.add(name, [record(Path(name), (5, 5, 2), (6, 6, 1))], [0.5])
    kept.write(tmp_path)
    images = [Path("/x/a.png"), Path("/x/y/photos/b.png"), Path("/x/c.png"), Path("/y/c.png")]
    swapped = KeypointSchema("pets", ("tail", "nose"))
    reading = AnnotationSet(swapped, [record(path, (0, 0, 0), (5, 5, 2)) for path in images])
    found = read_prelabels(tmp_path, reading)
    assert list(found) == images[:2]
    assert found[images[0]][0].keypoints.tolist() == [[6, 6, 1], [5, 5, 2]]
    fewer = AnnotationSet(KeypointSchema("pets", ("nose",)), [record(images[0], (5, 5, 2))])
    assert read_prelabels(tmp_path, fewer)[images[0]][0].keypoints.tolist() == [[5, 5, 2]]
    assert fewer.notes["predicted keypoint that the corrected set does not have, not compared"] == 1


def test_files_of_one_name_are_not_mixed_up(tmp_path: Path):
    """Two addresses end in one name: an image whose folder says which is compared, one that may be either is not."""
    kept = PreLabels(NAMES, "run")
    for folder, x in (("a", 10.0), ("b", 30.0)):
        kept.add(f"host/{folder}/cat.png", [record(Path("cat.png"), (x, x, 2), (6, 6, 1))], [0.5])
    kept.write(tmp_path)
    folder = tmp_path / "host"
    both = AnnotationSet(SCHEMA, [record(folder / f / "cat.png", (5, 5, 2), (6, 6, 2)) for f in "ab"])
    found = read_prelabels(tmp_path, both)
    assert [one[0].keypoints[0, 0] for one in found.values()] == [10, 30]
    one = AnnotationSet(SCHEMA, [record(tmp_path / "images/cat.png", (5, 5, 2), (6, 6, 2))])
    assert read_prelabels(tmp_path, one) == {}
    assert one.notes["image with the name of several predicted ones, not compared"] == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kpplugins_prelabels": 2}, "not pre-labels of this version"),
        ({"images": {"a.png": 3}}, "instances is wrong"),
        ({"images": {"a.png": [{"keypoints": [[1, 2, 2]]}]}}, "wrong number of keypoints"),
        ({"images": {"a.png": [{"keypoints": [[1, 2, 2]] * 2, "score": "x"}]}}, "score is wrong"),
        ({"keypoint_names": None}, "names is missing"),
    ],
)
def test_a_damaged_file_is_one_line(changes: dict, words: str, tmp_path: Path):
    kept = PreLabels(NAMES, "run")
    kept.add("a.png", [record(Path("a.png"), (5, 5, 2), (6, 6, 1))], [0.5])
    kept.write(tmp_path)
    path = tmp_path / PRELABELS_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(BadInputError, match=words) as error:
        read_prelabels(tmp_path, AnnotationSet(SCHEMA, [record(tmp_path / "a.png", (5, 5, 2), (6, 6, 2))]))
    assert "\n" not in str(error.value) and PRELABELS_FILE in str(error.value)
