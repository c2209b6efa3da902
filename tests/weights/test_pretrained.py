"""Weights to start from: fetched before training, or left out by will; each way in which they fail is one line."""

import http.server
import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import Config

from kpplugins.apis.test import test as test_run
from kpplugins.apis.train import train
from kpplugins.config.load import load_config
from kpplugins.curation.convert import convert
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.inference.predictor import Predictor
from kpplugins.structures import BadInputError
from kpplugins.weights.pretrained import drop_pretrained, keep_fitting, pretrained_of, require_pretrained

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
TINY = {
    "input_size": (64, 64),
    "max_epochs": 1,
    "train_dataloader.batch_size": 8,
    **{f"{loader}.num_workers": 0 for loader in LOADERS},
    **{f"{loader}.persistent_workers": False for loader in LOADERS},
    "model.backbone.depth": 18,
    "model.head.in_channels": 512,
    "model.head.deconv_out_channels": (16,),
    "model.head.deconv_kernel_sizes": (4,),
    "codec.heatmap_size": (
        12,
        16,
    ),  # of 192×256, a sixteenth: one deconvolution of stride 2 behind a stride of 32
}
"""A small SimpleBaseline."""


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's folder of downloads, empty."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


class _Files(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; of what is called ``cut.pth``, half, though it promises all."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        file = Path(self.directory) / self.path.lstrip("/")
        if not file.is_file():
            self.send_error(404)
            return
        content = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if file.name == "cut.pth" else content)

    def log_message(self, *args: object) -> None:
        """Nothing into the tests' output."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which its files are served."""
    folder = tmp_path / "served"
    folder.mkdir()
    _Files.asked.clear()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *args: _Files(*args, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def refused() -> str:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"http://127.0.0.1:{port}/weights.pth"


@pytest.fixture(scope="module")
def own_data(drawn_cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("own") / "data"
    convert(drawn_cats, out)
    return out


def with_init(checkpoint: str, **more: object) -> Config:
    return Config(
        dict(model=dict(backbone=dict(init_cfg=dict(type="Pretrained", checkpoint=checkpoint, **more))))
    )


def one_line(caught: pytest.ExceptionInfo, *words: str) -> None:
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text


# what a config names


def test_every_place_is_found_and_emptied():
    cfg = Config(
        dict(
            model=dict(
                backbone=dict(init_cfg=[dict(type="Kaiming"), dict(type="Pretrained", checkpoint="a.pth")]),
                necks=[dict(init_cfg=dict(type="Pretrained", checkpoint="b.pth", prefix="neck."))],
                head=dict(init_cfg=dict(type="Normal", std=0.01)),
            ),
            load_from="https://c/d.pth",
        )
    )
    assert pretrained_of(cfg) == [
        ("model.backbone.init_cfg", "a.pth", ""),
        ("model.necks[0].init_cfg", "b.pth", "neck."),
        ("load_from", "https://c/d.pth", ""),
    ]
    assert drop_pretrained(cfg)[0] == "model.backbone.init_cfg (a.pth)"
    assert pretrained_of(cfg) == [] and cfg.load_from is None
    assert cfg.model.backbone.init_cfg == [dict(type="Kaiming")]
    assert "init_cfg" not in cfg.model.necks[0]  # the class's own default, not None
    assert cfg.model.head.init_cfg == dict(type="Normal", std=0.01)


def test_the_checkpoint_of_a_resumed_run_is_not_one_of_them():
    cfg = Config(dict(model=dict(), load_from="epoch_3.pth", resume=True))
    assert pretrained_of(cfg) == [] and drop_pretrained(cfg) == []
    assert cfg.load_from == "epoch_3.pth"


@pytest.mark.parametrize(
    ("name", "address"),
    [("custom_simplebaseline_r50", "torchvision://resnet50"), ("custom_hrnet_w32", "hrnet_w32-36af842e.pth"),
     ("custom_rtmpose_t", "cspnext-tiny_udp-aic-coco")],
)  # fmt: skip
def test_mmposes_own_weights_are_named(root: Path, name: str, address: str):
    cfg = load_config(root / f"configs/{name}.py", schema=CAT_SCHEMA)
    ((place, named, _),) = pretrained_of(cfg)
    assert place == "model.backbone.init_cfg" and address in named


# fetching


def test_a_file_is_fetched_once(served: tuple[Path, str], hub: Path):
    folder, address = served
    torch.save({"state_dict": {"backbone.w": torch.ones(2)}}, folder / "good.pth")
    for _ in range(2):
        require_pretrained(with_init(f"{address}/good.pth", prefix="backbone."))
    assert _Files.asked == ["/good.pth"]
    assert [f.name for f in hub.iterdir()] == ["good.pth"]


def test_a_path_needs_no_network(tmp_path: Path):
    torch.save({"w": torch.ones(2)}, tmp_path / "w.pth")
    require_pretrained(with_init(str(tmp_path / "w.pth")))


def test_nobody_there(refused: str, hub: Path):
    with pytest.raises(BadInputError) as caught:
        require_pretrained(with_init(refused))
    one_line(
        caught, "model.backbone.init_cfg: ", refused, "refused", str(hub / "weights.pth"), "--from-scratch"
    )


def test_a_silent_address_is_given_up(hub: Path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/weights.pth"
        with pytest.raises(BadInputError) as caught:
            require_pretrained(with_init(address), timeout=0.2)
    one_line(caught, address, "timed out", "--from-scratch")
    assert socket.getdefaulttimeout() is None


def test_a_file_cut_off_on_its_way_is_not_kept(served: tuple[Path, str], hub: Path):
    folder, address = served
    torch.save({"w": torch.ones(1000)}, folder / "cut.pth")
    with pytest.raises(BadInputError) as caught:
        require_pretrained(with_init(f"{address}/cut.pth"))
    one_line(caught, f"{address}/cut.pth", "--from-scratch")
    assert list(hub.iterdir()) == []


@pytest.mark.parametrize("address", ["gone.pth", "torchvision://resnet17", "file:///gone.pth"])
def test_addresses_that_are_none(address: str):
    with pytest.raises(BadInputError) as caught:
        require_pretrained(with_init(address))
    one_line(caught, address, "--from-scratch")


def test_a_missing_file_on_the_server(served: tuple[Path, str]):
    with pytest.raises(BadInputError) as caught:
        require_pretrained(with_init(f"{served[1]}/gone.pth"))
    one_line(caught, "404")


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        ({"head.w": torch.ones(2)}, {"prefix": "backbone."}, "no tensors under 'backbone.'"),
        ({"epoch": 3}, {}, "no tensors in it"),
        ([1, 2], {}, "no tensors in it"),
    ],
)
def test_a_file_without_what_is_asked_of_it(tmp_path: Path, content: object, more: dict, words: str):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(BadInputError) as caught:
        require_pretrained(with_init(str(tmp_path / "w.pth"), **more))
    one_line(caught, words, "--from-scratch")


def test_a_part_that_nothing_in_the_file_fits(tmp_path: Path):
    """MMEngine takes what fits and goes on, here with nothing."""
    torch.save({"backbone.conv.weight": torch.ones(4, 3, 1, 1)}, tmp_path / "w.pth")
    model = torch.nn.Module()
    model.backbone = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1))
    with pytest.raises(BadInputError) as caught:
        require_pretrained(with_init(str(tmp_path / "w.pth")), model)
    one_line(caught, "nothing in it that fits: backbone.conv.weight, … for 0.weight, …")


