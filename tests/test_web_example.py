"""The static page of docs/examples/web, in a real Chromium: it finds what Python finds with the same folder."""

import functools
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.inference.predictor import Predictor
from tests.apis.web.conftest import finder_of_bright, lamp
from tests.chromium import Chromium, found_chromium
from tests.inference.test_predictor import exported as corners

pytestmark = pytest.mark.skipif(found_chromium() is None, reason="Chromium is not installed")
PAGE = Path(__file__).resolve().parent.parent / "docs/examples/web"
RUNTIME = "onnxruntime-web"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with ONNX Runtime beside it, as its instructions have it."""
    folder = tmp_path_factory.mktemp("site")
    for name in ("index.html", "demo.js"):
        shutil.copy(PAGE / name, folder)
    if (PAGE / "node_modules" / RUNTIME).is_dir():
        (folder / "node_modules").symlink_to(PAGE / "node_modules")
        return folder
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    command = ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", RUNTIME]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip(f"npm install {RUNTIME}: {done.stderr.strip().splitlines()[-1:]}")
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    folder = tmp_path_factory.mktemp("chromium")
    image = cv2.imencode(".jpg", lamp(300, 200, (640, 480)))[1].tobytes()
    (folder / "camera.mjpeg").write_bytes(image * 10)
    browser = Chromium(
        folder, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={folder / 'camera.mjpeg'}",
    )  # fmt: skip
    yield browser
    browser.close()


@pytest.fixture
def page(chromium: Chromium, address: str) -> Iterator[Callable[[str], Chromium]]:
    """Open the page with a model; at the end it has loaded nothing from elsewhere."""
    chromium.requests.clear()
    chromium.faults.clear()

    def opened(model: str) -> Chromium:
        chromium.open(f"{address}/?model={model}")
        chromium.wait("!document.querySelector('#said').innerText.includes('is loaded')")
        return chromium

    yield opened
    assert [url for url in chromium.requests if not url.startswith((address, "data:", "blob:"))] == []
    assert chromium.faults == []


def said(browser: Chromium) -> str:
    return browser.run("document.querySelector('#said').innerText")


def give(browser: Chromium, file: Path) -> None:
    browser.run("document.querySelector('#said').textContent = ''")
    browser.give_files("#file", [file])
    browser.wait("document.querySelector('#said').innerText")


def drag(browser: Chromium, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a box; the places are parts of the shown image."""
    browser.run("document.querySelector('#said').textContent = ''")
    shown = browser.run("document.querySelector('#image').getBoundingClientRect().toJSON()")
    ends = [(shown["x"] + x * shown["width"], shown["y"] + y * shown["height"]) for x, y in (start, end)]
    browser.drag(*ends)
    browser.wait("document.querySelector('#said').innerText")


def found(browser: Chromium) -> tuple[np.ndarray, np.ndarray]:
    """The boxes; and x, y, score of each keypoint."""
    boxes = np.array(json.loads(browser.run("document.querySelector('#image').dataset.boxes")))
    rows = browser.run(
        "[...document.querySelectorAll('#found tr')].map(r => [2, 3, 4].map(i => Number(r.cells[i].innerText)))"
    )
    return boxes, np.array(rows).reshape(len(boxes), -1, 3)


def same_as_python(browser: Chromium, folder: Path, file: Path, least: float = 0.0) -> np.ndarray:
    """The boxes, where the keypoints are those of Python to a tenth of a pixel."""
    boxes, rows = found(browser)
    predictor = Predictor(folder)
    expected = predictor(file, boxes) if predictor.classes == () else predictor(file)
    assert np.abs(rows[..., 2] - expected.scores).max() < 2e-3
    sure = expected.scores >= least
    assert sure.any() and np.abs(rows[..., :2] - expected.keypoints)[sure].max() <= 0.1
    return boxes


def test_a_one_stage_model_finds_what_it_finds_in_python(page, site: Path, tmp_path: Path):
    folder = site / "bright"
    finder_of_bright(folder, 10)
    browser = page("bright")
    assert said(browser) == "bright: 2 keypoints. Choose an image or the camera."
    for x, y, name in ((40, 50, "a.png"), (90, 20, "b.jpg")):
        cv2.imwrite(str(tmp_path / name), lamp(x, y))
        give(browser, tmp_path / name)
        same_as_python(browser, folder, tmp_path / name)
        assert browser.run("document.querySelector('#found').rows[0].innerText").split() == [
            "0", "lamp", "spot", f"{x}.00", f"{y}.00", "0.900",
        ]  # fmt: skip
    color = browser.run(
        "[...document.querySelector('#image').getContext('2d').getImageData(90, 20, 1, 1).data]"
    )
    assert max(color[:3]) - min(color[:3]) > 100  # a coloured dot on grey
    assert browser.run("document.querySelector('#found').rows[1].className") == "low"
    browser.run("""(t => { t.value = 0.1; t.dispatchEvent(new Event('input')); })
        (document.querySelector('#threshold'))""")
    assert browser.run("document.querySelector('#found').rows[1].className") == ""


