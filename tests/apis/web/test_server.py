"""The command that serves the page: what it says, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from kpplugins.apis.web import server
from kpplugins.commands.demo import main
from kpplugins.structures import BadInputError, MachineError


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--web", "cat.jpg"], "--web takes no INPUT"),
        (["--web", "--track"], "--web takes no --track"),
        (["--web", "--bbox", "1", "2", "3", "4"], "--web takes no --bbox"),
        (["cat.jpg", "--port", "80"], "--host and --port need --web"),
        (["cat.jpg", "--host", "::1"], "--host and --port need --web"),
    ],
)
def test_options_without_effect_are_refused(words: list[str], message: str, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2 and message in capsys.readouterr().err


def test_without_gradio_nothing_is_loaded(monkeypatch, capsys):
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    assert main(["--web", "--config", "gone"]) == 3
    assert "pip install 'kpplugins[web]'" in capsys.readouterr().err
    with pytest.raises(MachineError, match="gradio, which is not installed"):
        server.serve([])


def test_an_address_that_is_taken_is_said(monkeypatch):
    monkeypatch.setattr(server, "find_spec", lambda name: True)
    with pytest.raises(BadInputError, match="two models have the same name"):
        server.serve([("a", None), ("a", None)])
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BadInputError, match=rf"127\.0\.0\.1, port {port}.*[Aa]ddress already in use"):
            server.serve([], port=port)
        monkeypatch.setattr(server, "PORTS", range(port, port + 1))
        with pytest.raises(BadInputError, match=rf"port {port} to {port}"):
            server.serve([])
    with pytest.raises(BadInputError, match=r"no-such-host\.invalid.*cannot listen here"):
        server.serve([], "no-such-host.invalid", 0)
    with pytest.raises(BadInputError, match="not a port.*found 99999"):
        server.serve([], port=99999)


@pytest.mark.skipif(find_spec("gradio") is None, reason="gradio is not installed")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_page_ends_when_it_is_stopped_and_leaves_nothing(
    root: Path, lamps: dict[str, Path], tmp_path: Path, number: int, status: int
):
    env = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(root)}
    command = [
        sys.executable,
        "-m",
        "kpplugins",
        "demo",
        "--web",
        "--port",
        "0",
        "--config",
        str(lamps["near"]),
    ]
    command += ["--host", "0.0.0.0"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as page:
        assert page.stdout is not None
        said = [page.stdout.readline() for _ in range(3)]
        assert "the page is at http://0.0.0.0:" in said[1] and "anyone who reaches" in said[2]
        assert [p.name for p in tmp_path.iterdir()] and list(tmp_path.glob("kpplugins_page_*"))
        page.send_signal(number)
        _, err = page.communicate(timeout=60)
    assert page.returncode == status, err
    assert "Traceback" not in err and not list(tmp_path.glob("kpplugins_page_*"))
