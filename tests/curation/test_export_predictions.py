"""Predictions to an annotation tool, to be corrected there."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kpplugins.curation.convert import convert
from kpplugins.curation.export import TARGETS, export_annotations
from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import write_coco
from kpplugins.formats.demo_json import is_demo
from kpplugins.formats.frames.frame_log import FrameLog, head_of
from kpplugins.formats.frames.outputs import write_outputs
from kpplugins.formats.open_source import open_source
from kpplugins.formats.writing import limits
from kpplugins.formats.writing.predicted import EMPTY, WITHOUT
from kpplugins.inference.pose_result import PoseResult
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

NAMES = ("left_eye", "right_eye", "nose")
SCHEMA = KeypointSchema(
    "pets", NAMES, (("left_eye", "right_eye"),), (("nose", "left_eye"),), (0.1, 0.1, 0.2), "measured"
)
LOW, OUTSIDE = "point of a lower score than 0.3", "point outside its image"


def paint(path: Path, colour: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.full((40, 60, 3), colour, np.uint8))[1].tobytes())
    return path


def result(points: list, scores: list, boxes: list, names: tuple[str, ...] = NAMES) -> PoseResult:
    k = len(names)
    return PoseResult(
        np.reshape(points, (-1, k, 2)),
        np.reshape(scores, (-1, k)),
        np.reshape(boxes, (-1, 4)),
        KeypointSchema("x", names),
    )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three photographs of 60×40, one in a folder below."""
    for i, name in enumerate(("a.png", "sub/b c.png", "d.png")):
        paint(tmp_path / "photos" / name, i)
    return tmp_path / "photos"


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """What the demo writes: two instances in a.png, one of them unsure; none in b c.png; nothing of d.png."""
    folder = tmp_path / "demo"
    folder.mkdir()
    two = result(
        [[10, 12], [20.25, 12], [15, 20], [40, 10], [70, 10], [45, 20]],
        [0.9, 0.3, 0.29, 0.1, 0.9, 0.1],
        [[5, 5, 30, 25], [35, 5, 80, 30]],
    )
    write(folder, "a.png", two)
    write(folder, "b c.png", result([], [], []))
    paint(folder / "a.png", 99)  # drawn, not the photograph
    return folder


def write(folder: Path, image: str, found: PoseResult, size: tuple[int, int] = (60, 40)) -> Path:
    path = folder / f"{Path(image).stem}.json"
    path.write_text(
        json.dumps(replace(found, source=image, image_size=size).to_dict(), indent=1) + "\n", encoding="utf-8"
    )
    return path


@pytest.fixture
def labelled(photos: Path, tmp_path: Path) -> Path:
    """The photographs as a converted folder, with other labels than what is predicted; d.png is in val."""
    points = np.array([[1.0, 1, 2], [2, 2, 2], [3, 3, 2]])
    box = np.array([0.0, 0, 10, 10])
    record = PoseRecord(photos / "a.png", 60, 40, points, box, 100.0, photos, (), "cat")
    backgrounds = [ImageInfo(photos / name, 60, 40) for name in ("sub/b c.png", "d.png")]
    reading = AnnotationSet(SCHEMA, [record], backgrounds=backgrounds)
    splits = {photos / "a.png": "train", photos / "sub/b c.png": "train", photos / "d.png": "val"}
    write_coco(reading, tmp_path / "labelled", splits)
    return tmp_path / "labelled"


def accept(folder: Path) -> None:
    """What Label Studio exports when every prediction, or its absence, has been submitted."""
    path = folder / "tasks.json"
    tasks = json.loads(path.read_text())
    for number, task in enumerate(tasks):
        results = [r for prediction in task["predictions"] for r in prediction["result"]]
        given = [{**r, "origin": "prediction"} for r in results]
        task["annotations"] = [{"id": number, "result": given, "was_cancelled": False, "ground_truth": False}]
    path.write_text(json.dumps(tasks))