# a checkpoint of other points


def test_a_head_of_other_points_is_left_out_by_name(caplog: pytest.LogCaptureFixture):
    def network(points: int) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.Conv2d(4, points, 1))

    file = {"state_dict": {f"module.{k}": v for k, v in network(17).state_dict().items()}, "meta": {"a": 1}}
    own = network(9)
    with caplog.at_level(logging.WARNING):
        kept = keep_fitting(own, file, "coco.pth")
    assert set(kept["state_dict"]) == {"0.weight", "0.bias"} and kept["meta"] == {"a": 1}
    assert "1.weight (17, 4, 1, 1) for (9, 4, 1, 1)" in caplog.text and "1.bias (17,) for (9,)" in caplog.text
    with pytest.raises(BadInputError, match="coco.pth: nothing in these weights fits"):
        keep_fitting(torch.nn.Linear(2, 2), file, "coco.pth")


# training with them


@pytest.fixture
def tiny(root: Path, tmp_path: Path, own_data: Path):
    """Train a small SimpleBaseline for two batches."""

    def run(name: str, init: str | None, points: tuple[str, ...] | None = None, **kwargs: object) -> Path:
        path = tmp_path / "tiny.py"
        path.write_text(
            f"_base_ = '{root / 'configs/custom_simplebaseline_r50.py'}'\n"
            + (f"keypoints = {list(points)}\n" if points else "")
        )
        options = {**TINY, "load_from": kwargs.pop("load_from", None)}
        taken = dict(type="Pretrained", checkpoint=init, prefix=kwargs.pop("prefix", None))
        options["model.backbone.init_cfg"] = taken if init else None
        return train(path, data=own_data, work_dir=tmp_path / name, cfg_options=options, **kwargs)

    return run


