"""The page in a real browser: files, threshold, downloads, two models, videos, the camera, and errors."""

import base64
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import cv2
import numpy as np
import pytest

from kpplugins.apis.web.pictures import drawn_on, scaled_between
from kpplugins.inference.predictor import Predictor
from tests.apis.web.conftest import lamp
from tests.chromium import Chromium, found_chromium

pytestmark = [
    pytest.mark.skipif(
        find_spec("gradio") is None, reason="gradio is not installed (pip install 'kpplugins[web]')"
    ),
    pytest.mark.skipif(found_chromium() is None, reason="Chromium is not installed"),
]

SERVER = """
import socket, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "mmengine", "mmcv", "mmpose", "mmdet", "scipy"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
import kpplugins
sys.meta_path.insert(0, Refuse())
def noted(call, place):
    def noting(*args, **kwargs):
        address = args[place][0] if isinstance(args[place], tuple) else args[place]
        if address not in ("127.0.0.1", "localhost", "::1", None):
            with open("asked", "a") as file:
                print(call.__name__, address, file=file)
        return call(*args, **kwargs)
    return noting
class Socket(socket.socket):
    connect = noted(socket.socket.connect, 1)
    connect_ex = noted(socket.socket.connect_ex, 1)
socket.socket, socket.getaddrinfo = Socket, noted(socket.getaddrinfo, 0)
from kpplugins.apis.web import uploads
uploads.MOST_MEGABYTES = 1
from kpplugins.commands.demo import main
sys.exit(main(["--web", "--port", "0", *sys.argv[1:]]))
"""
"""The command without PyTorch; it notes every other machine that it asks for something, and takes files of 1 MB."""


@pytest.fixture(scope="module")
def address(root: Path, lamps: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with all models."""
    folder = tmp_path_factory.mktemp("served")
    command = [sys.executable, "-c", SERVER, *(w for path in lamps.values() for w in ("--config", str(path)))]
    env = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(folder)}
    with (folder / "err").open("w") as err, subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=err, text=True
    ) as page:  # fmt: skip
        assert page.stdout is not None
        said = [page.stdout.readline() for _ in range(4)]
        assert "the page is at" in said[3], (said, (folder / "err").read_text())
        yield said[3].split()[4]
        page.send_signal(signal.SIGINT)
        page.wait(60)
    assert not (folder / "asked").exists(), (folder / "asked").read_text()
    assert "Traceback" not in (folder / "err").read_text()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser whose camera shows a light that goes from left to right."""
    folder = tmp_path_factory.mktemp("chromium")
    images = [cv2.imencode(".jpg", lamp(100 + 20 * i, 200, (640, 480)))[1].tobytes() for i in range(20)]
    (folder / "camera.mjpeg").write_bytes(b"".join(images))
    browser = Chromium(
        folder, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={folder / 'camera.mjpeg'}",
    )  # fmt: skip
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Chromium, address: str) -> Iterator[Chromium]:
    """The page, fresh; at the end it has asked nobody but its own server for anything."""
    chromium.requests.clear()
    chromium.faults.clear()
    chromium.open(address)
    chromium.wait("document.querySelector('#files input[type=file]')")
    yield chromium
    asked = [url for url in chromium.requests if not url.startswith((address, "data:", "blob:"))]
    assert len(chromium.requests) > 10 and asked == []
    assert chromium.faults == []
    assert "Traceback" not in chromium.run("document.body.innerText")


def give(browser: Chromium, *files: Path) -> None:
    browser.give_files("#files input[type=file]", files)


def told(browser: Chromium) -> str:
    return browser.run("document.querySelector('#told').innerText").strip()


def shown(browser: Chromium, number: int = 0) -> np.ndarray:
    """The image that the page shows for a model, (H, W, 3) RGB."""
    script = f"""fetch(document.querySelector('#drawn{number} img').src).then(r => r.arrayBuffer())
        .then(b => btoa(String.fromCharCode(...new Uint8Array(b))))"""
    data = np.frombuffer(base64.b64decode(browser.run(script)), np.uint8)
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def becomes(browser: Chromium, expected: np.ndarray, number: int = 0) -> None:
    """Wait until the page shows an image, but for what JPEG loses."""
    end = time.monotonic() + 40
    while True:
        drawn = browser.run(f"!!document.querySelector('#drawn{number} img')") and shown(browser, number)
        if drawn is not False and drawn.shape == expected.shape and like(drawn, expected):
            return
        assert time.monotonic() < end, f"shows another image; {told(browser)}"
        time.sleep(0.2)


def like(a: np.ndarray, b: np.ndarray) -> bool:
    small = [
        cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA).astype(int)
        for image in (a, b)
    ]
    return bool(np.abs(small[0] - small[1]).max() < 40)


def drawn(file: Path, folder: Path, threshold: float | None = 0.3) -> np.ndarray:
    image = cv2.imread(str(file))
    return drawn_on(scaled_between(image, 800, 1280), Predictor(folder)(image), threshold)


