"""A small network to a file, and files that must not come to be."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kpplugins.deploy.onnx_export import KEYPOINT_TOLERANCE, OPSET, ROUNDING, export_onnx, steady
from kpplugins.structures import BadInputError

WIDTH, HEIGHT = 12, 8
INPUT = {"size": (WIDTH, HEIGHT), "outputs": ["heatmaps"]}


@pytest.fixture(autouse=True)
def with_onnx():
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="extra 'export' is not installed")


class Net(nn.Module):
    """One convolution; ``fault`` is added to its maps in the exported file, or, where it is not a number, always."""

    def __init__(self, fault: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fault = nn.Conv2d(3, 2, 3, padding=1), fault

    def forward(self, image: Tensor) -> tuple[Tensor]:
        maps = self.conv(image / 255)
        return (maps + self.fault if torch.compiler.is_compiling() or np.isnan(self.fault) else maps,)


def peak(values: list[np.ndarray]) -> np.ndarray:
    """The greatest value's cell of each map (K, H, W) as (K, 2) x, y."""
    flat = values[0].reshape(len(values[0]), -1).argmax(axis=1)
    return np.stack([flat % values[0].shape[2], flat // values[0].shape[2]], axis=1).astype(float)


def export(path: Path, net: nn.Module | None = None, **kwargs) -> dict:
    return export_onnx(net or Net(), path, **{**INPUT, "decode": peak, "facts": {}, **kwargs})


def test_the_file_takes_any_batch_and_says_what_it_is(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    import onnx
    import onnxruntime

    path, net = tmp_path / "new/net.onnx", Net()
    facts = {"keypoints": ["a", "ü"], "input": "in words"}
    report = export(path, net, facts=facts)
    assert capfd.readouterr() == ("", "")
    assert sorted(p.name for p in path.parent.iterdir()) == ["net.onnx", "net.onnx.json", "net.parity.json"]
    session = onnxruntime.InferenceSession(path)
    in_file = session.get_modelmeta().custom_metadata_map
    assert in_file == {"keypoints": '["a", "ü"]', "input": "in words"}
    assert json.loads((path.parent / "net.onnx.json").read_text(encoding="utf-8")) == facts
    assert session.get_inputs()[0].shape == ["batch", 3, HEIGHT, WIDTH]
    assert onnx.load(path).opset_import[0].version == OPSET
    for n in (1, 2, 5):
        image = torch.rand(n, 3, HEIGHT, WIDTH) * 255
        (actual,) = session.run(["heatmaps"], {"image": image.numpy()})
        assert np.allclose(actual, net(image)[0].detach().numpy(), atol=1e-5)
    assert json.loads((path.parent / "net.parity.json").read_text()) == report
    assert report["batches"] == [1, 3] and report["crops"] == 8  # each once with noise, once with patches
    assert report["outputs"]["heatmaps"]["shape"] == ["N", 2, HEIGHT, WIDTH]
    assert report["outputs"]["heatmaps"]["relative"] <= 1e-5 and report["outputs"]["heatmaps"]["range"] > 0.1
    points = report["keypoints"]
    assert points["compared"] + points["unsteady"] == 8 * 2 and points["max_difference_px"] == 0


@pytest.mark.parametrize(
    ("fault", "words"), [(0.01, r"heatmaps \d\.\de-0[123]"), (float("nan"), "heatmaps nan")]
)
def test_what_disagrees_gets_no_file_and_an_earlier_one_stays(tmp_path: Path, fault: float, words: str):
    path = tmp_path / "net.onnx"
    path.write_text("earlier")
    with pytest.raises(
        BadInputError, match=rf"net\.onnx: .*no file was written.*0\.01 px; found {words}"
    ) as caught:
        export(path, Net(fault))
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"] and path.read_text() == "earlier"


def test_points_that_disagree_are_enough(tmp_path: Path):
    """A decoder that gives another place for every other call, as none may."""
    calls = []

    def wandering(values: list[np.ndarray]) -> np.ndarray:
        calls.append(1)
        return peak(values) + (0.02 if len(calls) == 2 else 0)  # the first crop, from ONNX Runtime's outputs

    with pytest.raises(BadInputError, match=r"keypoints 0\.028 px"):  # 0.02 · √2
        export(tmp_path / "net.onnx", decode=wandering)
    assert not list(tmp_path.iterdir())


def test_a_network_that_cannot_be_traced_is_one_line(tmp_path: Path):
    class Branching(Net):
        def forward(self, image: Tensor) -> tuple[Tensor]:
            return super().forward(image if image.sum() > 0 else -image)

    with pytest.raises(BadInputError, match="cannot write this network as ONNX; found") as caught:
        export(tmp_path / "net.onnx", Branching())
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["onnx", "onnxruntime", "onnxscript"])
def test_a_missing_package_is_named(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BadInputError, match=rf"{name} is not installed.*pip install 'kpplugins\[export\]'"):
        export(tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_points_that_rounding_moves_are_known():
    maps = np.zeros((3, 4, 5), np.float32)
    maps[0, 1, 2] = 1.0  # alone
    maps[1, 1, 2], maps[1, 3, 4] = 1.0, 1.0 - ROUNDING / 10  # as high as another
    maps[2, 1, 2], maps[2, 3, 4] = 1.0, 1.0 - 3 * ROUNDING  # higher by more than ±ROUNDING on both
    assert steady(peak, [maps], [1.0]).tolist() == [True, False, True]

    def steep(values: list[np.ndarray]) -> np.ndarray:
        """Moves by 10,000 and by 100 pixels for an output that goes over its whole range."""
        return values[0][:, :2] * np.array([[1e4], [100.0]])

    # ROUNDING of 1e-5 moves them by up to 0.1 px and 0.001 px on each axis
    assert KEYPOINT_TOLERANCE == 0.01
    assert steady(steep, [np.zeros((2, 2))], [1.0]).tolist() == [False, True]
