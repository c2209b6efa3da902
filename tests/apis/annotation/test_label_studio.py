"""``kpplugins serve --label-studio`` over HTTP, asked as Label Studio 1.23 asks; and what is made of the answers."""

import base64
import json
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from kpplugins.apis.annotation.label_studio_backend import LabelStudioBackend
from kpplugins.apis.annotation.serve import serve_label_studio, version_of
from kpplugins.apis.annotation.task_images import TaskImages
from kpplugins.curation.convert import convert
from kpplugins.data.annotation_set import PRELABELS_FILE, SCHEMA_FILE
from kpplugins.inference.bulk.model_choice import ModelChoice
from kpplugins.inference.predictor import Predictor
from kpplugins.structures import BadInputError
from tests.apis.web.conftest import finder_of_bright, lamp

CONFIG = """<View><Image name="img" value="$photo"/>
<RectangleLabels name="bbox" toName="img"><Label value="lamp"/></RectangleLabels>
<KeyPointLabels name="kp" toName="img"><Label value="spot"/><Label value="side"/></KeyPointLabels>
<Choices name="seen" toName="img" perRegion="true"><Choice value="occluded"/></Choices></View>"""
ALONE = """<View><Image name="img" value="$photo"/>
<KeyPointLabels name="kp" toName="img"><Label value="side"/><Label value="other"/></KeyPointLabels></View>"""
TOKEN = "a token of tests"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finds ``spot`` at the brightest pixel with 0.9, ``side`` 10 px to its right with 0.2, in a box of 45×24 px."""
    return finder_of_bright(tmp_path_factory.mktemp("model") / "near", 10)


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Two images of 160×120, and a file that is none."""
    folder = tmp_path / "pool"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), lamp(40, 60))
    cv2.imwrite(str(folder / "b.png"), lamp(100, 30))
    (folder / "bad.png").write_bytes(b"no image")
    return folder


@pytest.fixture
def backend(model: Path, pool: Path) -> Callable[..., LabelStudioBackend]:
    return lambda **more: LabelStudioBackend(Predictor(model), "near 1", TaskImages(pool), **more)


def task(number: int, name: str) -> dict[str, Any]:
    """A task as Label Studio sends it."""
    return {
        "id": number, "data": {"photo": f"/data/local-files/?d={name}"}, "meta": {}, "is_labeled": False, "overlap": 1,
        "inner_id": number, "total_annotations": 0, "total_predictions": 0, "project": 2, "file_upload": None,
        "annotations": [], "predictions": [],
    }  # fmt: skip


def request(*names: str, config: str = CONFIG) -> dict[str, Any]:
    params = {"login": None, "password": None, "context": None}
    tasks = [task(i, name) for i, name in enumerate(names, 1)]
    return {"tasks": tasks, "project": "2.1795813167", "label_config": config, "params": params}


def setup(config: str = CONFIG) -> dict[str, Any]:
    hostname = {"hostname": "http://localhost:8080", "access_token": "key", "extra_params": None}
    return {"project": "2.1795813167", "schema": config, **hostname}