def table(browser: Chromium, name: str) -> list[list[str]]:
    """The rows of a table; gradio draws those that are in sight."""
    script = f"""[...document.querySelectorAll('#{name} .virtual-row')].map(
        row => [...row.querySelectorAll('[role=gridcell]')].map(cell => cell.innerText.trim()))"""
    return browser.run(script)


def choose(browser: Chromium, part: str, choice: str) -> None:
    """Choose in a list of models, by its name."""
    browser.click(f"document.querySelector('#{part} input')")
    option = f"[...document.querySelectorAll('ul[role=listbox] li')].find(o => o.innerText.trim().endsWith('{choice}'))"
    browser.wait(option)  # the list moves as the page grows, so that the mouse would miss it
    browser.run(f"{option}.dispatchEvent(new MouseEvent('mousedown', {{bubbles: true}}))")


def set_number(browser: Chromium, part: str, value: float) -> None:
    """Write into the field of a slider, as a person does."""
    field = f"document.querySelector('#{part} input[type=number]')"
    browser.run(f"(() => {{ const f = {field}; f.focus(); f.select(); }})()")
    browser.call("Input.insertText", text=str(value))
    browser.press("Tab", 9)


def test_an_image_is_drawn_listed_and_downloaded(
    browser: Chromium, lamps: dict[str, Path], lit: Callable[[int, int], Path], tmp_path: Path
):
    file, near = lit(40, 50), lamps["near"]
    give(browser, file)
    becomes(browser, drawn(file, near))
    assert not like(shown(browser), drawn(file, near, 0.1))  # the second keypoint, of score 0.2, is a ring
    browser.wait("document.querySelectorAll('#table0 .virtual-row').length === 2")
    assert table(browser, "table0") == [
        ["0 lamp", "spot", "40", "50", "0.9", ""],
        ["0 lamp", "side", "50", "50", "0.2", ""],
    ]
    for ending in ("json", "csv"):
        button = f"document.querySelector('#{ending}0')"
        browser.wait(f"{button} && {button}.offsetParent")
        browser.click(button)
    found = json.loads(browser.downloaded(".json").read_text())
    assert found["model"] == "near"
    assert found["results"] == [Predictor(near)(file).to_dict() | {"image": file.name}]
    with browser.downloaded(".csv").open(newline="") as rows:
        assert [(r["keypoint"], r["x"], r["y"]) for r in csv.DictReader(rows)] == [
            ("spot", "40.0", "50.0"), ("side", "50.0", "50.0"),
        ]  # fmt: skip
    set_number(browser, "threshold", 0.1)
    becomes(browser, drawn(file, near, 0.1))
    assert told(browser) == ""


def test_models_are_changed_and_compared(
    browser: Chromium, lamps: dict[str, Path], lit: Callable[[int, int], Path]
):
    file = lit(60, 70)
    give(browser, file)
    becomes(browser, drawn(file, lamps["near"]))
    assert not browser.run("!!document.querySelector('#side1')?.offsetParent")
    choose(browser, "other", "far")
    becomes(browser, drawn(file, lamps["far"]), 1)
    assert browser.run("document.querySelector('#side1').offsetParent") is not None
    left, right = (
        browser.run(f"document.querySelector('#side{n}').getBoundingClientRect().toJSON()") for n in (0, 1)
    )
    assert left["right"] <= right["left"] and abs(left["top"] - right["top"]) < 2
    assert table(browser, "table1")[-1] == ["0 lamp", "side", "85", "70", "0.2", ""]
    choose(browser, "other", "none")
    browser.wait("!document.querySelector('#side1')?.offsetParent")
    choose(browser, "model", "far")
    becomes(browser, drawn(file, lamps["far"]))


def test_what_a_model_says_about_visibility_is_shown_until_the_slider_is_moved(
    browser: Chromium, lamps: dict[str, Path], lit: Callable[[int, int], Path]
):
    file, sure = lit(60, 70), lamps["sure"]
    give(browser, file)
    choose(browser, "model", "sure")
    becomes(browser, drawn(file, sure, None))
    assert not like(shown(browser), drawn(file, sure, 0.3))  # which draws the absent one as a ring
    assert [row[5] for row in table(browser, "table0")] == ["visible", "absent"]
    assert browser.run("document.querySelector('#said input').checked")
    set_number(browser, "threshold", 0.1)
    becomes(browser, drawn(file, sure, 0.1))
    assert not browser.run("document.querySelector('#said input').checked")
    browser.click("document.querySelector('#said input')")
    becomes(browser, drawn(file, sure, None))


def test_several_files_and_what_is_wrong_with_some(
    browser: Chromium, lamps: dict[str, Path], lit: Callable[[int, int], Path], tmp_path: Path
):
    broken, notes = tmp_path / "broken.png", tmp_path / "notes.txt"
    broken.write_bytes(b"nothing of use")
    notes.write_text("<b>nothing</b>")
    give(browser, broken, lit(40, 50), notes, lit(100, 30))
    becomes(browser, drawn(lit(40, 50), lamps["near"]))
    lines = [line for line in told(browser).splitlines() if line]
    assert len(lines) == 2
    assert lines[0].startswith("error: notes.txt: neither an image nor a video; expected .jpg")
    assert lines[1] == "error: broken.png: image cannot be decoded; to do: fetch it again"
    browser.wait("document.querySelectorAll('#thumbnails .thumbnail-item').length === 3")
    browser.click("document.querySelectorAll('#thumbnails .thumbnail-item')[2]")
    becomes(browser, drawn(lit(100, 30), lamps["near"]))
    browser.click("document.querySelectorAll('#thumbnails .thumbnail-item')[0]")
    browser.wait("document.querySelector('#side0').innerText.includes('broken.png: image cannot be decoded')")
    browser.wait("!document.querySelector('#drawn0')?.offsetParent")


