"""What models find in a visitor's files, what is said of files that cannot be used, and what can be downloaded."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.apis.web import findings as findings_module
from kpplugins.apis.web.films import write_film
from kpplugins.apis.web.findings import Findings
from kpplugins.apis.web.live import Live
from kpplugins.apis.web.pictures import as_jpeg, drawn_on, scaled_between
from kpplugins.apis.web.tables import table_rows, write_csv, write_found
from kpplugins.apis.web.uploads import MOST_FILES, Upload, usable_uploads
from kpplugins.inference.pose_result import PoseResult
from kpplugins.inference.predictor import Predictor
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from tests.apis.web.conftest import lamp


@pytest.fixture(scope="module")
def near(lamps: dict[str, Path]) -> Predictor:
    return Predictor(lamps["near"])


def given(files: list[Path], folder: Path) -> Findings:
    uploads, faults = usable_uploads(files)
    return Findings(uploads, folder, faults)


def test_images_and_videos_are_looked_at_once(
    near: Predictor, lit, moving: Path, tmp_path: Path, monkeypatch
):
    findings = given([lit(40, 50), moving, lit(90, 20)], tmp_path / "visit")
    told = list(findings.fill("near", near))
    assert told[:2] == ["near: image 1 of 2", "near: image 2 of 2"]
    assert told[2] == "near: moving.avi, frame 1 of 12"
    first, film, last = findings.found["near"]
    assert first.results[0].keypoints.tolist() == [[[40, 50], [50, 50]]]
    assert first.results[0].source == "lamp_40_50.png" and first.results[0].image_size == (160, 120)
    assert last.results[0].keypoints[0, 0].tolist() == [90, 20]
    assert [r.keypoints[0, 0].tolist() for r in film.results] == [[30 + 8 * i, 60] for i in range(12)]
    assert film.frames == list(range(12)) and film.times[10] == pytest.approx(1.0)
    assert not findings.faults and not film.notes
    monkeypatch.setattr(near, "predict", None)  # nothing is predicted a second time
    assert list(findings.fill("near", near)) == []
    assert findings.image(1, 5, near).shape == (120, 160, 3)
    assert np.unravel_index(findings.image(1, 5, near).sum(axis=2).argmax(), (120, 160)) == (60, 70)
    assert findings.image(0, 0, near).shape == (600, 800, 3)
    findings.close()
    assert not (tmp_path / "visit").exists()


def test_what_cannot_be_used_is_told_by_its_own_name(near: Predictor, lit, tmp_path: Path, monkeypatch):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for name in ("notes.txt", "broken.png", "empty.jpg", "broken.mp4"):
        (hidden / name).write_bytes(b"" if name == "empty.jpg" else b"nothing of use")
    cv2.imwrite(str(hidden / "big.png"), np.zeros((300, 400, 3), np.uint8))
    monkeypatch.setenv("KPPLUGINS_MAX_PIXELS", "60000")
    findings = given([*sorted(hidden.iterdir()), lit(40, 50)], tmp_path / "visit")
    list(findings.fill("near", near))
    told = [str(fault) for fault in findings.faults]
    assert not any(str(tmp_path) in line or "\n" in line for line in told)
    expected = (
        "notes.txt: neither an image nor a video", "big.png: image has too many pixels",
        "broken.png: image cannot be decoded", "empty.jpg: image cannot be decoded", "broken.mp4: video cannot be",
    )  # fmt: skip
    assert sorted(line for line in told if line.startswith(expected)) == sorted(told)
    assert len(told) == len(expected)
    good = findings.found["near"][-1].results[0]
    assert good.fault is None and len(good) == 1
    written = json.loads(write_found(tmp_path / "near.json", "near", findings.found["near"]).read_text())
    assert [r["image"] for r in written["results"] if "fault" in r] == [
        "big.png", "broken.mp4", "broken.png", "empty.jpg",
    ]  # fmt: skip
    assert str(tmp_path) not in json.dumps(written)


def test_too_many_files_are_refused():
    with pytest.raises(BadInputError, match=f"too many files.*at most {MOST_FILES}.*found {MOST_FILES + 1}"):
        usable_uploads(["a.png"] * (MOST_FILES + 1))


def test_of_a_long_video_the_beginning_is_looked_at(
    near: Predictor, moving: Path, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(findings_module, "MOST_FRAMES", 5)
    findings = given([moving], tmp_path / "visit")
    list(findings.fill("near", near))
    (film,) = findings.found["near"]
    assert len(film.results) == 5
    assert film.notes == ["moving.avi: the first 5 of 12 frames; kpplugins demo VIDEO takes all"]


def test_of_a_damaged_video_the_rest_is_shown(near: Predictor, moving: Path, tmp_path: Path):
    damaged = tmp_path / "damaged.avi"
    content = moving.read_bytes()
    damaged.write_bytes(content[: len(content) * 2 // 3])
    findings = given([damaged], tmp_path / "visit")
    list(findings.fill("near", near))
    (film,) = findings.found["near"]
    assert 0 < len(film.results) < 12
    assert any("frames could be read; these are shown" in note for note in film.notes), film.notes


def test_downloads_hold_what_the_predictor_finds(near: Predictor, lit, moving: Path, tmp_path: Path):
    image = lit(40, 50)
    findings = given([image, moving], tmp_path / "visit")
    list(findings.fill("near", near))
    content = json.loads(write_found(tmp_path / "near.json", "near", findings.found["near"]).read_text())
    assert content["model"] == "near" and len(content["results"]) == 13
    assert content["results"][0] == near(image).to_dict() | {"image": image.name}
    assert content["results"][3]["frame"] == 2 and content["results"][3]["time"] == pytest.approx(0.2)
    with write_csv(tmp_path / "near.csv", near.schema, findings.found["near"]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 26
    assert {k: rows[1][k] for k in ("image", "instance", "category", "keypoint", "x", "y", "score")} == {
        "image": image.name, "instance": "0", "category": "lamp", "keypoint": "side", "x": "50.0", "y": "50.0",
        "score": "0.2",
    }  # fmt: skip
    assert (rows[8]["image"], rows[8]["frame"], rows[8]["x"]) == ("moving.avi", "3", "54.0")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["near.csv", "near.json", "visit"]
    assert table_rows(findings.found["near"][0].results[0]) == [
        ["0 lamp", "spot", 40.0, 50.0, 0.9, ""], ["0 lamp", "side", 50.0, 50.0, 0.2, ""],
    ]  # fmt: skip


def test_a_film_shows_the_keypoints_and_plays_as_long_as_the_video(
    near: Predictor, moving: Path, tmp_path: Path
):
    findings = given([moving], tmp_path / "visit")
    list(findings.fill("near", near))
    told = list(write_film(tmp_path / "film.webm", findings, 0, "near", near, 0.3))
    assert told == [(0, 12), (10, 12)]
    film = cv2.VideoCapture(str(tmp_path / "film.webm"))
    assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(10, abs=0.1)
    frames = []
    while (read := film.read())[0]:
        frames.append(read[1])
    assert len(frames) == 12 and frames[0].shape == (120, 160, 3)
    plain = findings.image(0, 7, near).astype(int)
    assert np.abs(frames[7] - plain).max() > 100  # coloured dots on grey
    drawn = drawn_on(findings.image(0, 7, near), findings.found["near"][0].results[7], 0.3)
    assert np.abs(frames[7] - cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR).astype(int)).mean() < 6


def test_keypoints_lie_right_on_an_image_of_another_size():
    schema = KeypointSchema("spot", ("spot",))
    for size, zoom in (((100, 50), 8.0), ((2560, 1280), 0.5)):
        place = (
            np.array([0.25, 0.5]) * size - 0.5
        )  # a quarter across and half down, at the corner of four pixels
        result = PoseResult(place[None, None], np.ones((1, 1)), np.zeros((1, 4)), schema, image_size=size)
        image = scaled_between(np.zeros((size[1], size[0], 3), np.uint8), 800, 1280)
        assert image.shape[1] == size[0] * zoom
        drawn = drawn_on(image, result, 0.3)
        colour = np.array(schema.colors[0])
        ys, xs = np.nonzero((drawn == colour).all(axis=2))
        assert xs.mean() == pytest.approx(0.25 * image.shape[1] - 0.5, abs=0.6)
        assert ys.mean() == pytest.approx(0.5 * image.shape[0] - 0.5, abs=0.6)
    back = cv2.imdecode(np.frombuffer(as_jpeg(np.full((8, 8, 3), (200, 30, 30), np.uint8)), np.uint8), 1)
    assert back[4, 4, 2] > 180 > 60 > back[4, 4, 0]  # red stays red


def test_a_camera_is_followed_by_one_model_or_two(lamps: dict[str, Path], tmp_path: Path):
    models = {name: Predictor(folder) for name, folder in lamps.items()}
    live = Live(tmp_path)
    first = live.look(lamp(40, 50), {"near": models["near"]})
    assert list(first) == ["near"] and first["near"].image_size == (160, 120)
    both = live.look(lamp(60, 50), models)
    assert both["near"].keypoints[0].tolist() == [[60, 50], [70, 50]]
    assert both["far"].keypoints[0].tolist() == [[60, 50], [85, 50]]
    assert live.frames == live.rate.frames == 2 and live.newest[50, 60, 0] == 255


def test_a_name_with_brackets_is_no_pattern(near: Predictor, lit, tmp_path: Path):
    odd = tmp_path / "lamp [1]*.png"
    odd.write_bytes(lit(40, 50).read_bytes())
    findings = Findings([Upload(odd, odd.name)], tmp_path / "visit")
    list(findings.fill("near", near))
    assert findings.found["near"][0].results[0].keypoints[0, 0].tolist() == [40, 50]