def test_out_of_reach_stops_before_an_earlier_run_is_touched(tiny, tmp_path: Path, refused: str):
    out = tmp_path / "run"
    out.mkdir()
    (out / "epoch_7.pth").write_bytes(b"mine")
    with pytest.raises(BadInputError) as caught:
        tiny("run", refused)
    one_line(caught, refused, "--from-scratch")
    assert (out / "epoch_7.pth").read_bytes() == b"mine" and not (out / "tiny.py").exists()


def test_from_scratch_resume_test_and_prediction_fetch_nothing(
    tiny, refused: str, own_data: Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.INFO):
        out = tiny("run", refused, from_scratch=True, load_from=refused)
    assert f"from scratch, without model.backbone.init_cfg ({refused}), load_from ({refused})" in caplog.text
    kept = (out / "tiny.py").read_text()
    assert refused not in kept
    (out / "tiny.py").write_text(  # a run that was trained with weights which are out of reach now
        kept.replace(
            "backbone=dict(", f"backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='{refused}'), "
        )
    )
    assert refused in load_config(out / "tiny.py").model.backbone.init_cfg.checkpoint
    test_run(out / "tiny.py", work_dir=out)
    image = cv2.imread(str(next((own_data / "images").rglob("*.jpg"))))
    assert Predictor(out / "tiny.py", out / "epoch_1.pth", device="cpu")(image).keypoints.shape == (1, 9, 2)
    assert tiny("run", refused, resume=True) == out


def conv1(run: Path) -> torch.Tensor:
    """Weights that two batches of warm-up hardly change."""
    return torch.load(run / "epoch_1.pth", weights_only=False)["state_dict"]["backbone.conv1.weight"]


def test_a_model_of_other_points_gives_its_backbone_and_points_by_name(
    tiny, caplog: pytest.LogCaptureFixture
):
    first = tiny("first", None)
    with caplog.at_level(logging.INFO):
        second = tiny("second", None, ("left_eye", "mouth"), load_from=str(first / "epoch_1.pth"))
    assert "the checkpoint has 9 keypoints: 2 of ours start from it by name (left_eye, mouth)" in caplog.text
    assert torch.allclose(conv1(first), conv1(second), atol=2e-3)
    third = tiny("third", str(first / "epoch_1.pth"), prefix="backbone.")
    assert torch.allclose(conv1(first), conv1(third), atol=2e-3)
    other = first / "other.pth"
    torch.save({"state_dict": {"neck.weight": torch.ones(3, 3)}}, other)
    with pytest.raises(BadInputError) as caught:
        tiny("none", None, load_from=str(other))
    one_line(caught, "load_from: ", str(other), "nothing in it that fits: neck.weight")


def test_what_load_from_gives_whole_is_not_fetched(
    tiny, refused: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    first = tiny("first", None) / "epoch_1.pth"
    with caplog.at_level(logging.INFO):
        second = tiny("second", refused, ("left_eye", "mouth"), load_from=str(first))
    assert f"model.backbone.init_cfg ({refused}) is not read: load_from gives all weights" in caplog.text
    assert torch.allclose(conv1(first.parent), conv1(second), atol=2e-3)
    content = torch.load(first, weights_only=False)
    content["state_dict"].pop("backbone.conv1.weight")
    torch.save(content, tmp_path / "part.pth")
    with pytest.raises(BadInputError) as caught:
        tiny("third", refused, load_from=str(tmp_path / "part.pth"))
    one_line(caught, refused, "--cfg-options model.backbone.init_cfg=None")
    assert "--from-scratch" not in str(caught.value)  # it would leave load_from out
    with pytest.raises(BadInputError) as caught:
        tiny("fourth", refused, load_from=str(first), from_scratch=True)
    one_line(caught, "--from-scratch and load_from contradict", str(first), "--cfg-options load_from=None")