def test_what_the_found_things_are_is_kept(demo: Path, photos: Path, tmp_path: Path):
    """``category`` and ``score`` of a detector or a one-stage model."""
    two = result([[10, 12], [20, 12], [15, 20]] * 2, [0.9] * 6, [[5, 5, 30, 25]] * 2)
    write(demo, "a.png", replace(two, box_scores=np.array([0.7, 0.6]), categories=("cup", "plate")))
    export_annotations(demo, tmp_path / "out", to="coco", images=photos)
    assert [r.category for r in open_source(tmp_path / "out")[1].records] == ["cup", "plate"]


@pytest.mark.parametrize("to", TARGETS)
def test_what_the_demo_found_goes_out_and_comes_back(to: str, demo: Path, photos: Path, tmp_path: Path):
    assert is_demo(demo) and is_demo(demo / "a.json") and not is_demo(photos)
    report = export_annotations(demo, tmp_path / "out", to=to, images=photos)
    assert (report["images"], report["instances"]) == (2, 2)
    # of six points three are unsure (0.3 is not), one lies outside
    assert report["predictions"] == {LOW: 3, OUTSIDE: 1, WITHOUT: 1}
    assert report["points"] == {"absent": 4, "occluded": 0, "visible": 2}
    assert report["lost"].get(limits.SCORE, 0) == (0 if to == "labelstudio" else 2)
    if to == "labelstudio":
        accept(tmp_path / "out")
    known, reading = open_source(tmp_path / "out")
    first, second = reading.records
    assert known.name == to and reading.schema.keypoints == NAMES
    assert np.allclose(first.keypoints, [[10, 12, 2], [20.25, 12, 2], [0, 0, 0]], atol=1e-3)
    assert np.allclose(first.bbox, [5, 5, 30, 25], atol=1e-3)
    assert second.num_labelled == 0 and np.allclose(second.bbox, [35, 5, 59, 30], atol=1e-3)
    assert first.image.read_bytes() == (photos / "a.png").read_bytes()
    assert [p.path.name for p in reading.backgrounds] == ["b c.png"] and not reading.splits
    assert convert(tmp_path / "out", tmp_path / "back")["instances"] == 2


@pytest.mark.parametrize("to", TARGETS)
def test_the_demo_instead_of_labels(to: str, demo: Path, labelled: Path, tmp_path: Path):
    report = export_annotations(labelled, tmp_path / "out", to=to, predictions=demo, score_thr=0.95)
    # nothing is sure enough; boxes stay
    assert (report["images"], report["instances"]) == (3, 2)
    assert report["predictions"] == {"point of a lower score than 0.95": 6, WITHOUT: 2}
    if to == "labelstudio":
        accept(tmp_path / "out")
    _, reading = open_source(tmp_path / "out")
    assert reading.schema == SCHEMA
    assert [r.num_labelled for r in reading.records] == [0, 0] and len(reading.backgrounds) == 2
    splits = sorted((p.name, split) for p, split in reading.splits.items())
    divided = [("a.png", "train"), ("b c.png", "train"), ("d.png", "val")]
    assert splits == divided


def results_of(labelled: Path, **more: Any) -> list[dict[str, Any]]:
    ids = {}
    for path in (labelled / "annotations").glob("*.json"):
        ids |= {image["file_name"]: image["id"] for image in json.loads(path.read_text())["images"]}
    keypoints = [10, 12, 0.9, 20, 12, 0.5, 15, 20, 0.2]
    return [
        {"image_id": ids["a.png"], "category_id": 1, "keypoints": keypoints, "score": 0.75, **more},
        {"image_id": ids["d.png"], "category_id": 1, "keypoints": [5, 5, 0.1] * 3, "score": 0.1},
    ]


@pytest.mark.parametrize("to", TARGETS)
def test_coco_results_instead_of_labels(to: str, labelled: Path, tmp_path: Path):
    (tmp_path / "results.json").write_text(json.dumps(results_of(labelled)))
    report = export_annotations(labelled, tmp_path / "out", to=to, predictions=tmp_path / "results.json")
    # the second has neither a box nor a sure point
    assert report["predictions"] == {LOW: 4, EMPTY: 1, WITHOUT: 1}
    assert (report["instances"], report["points"]["visible"]) == (1, 2)
    if to == "labelstudio":
        accept(tmp_path / "out")
    (record,) = open_source(tmp_path / "out")[1].records
    assert record.category == "cat"
    assert np.allclose(record.keypoints, [[10, 12, 2], [20, 12, 2], [0, 0, 0]], atol=1e-3)
    # around (10, 12) and (20, 12), with a tenth of 10 on each side
    assert np.allclose(record.bbox, [9, 11, 21, 13], atol=1e-3)


