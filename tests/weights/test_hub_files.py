"""Weights at ``hf://`` and ``timm://``, from a hub of our own on this machine."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors.torch import save_file

from kpplugins.structures import BadInputError
from kpplugins.weights.hub_files import repository_of

huggingface_hub = pytest.importorskip("huggingface_hub")
COMMIT = "c" * 40


class _Hub(http.server.BaseHTTPRequestHandler):
    """Answers for ``FOLDER/user/repo/FILE`` as the hub does."""

    folder: Path

    def do_HEAD(self) -> None:
        self._answer(False)

    def do_GET(self) -> None:
        self._answer(True)

    def _answer(self, content: bool) -> None:
        user, repo, *rest = self.path.strip("/").split("/")
        file = self.folder / user / repo / "/".join(rest[2:])
        if rest[:1] != ["resolve"] or not file.is_file():
            kind = "EntryNotFound" if file.parent.is_dir() else "RepoNotFound"
            self.send_response(404)
            self.send_header("X-Error-Code", kind)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = file.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if content:
            self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Nothing into the tests' output."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a hub, whose address huggingface_hub uses; its cache is empty."""
    from huggingface_hub import constants

    folder = tmp_path / "hub"
    folder.mkdir()
    handler = type("Hub", (_Hub,), {"folder": folder})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield folder
    server.shutdown()
    server.server_close()


def put(hub: Path, repo: str, name: str = "model.safetensors") -> Path:
    file = hub / repo / name
    file.parent.mkdir(parents=True, exist_ok=True)
    weights = {"a": torch.arange(3.0)}
    save_file(weights, file) if name.endswith(".safetensors") else torch.save(weights, file)
    return file


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("hf://me/net", ("me/net", None, None)),
        ("hf://me/net@v1/sub/best.pth", ("me/net", "v1", "sub/best.pth")),
        ("hf://timm/resnet18.a1_in1k", ("timm/resnet18.a1_in1k", None, None)),
    ],
)
def test_addresses(address: str, parts: tuple):
    assert repository_of(address) == parts


@pytest.mark.parametrize("address", ["hf://me", "hf://me/net/../../x", "hf://"])
def test_what_is_no_address(address: str):
    with pytest.raises(BadInputError, match="not an address on the hub; expected hf://user/repo"):
        repository_of(address)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "best.pth"])
def test_weights_are_fetched_once_and_kept(hub: Path, name: str):
    file = put(hub, "me/net", name)
    address = "hf://me/net" + (f"/{name}" if name == "best.pth" else "")
    content = CheckpointLoader.load_checkpoint(address, "cpu", logger="silent")
    assert torch.equal(content.get("state_dict", content)["a"], torch.arange(3.0))
    file.unlink()


def test_a_kept_file_needs_no_connection(hub: Path, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    put(hub, "me/net")
    CheckpointLoader.load_checkpoint("hf://me/net", "cpu", logger="silent")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert (
        CheckpointLoader.load_checkpoint("hf://me/net", "cpu", logger="silent")["state_dict"]["a"].numel()
        == 3
    )


def test_out_of_reach_is_one_line(hub: Path, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BadInputError) as raised:
        CheckpointLoader.load_checkpoint("hf://me/other", "cpu", logger="silent")
    assert str(raised.value).startswith("hf://me/other: weights cannot be downloaded")
    assert "fetch model.safetensors of me/other by hand and name the file" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_repository_without_weights_is_one_line(hub: Path):
    (hub / "me/empty").mkdir(parents=True)
    (hub / "me/empty/config.json").write_text(json.dumps({}))
    with pytest.raises(
        BadInputError, match="no weights in this repository; expected model.safetensors or pytorch"
    ):
        CheckpointLoader.load_checkpoint("hf://me/empty", "cpu", logger="silent")


def test_timms_networks_are_looked_for_where_timm_says(hub: Path):
    timm = pytest.importorskip("timm")
    from kpplugins.models.backbones.timm_backbone import TimmBackbone

    repo = timm.get_pretrained_cfg("resnet10t").hf_hub_id
    file = hub / repo / "model.safetensors"
    file.parent.mkdir(parents=True)
    weights = timm.create_model("resnet10t").state_dict()
    save_file(weights, file)
    backbone = TimmBackbone("resnet10t", init_cfg=dict(type="Pretrained", checkpoint="timm://resnet10t"))
    backbone.init_weights()
    assert torch.equal(backbone.state_dict()["net.layer1.0.conv1.weight"], weights["layer1.0.conv1.weight"])