def test_label_studios_requests_over_http(model: Path, pool: Path, tmp_path: Path):
    """From the first question to the converted corrections, which are told from what was left alone."""
    said: queue.Queue[str] = queue.Queue()
    options = {
        "score_thr": 0.1,
        "images": pool,
        "keep": tmp_path / "kept",
        "port": 0,
        "token": TOKEN,
        "tell": said.put,
    }
    threading.Thread(
        target=serve_label_studio, args=[ModelChoice(str(model))], kwargs=options, daemon=True
    ).start()
    version = said.get(timeout=60).split(": keypoints spot, side")[0]
    assert version == version_of(ModelChoice(str(model)).settled()) and version.startswith("near ")
    url = said.get(timeout=5).rpartition(" ")[2]
    assert TOKEN not in said.get(timeout=5)

    def ask(path: str, body: Any = None) -> Any:
        given = None if body is None else json.dumps(body).encode()
        basic = base64.b64encode(f"kpplugins:{TOKEN}".encode()).decode()
        asked = urllib.request.Request(url + path, given, {"Authorization": f"Basic {basic}"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.loads(answer.read())

    assert ask("/health") == {"status": "UP", "model_class": "kpplugins"}
    assert ask("/setup", setup()) == {"model_version": version}
    assert ask("/validate", {"config": CONFIG}) == {"status": "ok"}
    assert ask("/versions") == {"versions": [version]}
    assert ask("/webhook", {"action": "START_TRAINING", "project": {}})["status"] == "ok"
    answer = ask("/predict", request("a.png", "bad.png", "b.png"))
    first, bad, second = answer["results"]
    assert bad == []  # not "nothing found"
    assert first["model_version"] == version and first["score"] == pytest.approx(0.7)
    spot, side, box = first["result"]
    size = {"original_width": 160, "original_height": 120, "image_rotation": 0}
    assert spot == {
        "id": "instance0-0", "type": "keypointlabels", "from_name": "kp", "to_name": "img", "parentID": "instance0",
        "score": 0.9, "value": {"x": 25.0, "y": 50.0, "width": 0.5, "keypointlabels": ["spot"]}, **size,
    }  # fmt: skip
    assert side["value"]["x"] == pytest.approx(50 / 1.6) and side["score"] == 0.2
    sides = {"x": 15.625, "y": 40.0, "width": 28.125, "height": 20.0, "rotation": 0}
    assert box["value"] == {**sides, "rectanglelabels": ["lamp"]} and (box["id"], box["score"]) == (
        "instance0",
        0.7,
    )
    lines = [said.get(timeout=5), said.get(timeout=5)]
    assert lines[0].startswith("bad: ") and lines[1] == "3 tasks predicted, 1 of them bad"

    # somebody moves ``side`` of the first image by 8 px, and submits the other as it is
    second["result"][1]["value"] |= {"keypointlabels": ["side"]}
    side["value"]["x"] += 5.0
    export = [
        {**task(i, name), "predictions": [i], "annotations": [{"id": i, "result": one["result"], "prediction": {}}]}
        for i, (name, one) in enumerate((("a.png", first), ("b.png", second)), 1)
    ]  # fmt: skip
    (tmp_path / "kept/project.json").write_text(json.dumps(export))
    report = convert(tmp_path / "kept", tmp_path / "back", images=pool)["pre-labels"]
    assert report["images"] == 2 and report["instances"] == {
        "predicted": 2,
        "kept": 2,
        "removed": 0,
        "added": 0,
    }
    assert report["per_keypoint"]["spot"]["left alone"] == 1
    moved = report["per_keypoint"]["side"]
    assert (moved["left alone"], moved["moved"], moved["mean move px"]) == (0.5, 1, pytest.approx(8.0))


def test_the_tasks_own_predictions_are_compared(backend, pool: Path, tmp_path: Path):
    """An export with predictions in full needs no other file."""
    found = backend().answer("POST", "/predict", request("a.png"))["results"][0]
    changed = json.loads(json.dumps(found["result"]))
    changed[0]["value"]["y"] += 2.5  # 3 px
    for said in ({"predictions": [found]}, {"predictions": [1]}):
        whole = {
            **task(1, "a.png"),
            **said,
            "annotations": [{"id": 1, "result": changed, "prediction": found}],
        }
        (tmp_path / "export.json").write_text(json.dumps([whole]))
        report = convert(tmp_path / "export.json", tmp_path / f"back{len(str(said))}", images=pool)
        assert report["pre-labels"]["keypoints"]["mean move px"] == pytest.approx(3.0)


def test_what_a_project_cannot_be_told(backend):
    lines: list[str] = []
    served = backend(tell=lines.append, score_thr=0.1)
    named = CONFIG.replace('"lamp"', '"light"')
    found = served.answer("POST", "/predict", request("a.png", config=named))["results"][0]["result"]
    assert found[-1]["value"]["rectanglelabels"] == ["light"]
    assert lines == ["the model's 'lamp' are the project's 'light'", "1 task predicted"]
    found = served.answer("POST", "/predict", request("a.png", config=ALONE))["results"][0]["result"]
    assert [r["value"]["keypointlabels"] for r in found] == [["side"]] and "parentID" not in found[0]
    assert lines[2] == "keypoints that the project has no label for are left out: spot"
    for config, words in {
        "<View/>": "no keypoints on an image",
        CONFIG.replace("spot", "a").replace('"side"', '"b"'): "none of the model's keypoints",
        named.replace('<Label value="light"/>', '<Label value="light"/><Label value="sun"/>'): "no label for some",
        "": "no labelling configuration",
        "<View": "not valid XML",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><View/>": "is not read",
    }.items():  # fmt: skip
        for path, body in (("/setup", setup(config)), ("/predict", request("a.png", config=config))):
            with pytest.raises(BadInputError, match=words):
                served.answer("POST", path, body)


def test_requests_that_are_wrong(backend):
    served = backend(tell=lambda line: None)
    assert served.answer("GET", "/predict", None) is None and served.answer("POST", "/elsewhere", {}) is None
    for words, body in {
        "image cannot be decoded": request("bad.png"),
        "image is missing": request("gone.png"),
        "tasks is missing": {"label_config": CONFIG},
        "task is wrong": {"label_config": CONFIG, "tasks": [3]},
        "names no image; expected data.photo": {
            "label_config": CONFIG,
            "tasks": [{"data": {"image": "a.png"}}],
        },
        "the request is wrong": [1],
        "too many tasks": {"label_config": CONFIG, "tasks": [{}] * 1001},
    }.items():
        with pytest.raises(BadInputError, match=words):
            served.answer("POST", "/predict", body)


def test_what_is_kept_goes_on(backend, tmp_path: Path):
    keep = tmp_path / "kept"
    backend(keep=keep).answer("POST", "/predict", request("a.png"))
    backend(keep=keep).answer("POST", "/predict", request("b.png", "b.png"))
    kept = json.loads((keep / PRELABELS_FILE).read_text())
    assert sorted(kept["images"]) == ["a.png", "b.png"] and kept["origin"] == "near 1"
    assert json.loads((keep / SCHEMA_FILE).read_text())["keypoints"] == ["spot", "side"]
    kept["keypoint_names"] = ["spot", "tail"]
    (keep / PRELABELS_FILE).write_text(json.dumps(kept))
    with pytest.raises(BadInputError, match="pre-labels of other keypoints"):
        backend(keep=keep)