def test_a_predicted_box_is_the_box(labelled: Path, tmp_path: Path):
    (tmp_path / "results.json").write_text(json.dumps(results_of(labelled, bbox=[4, 5, 30, 20])))
    export_annotations(labelled, tmp_path / "out", to="coco", predictions=tmp_path / "results.json")
    assert open_source(tmp_path / "out")[1].records[0].bbox.tolist() == [4, 5, 34, 25]


def test_label_studio_is_told_that_it_is_a_prediction(labelled: Path, tmp_path: Path):
    (tmp_path / "results.json").write_text(json.dumps(results_of(labelled)))
    export_annotations(labelled, tmp_path / "out", to="labelstudio", predictions=tmp_path / "results.json")
    first, *others = json.loads((tmp_path / "out/tasks.json").read_text())
    assert "annotations" not in first and [t["predictions"] for t in others] == [[], []]
    (prediction,) = first["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("results.json", 0.75)
    with pytest.raises(BadInputError):  # nobody has said that it is right
        open_source(tmp_path / "out", from_format="labelstudio")


def test_a_results_file_for_one_of_two_files_of_the_same_ids(labelled: Path, tmp_path: Path):
    for name in ("train", "val"):
        path = labelled / f"annotations/{name}.json"
        content = json.loads(path.read_text())
        for i, image in enumerate(content["images"]):
            image["id"] = i
        content["annotations"] = []
        path.write_text(json.dumps(content))
    results = [{"image_id": 0, "category_id": 1, "keypoints": [5, 5, 0.9] * 3, "score": 0.9}]
    (tmp_path / "results.json").write_text(json.dumps(results))
    with pytest.raises(BadInputError, match="an id of two images.*the one annotation file"):
        export_annotations(labelled, tmp_path / "out", to="coco", predictions=tmp_path / "results.json")
    report = export_annotations(
        labelled / "annotations/val.json", tmp_path / "out", to="coco", predictions=tmp_path / "results.json"
    )
    assert report["instances"] == 1
    assert (tmp_path / "out/images/d.png").is_file()


def spoil(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text())
    (content[0] if isinstance(content, list) else content).update(changes)
    path.write_text(json.dumps(content))


BAD_DEMO = {
    "frames": ({"frames": []}, "prediction of a video.*ffmpeg"),
    "names": ({"keypoint_names": ["a", "b"]}, "keypoint"),
    "name twice": ({"keypoint_names": ["a", "a", "b"]}, "unique"),
    "image": ({"image": "gone.png"}, "unknown image.*'gone.png'"),
    "no image": ({"image": None}, "'image' is missing"),
    "size": ({"width": 61}, "another size"),
    "no size": ({"width": "wide"}, "width is wrong"),
    "no list": ({"instances": {}}, "'instances' is wrong"),
    "no instance": ({"instances": [3]}, r"instances\[0\]: instance is wrong"),
    "points": ({"instances": [{"keypoints": [[1, 2, 0.5]]}]}, "wrong number of keypoints.*3 of x, y, score"),
    "no number": ({"instances": [{"keypoints": [[1, 2, "x"]] * 3}]}, "list of numbers"),
    "box": (
        {"instances": [{"keypoints": [[1, 2, 0.5]] * 3, "bbox": [1, 2, 3]}]},
        "bbox is wrong; expected 4 numbers",
    ),
    "score": ({"instances": [{"keypoints": [[1, 2, 0.5]] * 3, "score": "high"}]}, "score is wrong"),
}


@pytest.mark.parametrize("case", BAD_DEMO)
@pytest.mark.parametrize("alone", [True, False])
def test_bad_predictions_of_the_demo(
    case: str, alone: bool, demo: Path, photos: Path, labelled: Path, tmp_path: Path
):
    changes, words = BAD_DEMO[case]
    write(demo, "d.png", result([], [], []))
    spoil(demo / "d.json", **changes)
    before = sorted(tmp_path.iterdir())

    def run(skip_bad: bool) -> dict[str, Any]:
        if alone:
            return export_annotations(demo, tmp_path / "out", to="coco", images=photos, skip_bad=skip_bad)
        return export_annotations(labelled, tmp_path / "out", to="coco", predictions=demo, skip_bad=skip_bad)

    with pytest.raises(BadInputError, match=words) as error:
        run(skip_bad=False)
    assert "\n" not in str(error.value) and sorted(tmp_path.iterdir()) == before
    report = run(skip_bad=True)
    assert report["instances"] == 2 and sum(report["skipped"].values()) == 1


def test_json_lines_are_what_the_files_are(demo: Path, photos: Path, tmp_path: Path):
    """A run with --format coco csv writes no NAME.json."""
    lines = tmp_path / "lines"
    log = FrameLog(lines / "predictions.jsonl", head_of(SCHEMA, "photos", "images"))
    for i, name in enumerate(("a", "b c")):
        content = json.loads((demo / f"{name}.json").read_text())
        log.add({"frame": i, **{key: content[key] for key in ("image", "width", "height", "instances")}})
    log.add({"frame": 2, "image": "bad.png", "fault": "bad.png: not an image"})
    log.close()
    write_outputs(log.path, ["coco"])
    assert is_demo(lines) and is_demo(log.path)
    for i, source in enumerate((lines, log.path, demo)):
        report = export_annotations(source, tmp_path / f"out{i}", to="coco", images=photos)
        assert (report["images"], report["instances"]) == (2, 2)
    written = [(tmp_path / f"out{i}/annotations/keypoints.json").read_text() for i in range(3)]
    assert (
        written[0] == written[1]
        and json.loads(written[1])["annotations"] == json.loads(written[2])["annotations"]
    )
    (lines / "b c.json").write_text(
        (demo / "b c.json").read_text()
    )  # one NAME.json, and those of COCO beside it
    assert export_annotations(lines, tmp_path / "out3", to="coco", images=photos)["images"] == 1
    video = FrameLog(tmp_path / "clip.jsonl", head_of(SCHEMA, "clip.avi", "video"))
    video.close()
    with pytest.raises(BadInputError, match="clip.jsonl: prediction of a video"):
        export_annotations(video.path, tmp_path / "out4", to="coco", images=photos)


def test_a_file_alone_and_what_is_missing(demo: Path, photos: Path, labelled: Path, tmp_path: Path):
    out = tmp_path / "out"
    for words, options in {
        "name their images without folder.*not of the drawn ones.*--images": {},
        "no such file or folder": {"images": tmp_path / "gone"},
        "predictions already": {"images": photos, "predictions": demo},
    }.items():
        with pytest.raises(BadInputError, match=words):
            export_annotations(demo, out, to="cvat", **options)
    assert export_annotations(demo / "a.json", out, to="cvat", images=photos)["images"] == 1
    paint(photos / "other/a.png", 5)
    with pytest.raises(BadInputError, match="fits two images"):
        export_annotations(demo, tmp_path / "out2", to="cvat", images=photos)
    (demo / "a2.json").write_text((demo / "b c.json").read_text())
    with pytest.raises(BadInputError, match="predicted twice"):
        export_annotations(labelled, tmp_path / "out2", to="cvat", predictions=demo)


BAD_RESULTS = {
    "image": ({"image_id": 77}, "unknown image.*77"),
    "no image": ({"image_id": None}, "unknown image"),
    "list as id": ({"image_id": [1]}, "unknown image"),
    "category": ({"category_id": 9}, "unknown category.*9"),
    "k": ({"keypoints": [1, 2, 0.5]}, "another number of keypoints; expected 3 keypoints, 9 numbers"),
    "none": ({"keypoints": None}, "list of numbers"),
    "box": ({"bbox": [1, 2]}, "bbox is wrong; expected 4 numbers"),
    "score": ({"score": []}, "score is wrong"),
}


@pytest.mark.parametrize("case", BAD_RESULTS)
def test_bad_results(case: str, labelled: Path, tmp_path: Path):
    changes, words = BAD_RESULTS[case]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results_of(labelled)))
    spoil(path, **changes)
    with pytest.raises(BadInputError, match=words) as error:
        export_annotations(labelled, tmp_path / "out", to="yolo", predictions=path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    report = export_annotations(labelled, tmp_path / "out", to="yolo", predictions=path, skip_bad=True)
    assert report["instances"] == 0 and sum(report["skipped"].values()) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "not valid JSON"),
        ('[{"keypoints": [NaN]}]', "NaN"),
        ("", "empty"),
        ("3", "the file is wrong"),
        ('{"a": 1}', "'keypoint_names' is missing"),
    ],
)
def test_predictions_that_are_no_predictions(text: str, words: str, labelled: Path, tmp_path: Path):
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(BadInputError, match=words):
        export_annotations(labelled, tmp_path / "out", to="yolo", predictions=tmp_path / "p.json")


