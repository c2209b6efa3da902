"""Each fault in a small drawn set that is clean but for it, and the clean set itself."""

import copy
import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.curation.check import check
from kpplugins.curation.check_report import CheckReport
from kpplugins.curation.convert import assign_splits, convert
from kpplugins.formats.open_source import open_source
from kpplugins.structures import BadInputError

NAMES = ["tip", "left_wing", "right_wing", "left_foot", "right_foot"]
FLY = np.array([[15, 0], [0, 12], [30, 12], [8, 32], [22, 32]], float)
SIZES = {"train": 24, "val": 8, "test": 8}
WIDTH, HEIGHT = 160, 140


def texture(seed: int) -> np.ndarray:
    """A grey image of soft spots that looks like no other seed's."""
    rough = np.random.default_rng(seed).integers(0, 256, (7, 8)).astype(np.uint8)
    return cv2.resize(rough, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def clean() -> dict[str, dict]:
    """Forty images with a fly each, 30 × 32 pixels and a few of noise, in a box 6 pixels wider on the left."""
    generator, content, number = np.random.default_rng(0), {}, 0
    category = {"id": 1, "name": "fly", "keypoints": NAMES, "skeleton": [[1, 2], [1, 3]]}
    for split, count in SIZES.items():
        images, annotations = [], []
        for _ in range(count):
            number += 1
            points = FLY + generator.normal(0, 0.6, FLY.shape) + generator.uniform(15, 80, 2)
            (x, y), (right, bottom) = points.min(0), points.max(0)
            seen = [2, 2, 2, 2, 1 + number % 2]
            box = [x - 6, y - 2, right - x + 9, bottom - y + 5]
            images.append({"id": number, "file_name": f"{number:03}.png", "width": WIDTH, "height": HEIGHT})
            annotations.append({
                "id": 100 + number, "image_id": number, "category_id": 1, "bbox": box, "iscrowd": 0,
                "area": 0.6 * box[2] * box[3], "num_keypoints": 5,
                "keypoints": np.column_stack([points, seen]).reshape(-1).tolist(),
            })  # fmt: skip
        content[split] = {
            "images": images,
            "annotations": annotations,
            "categories": [copy.deepcopy(category)],
        }
    return content


def write(root: Path, content: dict[str, dict]) -> Path:
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    for split, part in content.items():
        (root / "annotations" / f"{split}.json").write_text(json.dumps(part))
        for image in part["images"]:
            if isinstance(image, dict) and not (root / "images" / image["file_name"]).exists():
                cv2.imwrite(str(root / "images" / image["file_name"]), texture(int(image["id"])))
    return root


def serious(report: CheckReport) -> dict[tuple[str, str], int]:
    return {key: n for key, n in report.by_check.items() if key[0] != "note"}


def notes(report: CheckReport) -> dict[str, int]:
    return {kind: n for (severity, kind), n in report.by_check.items() if severity == "note"}


def test_a_clean_set_has_nothing_above_a_note(tmp_path: Path):
    report = check(write(tmp_path / "set", clean()), out=tmp_path / "out")
    assert serious(report) == {}
    assert notes(report) == {"split-tiny": 2}  # 8 instances each in val and test
    assert (report.exit_status, report.images, report.instances) == (0, 40, 40)
    assert dict(report.splits) == SIZES
    saved = json.loads((tmp_path / "out" / "check.json").read_text())
    assert saved["severities"] == {"harmful": 0, "suspect": 0, "note": 2}
    assert saved["schema"]["keypoints"] == NAMES
    assert (tmp_path / "out" / "check.html").is_file()


def first(content: dict, split: str = "train", place: int = 0) -> dict:
    return content[split]["annotations"][place]


def set_box(*box: float):
    return lambda c: first(c).update(bbox=list(box), area=1.0)


def move_box(dx: float, dy: float, dw: float = 0, dh: float = 0):
    def change(content: dict) -> None:
        x, y, w, h = first(content)["bbox"]
        first(content).update(bbox=[x + dx, y + dy, w + dw, h + dh], area=1.0)

    return change


def move_point(k: int, x: float, y: float, visibility: int = 2):
    def change(content: dict) -> None:
        first(content)["keypoints"][3 * k : 3 * k + 3] = [x, y, visibility]

    return change


def to_left_edge(content: dict) -> None:
    points = np.reshape(first(content)["keypoints"], (5, 3))
    points[:, 0] += 2 - points[:, 0].min()  # then the points reach from 2 to about 32
    top = points[:, 1].min() - 2
    first(content).update(keypoints=points.reshape(-1).tolist(), bbox=[-30, top, 64, 40], area=1.0)


def corners(content: dict) -> None:
    for a in content["val"]["annotations"]:
        x, y, w, h = a["bbox"]
        a.update(bbox=[x, y, x + w, y + h])


def exchange(*places: tuple[int, int]):
    def change(content: dict) -> None:
        points = np.reshape(first(content)["keypoints"], (5, 3))
        for a, b in places:
            points[[a, b]] = points[[b, a]]
        first(content)["keypoints"] = points.reshape(-1).tolist()

    return change


def tip_to_the_feet(content: dict) -> None:
    points = np.reshape(first(content)["keypoints"], (5, 3))
    points[0, :2] = points[3:5, :2].mean(axis=0) - [0, 2]
    first(content)["keypoints"] = points.reshape(-1).tolist()


def everywhere(change):
    def all_splits(content: dict) -> None:
        for part in content.values():
            change(part)

    return all_splits


def absent(k: int, *splits: str):
    def change(content: dict) -> None:
        for split in splits:
            for a in content[split]["annotations"]:
                a["keypoints"][3 * k : 3 * k + 3] = [0, 0, 0]
                a["num_keypoints"] = 4

    return change


def unlabelled_val(content: dict) -> None:
    for a in content["val"]["annotations"]:
        a.update(keypoints=[0] * 15, num_keypoints=0)


def twice_the_name(content: dict) -> None:
    for part in content.values():
        part["categories"].append({**part["categories"][0], "id": 2})


FAULTS = {
    "size": (lambda c: c["val"]["images"][2].update(width=200), {("harmful", "image-size"): 1}),
    "turned": (
        lambda c: c["val"]["images"][2].update(width=HEIGHT, height=WIDTH),
        {("harmful", "image-size"): 1},
    ),
    "corners": (corners, {("harmful", "boxes-as-corners"): 1}),
    # the points lie in it, and 34 of its 64 columns in the image
    "box over the edge": (to_left_edge, {("suspect", "box-outside-image"): 1}),
    "box elsewhere": (
        set_box(300, 300, 40, 40),
        {("harmful", "box-outside-image"): 1},
    ),
    "box of another": (move_box(-40, 0), {("harmful", "box-without-its-points"): 1}),
    # 45 pixels wide less 15: right_wing lies 12 pixels outside, 20 % of the longer side are 8
    "narrow box": (move_box(0, 0, dw=-15), {("suspect", "point-outside-box"): 1}),
    "box too large": (set_box(0, 0, 159, 139), {("suspect", "box-too-large"): 1}),
    "box without size": (set_box(10, 10, 0, 5), {("suspect", "box-without-size"): 1}),
    "area": (lambda c: first(c).update(area=9999.0), {("suspect", "area-larger-than-box"): 1}),
    "point outside": (move_point(4, -5, 20), {("suspect", "point-outside-image"): 1}),
    "count": (lambda c: first(c).update(num_keypoints=17), {("suspect", "num-keypoints"): 1}),
    "sides": (exchange((1, 2), (3, 4)), {("suspect", "left-right-exchanged"): 1}),
    "one pair": (exchange((1, 2)), {("suspect", "left-right-exchanged"): 1}),
    "outlier": (tip_to_the_feet, {("suspect", "point-outlier"): 1}),
    "K": (lambda c: first(c).update(keypoints=[1, 1, 2]), {("harmful", "keypoint-count"): 1}),
    "visibility": (move_point(0, 20, 20, 3), {("harmful", "visibility-value"): 1}),
    "id twice": (lambda c: first(c).update(id=102), {("harmful", "id-twice"): 1}),
    "no image": (lambda c: first(c).update(image_id=999), {("harmful", "annotation-without-image"): 1}),
    "category twice": (twice_the_name, {("suspect", "category-twice"): 3}),
    "unnamed": (everywhere(lambda p: p["categories"][0].update(name="")), {("suspect", "category-unnamed"): 3}),
    "unknown category": (lambda c: first(c).update(category_id=5), {("harmful", "category-unknown"): 1}),
    "flip pairs": (
        everywhere(
            lambda p: p["categories"][0].update(
                flip_pairs=[["left_wing", "left_foot"], ["right_wing", "right_foot"]]
            )
        ),
        {("harmful", "flip-pairs"): 1},
    ),
    "unlabelled split": (unlabelled_val, {("harmful", "split-unlabelled"): 1}),
    "no val": (
        lambda c: c["val"].update(images=[], annotations=[]),
        {("suspect", "split-empty"): 1},
    ),
    "two splits": (
        lambda c: c["test"]["images"].append(c["train"]["images"][0]),
        {("harmful", "image-in-two-splits"): 1},
    ),
    "one file twice": (
        lambda c: c["train"]["images"].append(c["train"]["images"][0] | {"id": 900}),
        {("harmful", "image-twice"): 1},
    ),
    "a copy of a split": (
        lambda c: c["test"].update(copy.deepcopy(c["val"])),
        {("harmful", "image-in-two-splits"): 1},
    ),
    "never labelled": (absent(0, *SIZES), {("suspect", "keypoint-never-labelled"): 1}),
    "not scored": (absent(0, "test"), {("suspect", "keypoint-not-scored"): 1}),
    "not trained": (absent(0, "train"), {("harmful", "keypoint-not-trained"): 2}),  # in val and in test
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_annotation_is_found_and_nothing_else(tmp_path: Path, name: str):
    change, expected = FAULTS[name]
    content = clean()
    change(content)
    report = check(write(tmp_path / "set", content))
    assert serious(report) == expected, report.text
    assert all(f.what and f.todo for f in report.findings)


def test_the_finding_names_file_image_annotation_and_cure(tmp_path: Path):
    content = clean()
    first(content, "val", 2).update(num_keypoints=3)
    root = write(tmp_path / "set", content)
    found = check(root).findings[0].to_json()
    assert found == {
        "check": "num-keypoints", "severity": "suspect", "file": str(root / "annotations" / "val.json"),
        "image": str(root / "images" / "027.png"), "beside": None, "annotation": "127",
        "what": "num_keypoints is 3, but 5 keypoints are labelled.",
        "todo": "write 5; tools that trust the number skip instances with 0",
    }  # fmt: skip


def test_the_same_area_everywhere_is_one_finding_a_file(tmp_path: Path):
    content = clean()
    for a in content["train"]["annotations"]:
        a["area"] = 24825.87695
    assert serious(check(write(tmp_path / "set", content))) == {("harmful", "area-copied"): 1}


def test_points_in_the_corner_and_at_one_place(tmp_path: Path):
    content = clean()
    move_point(0, 0, 0)(content)
    points = first(content, place=1)["keypoints"]
    points[9:11] = points[12:14]
    found = serious(check(write(tmp_path / "set", content)))
    assert found["harmful", "point-at-origin"] == 1
    assert found["suspect", "points-at-one-place"] == 1


def test_an_instance_annotated_twice_is_told_once_for_each_copy(tmp_path: Path):
    content = clean()
    twice = {**first(content), "id": 9001, "bbox": [v + 1 for v in first(content)["bbox"]]}
    near = {**first(content, place=1), "id": 9002}
    near["keypoints"] = [near["keypoints"][0] + 0.1, *near["keypoints"][1:]]  # a second opinion, not a copy
    content["train"]["annotations"] += [twice, near]
    report = check(write(tmp_path / "set", content))
    assert [f.annotation for f in report.findings if f.check == "instance-copied"] == ["9001"]


def test_two_spellings_of_one_keypoint_are_told(tmp_path: Path):
    content = clean()
    for part in content.values():
        part["categories"][0]["keypoints"] = ["Head_Tip", "head_tip", "wing_1", "wing_2", "tail"]
    found = [f.what for f in check(write(tmp_path / "set", content)).findings if f.check == "names-alike"]
    assert found == ["Head_Tip and head_tip look like one keypoint, but count as 2."]


@pytest.mark.parametrize("with_boxes", [True, False])
def test_keypoints_as_fractions_stop_check_and_convert(with_boxes: bool, tmp_path: Path):
    content = clean()
    for part in content.values():
        for a in part["annotations"]:
            points = np.array(a["keypoints"], float).reshape(-1, 3) / [WIDTH, HEIGHT, 1]
            a.update(keypoints=points.ravel().tolist(), bbox=[v / WIDTH for v in a["bbox"]], area=0.1)
            if not with_boxes:
                del a["bbox"], a["area"]
    root = write(tmp_path / "set", content)
    assert serious(check(root)) == {("harmful", "fractions"): 1}
    with pytest.raises(BadInputError, match="keypoints are fractions of the image.*expected pixels"):
        convert(root, tmp_path / "out", checks=False, skip_bad=True)


def test_visibility_that_is_always_2_empty_categories_and_numbered_names_are_notes(tmp_path: Path):
    content = clean()
    for part in content.values():
        part["categories"][0]["keypoints"] = [f"point_{i}" for i in range(5)]
        part["categories"].append({**part["categories"][0], "id": 2, "name": "wasp"})
        part["images"].append({"id": 900, "file_name": f"{id(part)}.png"})
        for a in part["annotations"]:
            a["keypoints"][14] = 2
    report = check(write(tmp_path / "set", content))
    assert {"visibility-constant", "flips-off", "category-empty", "image-without-instance"} <= notes(
        report
    ).keys()


@pytest.mark.parametrize(
    ("broken", "kind"),
    [(None, "image-missing"), (0, "image-unreadable"), (500, "image-unreadable")],
)
def test_missing_empty_and_truncated_images(tmp_path: Path, broken: int | None, kind: str, caplog):
    root = write(tmp_path / "set", clean())
    image = root / "images" / "003.png"
    data = image.read_bytes()
    image.unlink()
    if broken is not None:
        image.write_bytes(data[:broken])
    report = check(root, out=tmp_path / "out")
    assert serious(report) == {("harmful", kind): 1}
    assert report.findings[0].image == (None if broken is None else image)
    assert "003.png" in report.findings[0].what or broken is not None
    assert report.exit_status == 1
    assert caplog.records == []  # each is a finding; the reader's warnings would say it twice


def test_a_image_with_a_good_header_and_no_content(tmp_path: Path):
    root = write(tmp_path / "set", clean())
    image = root / "images" / "003.png"
    data = bytearray(image.read_bytes())
    data[60:-20] = bytes(len(data) - 80)
    image.write_bytes(data)
    assert serious(check(root)) == {("harmful", "image-unreadable"): 1}


@pytest.mark.parametrize(
    ("copy_of", "onto", "expected"),
    [(1, 2, ("suspect", "duplicate")), (1, 26, ("harmful", "duplicate-across-splits"))],
)
def test_the_same_bytes_twice(tmp_path: Path, copy_of: int, onto: int, expected: tuple):
    root = write(tmp_path / "set", clean())
    (root / "images" / f"{onto:03}.png").write_bytes((root / "images" / f"{copy_of:03}.png").read_bytes())
    assert serious(check(root)) == {expected: 1}


@pytest.mark.parametrize(
    ("onto", "expected"),
    [(2, ("suspect", "near-duplicate")), (26, ("harmful", "near-duplicate-across-splits"))],
)
def test_a_darker_compressed_copy(tmp_path: Path, onto: int, expected: tuple):
    root = write(tmp_path / "set", clean())
    darker = (texture(1) * 0.8 + 10).astype(np.uint8)
    worse = cv2.imdecode(cv2.imencode(".jpg", darker, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], 0)
    cv2.imwrite(str(root / "images" / f"{onto:03}.png"), worse)
    report = check(root)
    assert serious(report) == {expected: 1}
    assert {report.findings[0].image.name, report.findings[0].beside.name} == {"001.png", f"{onto:03}.png"}


def video(root: Path, still: bool, divided: bool, frames: int = 40) -> Path:
    """Frames of one scene in which a dot wanders, or of forty scenes; every fifth is in val."""
    content = clean()
    everything = {key: sum((part[key] for part in content.values()), []) for key in ("images", "annotations")}
    scene = texture(1)
    (root / "images").mkdir(parents=True)
    for i, image in enumerate(everything["images"][:frames]):
        image["file_name"] = f"frame_{i:04}.png"
        still_frame = scene.copy() if still else texture(i + 1)
        cv2.circle(still_frame, (10 + 3 * i, 20 + 2 * i), 9, 255, -1)
        cv2.imwrite(str(root / "images" / image["file_name"]), still_frame)
    parts = {"train": [], "val": []} if divided else {"all": []}
    for i, pair in enumerate(zip(everything["images"], everything["annotations"], strict=True)):
        parts["all" if not divided else "val" if i % 5 == 2 else "train"].append(pair)
    (root / "annotations").mkdir()
    for name, pairs in parts.items():
        part = {
            "images": [p[0] for p in pairs], "annotations": [p[1] for p in pairs],
            "categories": content["train"]["categories"],
        }  # fmt: skip
        (root / "annotations" / f"{name}.json").write_text(json.dumps(part))
    return root


def test_frames_of_one_video_in_two_splits_and_the_pattern_that_mends_it(tmp_path: Path):
    root = video(tmp_path / "set", still=True, divided=True)
    report = check(root)
    assert serious(report) == {("harmful", "video-across-splits"): 1}
    found = report.findings[0]
    assert "8 of the 8 outside train" in found.what  # every fifth of forty, each between two of train
    pattern = found.todo.split("--group-by '")[1].split("'")[0]
    reading = open_source(root)[1]
    mended = assign_splits(reading, (50, 25, 25), 0, pattern)
    blocks = Counter((path.stem[:-1], split) for path, split in mended.items())
    assert set(blocks.values()) == {10}  # four blocks of ten frames, none divided
    for group in (pattern, r"frame_(\d\d)"):
        report = check(root, group_by=group)
        assert report.by_check["harmful", "group-across-splits"] in (1, 4)


def test_frames_by_their_names_only_are_suspect_and_undivided_ones_a_note(tmp_path: Path):
    report = check(video(tmp_path / "named", still=False, divided=True))
    assert serious(report) == {("suspect", "video-across-splits"): 1}
    report = check(video(tmp_path / "whole", still=True, divided=False))
    assert serious(report) == {}
    assert notes(report) == {"video-frames": 1}


def test_a_group_pattern_that_is_wrong_is_refused(tmp_path: Path):
    root = write(tmp_path / "set", clean())
    for pattern in ("(", "nothing like it"):
        with pytest.raises(BadInputError, match="--group-by"):
            check(root, group_by=pattern)
    assert (
        check(root, group_by=r"images/(\d)").by_check["harmful", "group-across-splits"] == 1
    )  # 0.. of 001 to 040


def test_converted_drawn_cats_have_nothing_harmful(drawn_cats: Path, tmp_path: Path):
    assert serious(check(drawn_cats)) == {}
    convert(drawn_cats, tmp_path / "set")
    assert check(tmp_path / "set").exit_status == 0


def test_deep_images_that_lose_their_range(tmp_path: Path):
    """12 bits in 16 leave 16 grey levels, a thermal camera 2; with a rule both are fine."""
    generator = np.random.default_rng(0)
    annotation = {
        "id": 1,
        "category_id": 1,
        "bbox": [5, 5, 30, 30],
        "area": 900,
        "keypoints": [10, 10, 2, 30, 30, 2],
    }
    (tmp_path / "annotations").mkdir()
    (tmp_path / "images").mkdir()
    images = []
    for i, (low, high) in enumerate(((0, 4095), (7300, 7541), (0, 65535)), 1):
        deep = generator.integers(low, high + 1, (60, 80), np.uint16)
        cv2.imwrite(str(tmp_path / f"images/{i}.tiff"), deep)
        images.append({"id": i, "file_name": f"{i}.tiff", "width": 80, "height": 60})
    content = {
        "images": images, "categories": [{"id": 1, "name": "cup", "keypoints": ["a", "b"]}],
        "annotations": [{**annotation, "id": i, "image_id": i} for i in (1, 2, 3)],
    }  # fmt: skip
    (tmp_path / "annotations/all.json").write_text(json.dumps(content))
    report = check(tmp_path)
    (finding,) = [f for f in report.findings if f.check == "few-grey-levels"]
    assert finding.severity == "harmful" and finding.image.name == "2.tiff" and report.exit_status == 1
    assert finding.what.startswith(
        "2 of 3 images have more than 8 bits and keep fewer than 32 of 256 grey levels"
    )
    assert "2.tiff has values from 7300 to 7541 (uint16), which leave 2." in finding.what
    assert "--percentile 1 99" in finding.todo and "0 4095 for 12 bits" in finding.todo
    levels = {f.check for f in check(tmp_path, pixels={"percentile": (1, 99)}).findings}
    assert "few-grey-levels" not in levels
    cv2.imwrite(str(tmp_path / "images/3.tiff"), generator.uniform(15, 35, (60, 80)).astype(np.float32))
    (finding,) = [f for f in check(tmp_path, pixels=None).findings if f.check == "pixel-range"]
    assert finding.what.startswith(
        "1 of 3 images have values outside the range of their type; 3.tiff has values from 1"
    )


def test_what_is_written_is_examined_wherever_the_images_are_and_as_it_is_read(tmp_path: Path):
    content = clean()
    to_left_edge(content)
    source = write(tmp_path / "set", content)
    expected = check(source).by_check
    assert expected["suspect", "box-outside-image"] == 1
    (source / "images").rename(tmp_path / "elsewhere")
    assert check(source, images=tmp_path / "elsewhere").by_check == expected
    for split, name in (("train", "a"), ("val", "b"), ("test", "c")):
        (source / "annotations" / f"{split}.json").rename(source / f"{name}.json")
    chosen = ["train=a.json", "val=b.json", "test=c.json"]
    report = check(source, images=tmp_path / "elsewhere", split_files=chosen)
    assert report.by_check == expected and dict(report.splits) == SIZES


def test_boxes_that_are_said_to_be_corners_are_examined_as_such(tmp_path: Path):
    content = clean()
    for part in content.values():
        for annotation in part["annotations"]:
            x, y, w, h = annotation["bbox"]
            annotation["bbox"] = [x, y, x + w, y + h]
    assert serious(check(write(tmp_path / "set", content), box_format="xyxy")) == {}
    assert check(tmp_path / "set").by_check["harmful", "boxes-as-corners"] == 3