def test_a_box_is_drawn_by_mouse(page, site: Path, tmp_path: Path):
    folder = corners(site / "corners", "keypoints in boxes", {"classes": []})
    browser = page("corners")
    assert "draw a box" in said(browser)
    file = tmp_path / "a.png"
    cv2.imwrite(str(file), lamp(40, 50, (320, 200)))
    give(browser, file)
    assert same_as_python(browser, folder, file).tolist() == [[0, 0, 319, 199]]
    drag(browser, (0.25, 0.5), (0.75, 0.9))
    drawn = same_as_python(browser, folder, file)
    assert np.abs(drawn - (0.25 * 320 - 0.5, 0.5 * 200 - 0.5, 0.75 * 320 - 0.5, 0.9 * 200 - 0.5)).max() < 1
    browser.click("document.querySelector('#whole')")
    browser.wait("document.querySelector('#image').dataset.boxes === '[[0,0,319,199]]'")


def test_the_camera_is_followed_until_it_is_stopped(page, site: Path):
    finder_of_bright(site / "seen", 10)
    browser = page("seen")
    browser.click("document.querySelector('#camera')")
    browser.wait("document.querySelector('#found').rows.length === 2")
    _, rows = found(browser)
    assert np.abs(rows[0, :, :2] - [[300, 200], [310, 200]]).max() <= 2  # the camera's JPEG moves it a little
    assert "640×480" in said(browser)
    browser.click("document.querySelector('#camera')")
    browser.wait("document.querySelector('#camera').innerText === 'Camera'")


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"format": 2}, "format 2; this page knows 1"),
        ({"target": "openvino"}, "exported for openvino; export with --to onnx"),
        ({"kind": "boxes", "schema": None}, "finds boxes, no keypoints"),
        (None, "model.json cannot be read (404)"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_line(page, site: Path, facts: dict | None, message: str):
    name = f"wrong{len(list(site.iterdir()))}"
    if facts is not None:
        corners(site / name, "keypoints in boxes", facts)
    browser = page(name)
    assert said(browser).startswith("error: ") and message in said(browser)
    assert browser.run("document.querySelector('#said').className") == "fault"


def test_a_file_that_is_no_image_is_one_line(page, site: Path, tmp_path: Path):
    finder_of_bright(site / "lines", 10)
    (tmp_path / "notes.png").write_text("nothing of use")
    browser = page("lines")
    give(browser, tmp_path / "notes.png")
    assert said(browser) == "error: notes.png: not an image that this browser can read"


def test_an_exported_run_finds_what_it_finds_in_python(
    page, site: Path, root: Path, drawn_cats: Path, tmp_path: Path
):
    """Crop, normalisation, network and decoding in the graph; the network has not learnt anything."""
    pytest.importorskip("onnxscript", reason="extra 'export' is not installed")
    import torch
    from mmpose.registry import MODELS

    from kpplugins.apis.export import export
    from kpplugins.config.load import load_config, schema_of

    torch.manual_seed(0)
    options = {"input_size": (64, 96), "dataset_type": "CatDataset"}
    cfg = load_config(root / "configs/facial_resnet18_fc.py", data=drawn_cats, cfg_options=options)
    cfg.model.backbone.init_cfg = None  # nothing is downloaded
    run = tmp_path / "run"
    run.mkdir()
    cfg.dump(run / "run.py")
    schema_of(cfg).save(run / "schema.json")
    network = MODELS.build(cfg.model)
    torch.save({"state_dict": network.state_dict()}, run / "epoch_1.pth")
    folder, _ = export(run / "run.py", run / "epoch_1.pth", site / "exported")
    browser = page("exported")
    for file in sorted(drawn_cats.rglob("*.jpg"))[:2]:
        give(browser, file)
        whole = same_as_python(browser, folder, file)
        drag(browser, (0.3, 0.2), (0.8, 0.9))
        assert (same_as_python(browser, folder, file) != whole).any()
