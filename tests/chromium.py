"""A headless Chromium that tests drive over its debugging pipe, without any other package."""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip

_START = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Gives the browser the two ends of its pipe, which it expects as the file descriptors 3 and 4."""


def found_chromium() -> str | None:
    """The program, where it is installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One window of a browser of its own.

    ``requests`` holds every address that the page asked for, ``faults`` every uncaught exception of its scripts.
    """

    def __init__(self, folder: Path, *switches: str, size: tuple[int, int] = (1280, 1000)) -> None:
        program = found_chromium()
        assert program is not None
        self.downloads, self.requests, self.faults = folder / "downloads", [], []
        self.downloads.mkdir(parents=True, exist_ok=True)
        theirs, self._to = os.pipe()
        self._from, theirs_too = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs, theirs_too)]
        command = [
            sys.executable, "-c", _START, *map(str, ends), program, *_SWITCHES, *switches,
            f"--user-data-dir={folder / 'profile'}", f"--window-size={size[0]},{size[1]}", "about:blank",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command,
            pass_fds=ends,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for end in (theirs, theirs_too, *ends):
            os.close(end)
        self._rest, self._last, self._session = b"", 0, ""
        page = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for room in ("Page", "Runtime", "Network", "DOM"):
            self.call(f"{room}.enable")
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
        width, height = size
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def call(self, method: str, **params: Any) -> Any:
        """Call a method of the Chrome DevTools Protocol, and return its result."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(60)
            if answer.get("id") == self._last:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _next(self, seconds: float) -> dict[str, Any]:
        """Read the next message; events are noted."""
        end = time.monotonic() + seconds
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0.0, end - time.monotonic()))
            assert ready, "Chromium does not answer"
            more = os.read(self._from, 1 << 20)
            assert more, "Chromium has ended"
            self._rest += more
        line, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(line)
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        if message.get("method") == "Runtime.exceptionThrown":
            details = message["params"]["exceptionDetails"]
            self.faults.append(details.get("exception", {}).get("description", details["text"]))
        return message

    def open(self, address: str) -> None:
        """Go to a page, and wait until it is loaded."""
        self.run("window.isLeft = true")
        self.call("Page.navigate", url=address)
        self.wait("!window.isLeft && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression, of a promise its outcome."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str, seconds: float = 40) -> Any:
        """Ask until an expression is true, and return its value."""
        end = time.monotonic() + seconds
        while True:
            value = self.run(f"Promise.resolve({script}).then(v => v instanceof Node || v)")
            if value:
                return value
            assert time.monotonic() < end, (
                f"still not true: {script}\n{self.run('document.body.innerText')[:2000]}"
            )
            time.sleep(0.1)

    def click(self, element: str) -> None:
        """Click the middle of the element that an expression gives, with the mouse."""
        x, y = self._middle(element)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def drag(self, start: Sequence[float], end: Sequence[float]) -> None:
        """Press the mouse at one place of the window, and release it at another."""
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def press(self, key: str, code: int) -> None:
        """Press a key that stands for no letter."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def _middle(self, element: str) -> tuple[float, float]:
        """Where an element can be clicked, once it has stopped moving and nothing covers it."""
        script = f"""(async () => {{
            const place = () => {{ const e = {element}; if (!e) return null;
                e.scrollIntoView({{block: 'center', behavior: 'instant'}});
                const r = e.getBoundingClientRect(), at = [r.x + r.width / 2, r.y + r.height / 2];
                const top = document.elementFromPoint(...at);
                return top && (e.contains(top) || top.contains(e)) ? at : null; }};
            const frame = () => new Promise(done => setTimeout(done, 50));
            let before = null;
            for (let i = 0; i < 200; i++) {{
                const now = place();
                if (now && before && now[0] === before[0] && now[1] === before[1]) return now;
                before = now; await frame();
            }}
            throw new Error('cannot be clicked'); }})()"""
        x, y = self.run(script)
        return x, y

    def give_files(self, selector: str, files: Sequence[Path]) -> None:
        """Choose files in an ``<input type=file>``."""
        found = self.call("Runtime.evaluate", expression=f"document.querySelector({selector!r})")["result"]
        self.call("DOM.setFileInputFiles", files=[str(f) for f in files], objectId=found["objectId"])

    def downloaded(self, ending: str, seconds: float = 30) -> Path:
        """Wait for a downloaded file, and take it."""
        end = time.monotonic() + seconds
        while not (found := [f for f in self.downloads.iterdir() if f.name.endswith(ending)]):
            assert time.monotonic() < end, f"nothing downloaded: {list(self.downloads.iterdir())}"
            time.sleep(0.1)
        return found[0].rename(self.downloads.parent / found[0].name)

    def screenshot(self, file: Path, whole: bool = True) -> None:
        """Write the page as a PNG."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole, format="png")["data"]
        file.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        """End the browser with all its processes."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._to)
        os.close(self._from)