def test_results_need_image_ids(labelled: Path, tmp_path: Path):
    export_annotations(labelled, tmp_path / "yolo", to="yolo")
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(BadInputError, match="need image ids.*yolo.*convert the source first"):
        export_annotations(
            tmp_path / "yolo", tmp_path / "out", to="cvat", predictions=tmp_path / "results.json"
        )


def test_images_of_a_source_that_lie_elsewhere(labelled: Path, tmp_path: Path):
    export_annotations(labelled, tmp_path / "cvat", to="cvat")
    (tmp_path / "cvat/images").rename(tmp_path / "moved")
    report = export_annotations(tmp_path / "cvat", tmp_path / "out", to="coco", images=tmp_path / "moved")
    assert report["images"] == 3


@pytest.mark.parametrize("way", ["demo", "results"])
def test_what_the_model_holds_absent_is_absent_and_what_it_holds_occluded_is_occluded(
    way: str, labelled: Path, photos: Path, tmp_path: Path
):
    """Whatever the scores; a stated threshold asks the scores instead."""
    (tmp_path / "found").mkdir()
    one = result([[10, 12], [20, 12], [15, 20]], [0.1, 0.9, 0.9], [[5, 5, 30, 25]])
    one = replace(one, visibility=np.array([[0.9, 0.1, 0.4]]), states=np.array([[2, 0, 1]]))
    if way == "demo":
        source, more = tmp_path / "found", {"images": photos}
        write(source, "a.png", one)
    else:
        (image_id,) = {row["image_id"] for row in results_of(labelled)[:1]}
        (tmp_path / "results.json").write_text(json.dumps(one.to_coco(image_id)))
        source, more = labelled, {"predictions": tmp_path / "results.json"}
    report = export_annotations(source, tmp_path / "out", to="coco", **more)
    (record,) = open_source(tmp_path / "out")[1].records
    assert record.keypoints.tolist() == [[10, 12, 2], [0, 0, 0], [15, 20, 1]]
    assert report["predictions"]["point that the model holds absent"] == 1
    report = export_annotations(source, tmp_path / "again", to="coco", score_thr=0.3, **more)
    (record,) = open_source(tmp_path / "again")[1].records
    assert record.keypoints.tolist() == [[0, 0, 0], [20, 12, 2], [15, 20, 2]]
    assert report["predictions"][LOW] == 1


@pytest.mark.parametrize("states", [[2, 0], [2, 0, 3], [2, 0, "x"], 1])
def test_wrong_states_are_one_line(states: Any, labelled: Path, tmp_path: Path):
    (tmp_path / "results.json").write_text(json.dumps(results_of(labelled, states=states)))
    with pytest.raises(BadInputError, match=r"results\.json \[0\]: .*states"):
        export_annotations(labelled, tmp_path / "out", to="coco", predictions=tmp_path / "results.json")