def test_limits_are_one_line(browser: Chromium, lit: Callable[[int, int], Path], tmp_path: Path):
    many = [tmp_path / f"{i}.png" for i in range(51)]
    for file in many:
        file.write_bytes(lit(40, 50).read_bytes())
    give(browser, *many)
    browser.wait("document.querySelector('#told').innerText.includes('too many files')")
    assert told(browser) == (
        "error: too many files; expected at most 50 at a time; found 51; to do: give fewer; "
        "kpplugins demo FOLDER takes any number"
    )


def test_a_file_that_is_too_large_is_refused(browser: Chromium, address: str, tmp_path: Path):
    large = tmp_path / "large.png"
    large.write_bytes(os.urandom(1_300_000))
    give(browser, large)
    message = browser.wait("document.querySelector('[data-testid=toast-body]')?.innerText")
    assert 'File(s) exceed the maximum allowed size of 1.0 Mb: "large.png"' in message
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="large.png"\r\n\r\n'
    body, kind = (
        head + large.read_bytes() + b"\r\n--x--\r\n",
        {"Content-Type": "multipart/form-data; boundary=x"},
    )
    with pytest.raises(HTTPError) as refused:  # whatever the browser does
        urlopen(Request(f"{address}/gradio_api/upload", data=body, headers=kind))
    assert refused.value.code == 413


def test_a_video_is_looked_through_and_played(browser: Chromium, lamps: dict[str, Path], moving: Path):
    give(browser, moving)
    near = Predictor(lamps["near"])

    def expected(i: int) -> np.ndarray:
        image = lamp(30 + 8 * i, 60)
        return drawn_on(image, near(image), 0.3)

    becomes(browser, expected(0))
    set_number(browser, "frame", 7)
    becomes(browser, expected(7))
    browser.wait("document.querySelector('#frame').innerText.includes('Frame 7, 0.70 s')")
    browser.click("document.querySelector('#makefilm')")
    browser.wait("document.querySelector('#film0 video')?.readyState >= 2")
    film = browser.run(
        "(v => [v.videoWidth, v.videoHeight, v.duration])(document.querySelector('#film0 video'))"
    )
    assert film[:2] == [160, 120] and film[2] == pytest.approx(1.2, abs=0.15)


def test_the_camera_is_followed_and_an_image_of_it_kept(browser: Chromium, tmp_path: Path):
    browser.click(
        "[...document.querySelectorAll('button[role=tab]')].find(b => b.innerText.trim() === 'Camera')"
    )
    browser.wait("document.querySelector('#camera [title=\"grant webcam access\"] button')")
    browser.click("document.querySelector('#camera [title=\"grant webcam access\"] button')")
    record = "[...document.querySelectorAll('#camera button')].find(b => b.innerText.includes('Record'))"
    browser.wait(record)
    browser.click(record)
    places, end = set(), time.monotonic() + 60
    while len(places) < 3:
        rows = table(browser, "livetable0")
        if len(rows) == 2 and rows[0][1] == "spot":
            x, y = float(rows[0][2]), float(rows[0][3])
            assert abs(y - 200) <= 2 and float(rows[1][2]) == pytest.approx(x + 10, abs=0.1)
            places.add(round(x))
        assert time.monotonic() < end, (places, browser.run("document.querySelector('#livetold').innerText"))
        time.sleep(0.1)
    assert all(abs((x - 100) - 20 * round((x - 100) / 20)) <= 2 for x in places), places
    assert browser.run("document.querySelector('#live0 img').naturalWidth") == 640
    assert "images/s" in browser.run("document.querySelector('#livetold').innerText")
    choose(browser, "other", "far")
    browser.wait("document.querySelector('#live1 img')?.naturalWidth === 640")
    browser.run("document.querySelector('#keep').click()")  # the page moves under the mouse as images come
    browser.wait(
        "document.querySelector('#drawn0 img')?.offsetParent && document.querySelector('#drawn1 img')"
    )
    browser.wait("document.querySelector('#json0')?.offsetParent")
    browser.click("document.querySelector('#json0')")
    (kept,) = json.loads(browser.downloaded(".json").read_text())["results"]
    assert (kept["image"], kept["width"], kept["height"]) == ("camera.png", 640, 480)
    assert abs(kept["instances"][0]["keypoints"][0][1] - 200) <= 2


def test_other_sites_are_not_answered(address: str):
    with urlopen(address) as answer:
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    for headers in ({"Host": "example.com"}, {"Origin": "http://example.com"}):
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(f"{address}/gradio_api/upload", data=b"x", headers=headers))
        assert refused.value.code == 403
