"""Runs to ONNX: the file alone finds what the run finds."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.registry import KEYPOINT_CODECS, MODELS

from kpplugins.apis.export import _named, export
from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.inference.top_down_predictor import TopDownPredictor, sample_of
from kpplugins.inference.trained_model import load_trained
from kpplugins.structures import BadInputError, BoxLayout

SMALL = {"input_size": (64, 96)}
HOURGLASS = {
    "model.backbone.channels": 16, "model.head.in_channels": 16, "model.head.depth": 2, "model.head.num_stacks": 2,
}  # fmt: skip
RUNS = {
    "custom_hourglass": HOURGLASS,
    "facial_resnet18_fc": {"model.head.loss": {"_delete_": True, "type": "RLELoss"}},
}
OUTPUTS = {
    "custom_hourglass": {"heatmaps": ["batch", 9, 24, 16]},
    "facial_resnet18_fc": {"coordinates": ["batch", 9, 4]},
}
RAW = {
    "custom_hourglass": lambda raw: [raw[-1]],
    "facial_resnet18_fc": lambda raw: [torch.cat([raw[..., :2], raw[..., 2:].sigmoid()], dim=-1)],
}


@pytest.fixture(scope="module")
def make_run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder as training leaves it, with weights that nothing was learnt with."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="extra 'export' is not installed")

    def make(name: str) -> Path:
        torch.manual_seed(0)
        folder = tmp_path_factory.mktemp("export") / "work_dirs" / name
        folder.mkdir(parents=True)
        options = {**SMALL, **RUNS[name]}
        cfg = load_config(root / f"configs/{name}.py", schema=CAT_SCHEMA, cfg_options=options)
        model = MODELS.build(cfg.model).train()
        with torch.no_grad():  # for batch norm's statistics
            model.head(model.extract_feat(torch.randn(4, 3, *SMALL["input_size"][::-1])))
        cfg.dump(folder / f"{name}.py")
        torch.save({"state_dict": model.state_dict()}, folder / "epoch_1.pth")
        CAT_SCHEMA.save(folder / "schema.json")
        places = tuple((i / 20, -i / 30) for i in range(9))
        BoxLayout(places, (1.0, 0.8)).save(folder / "boxes.json")
        return folder

    return make


def by_the_command(root: Path, run: Path) -> None:
    """Without arguments, where the run is the newest."""
    command = [sys.executable, str(root / "tools/export.py")]
    done = subprocess.run(command, cwd=run.parent.parent, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "heatmaps N×9×24×16: differs by" in done.stdout and "px apart" in done.stdout
    assert "work_dirs/custom_hourglass/custom_hourglass.onnx (0." in done.stdout


@pytest.mark.parametrize("name", RUNS)
def test_the_file_alone_gives_what_the_run_gives(root: Path, make_run: Callable[[str], Path], name: str):
    """From the crop as it is packed, without the run's normalisation, codec or schema."""
    import onnxruntime

    run = make_run(name)
    path = run / f"{name}.onnx"
    if name == "custom_hourglass":
        by_the_command(root, run)
    else:
        assert export(run / f"{name}.py", run / "epoch_1.pth")[0] == path
    proof = json.loads((run / f"{name}.parity.json").read_text())
    session = onnxruntime.InferenceSession(path)
    assert {o.name: o.shape for o in session.get_outputs()} == OUTPUTS[name]
    assert list(proof["outputs"]) == list(OUTPUTS[name])
    trained = load_trained(run / f"{name}.py", run / "epoch_1.pth", "cpu")
    trained.network.test_cfg["flip_test"] = False
    image = np.random.default_rng(0).integers(0, 256, (120, 100, 3), np.uint8)
    box = np.array([10.0, 20.0, 80.0, 90.0])
    batch = pseudo_collate([trained.pipeline(sample_of(image, box, trained.schema))])
    (crop,) = batch["inputs"]
    assert crop.dtype == torch.uint8
    given = session.run(None, {"image": crop[None].numpy().astype(np.float32)})
    with torch.no_grad():
        ready = trained.network.data_preprocessor(batch, False)["inputs"]
        expected = RAW[name](trained.network.head(trained.network.extract_feat(ready)))
    for e, g in zip(expected, given, strict=True):
        assert np.abs(e.numpy() - g).max() <= 1e-4 * np.ptp(e.numpy())

    facts = {k: json.loads(v) for k, v in session.get_modelmeta().custom_metadata_map.items() if v[0] in "[{"}
    assert facts["keypoints"] == list(CAT_SCHEMA.keypoints) == facts["schema"]["keypoints"]
    assert facts["flip_pairs"] == [list(pair) for pair in CAT_SCHEMA.flip_pairs]
    assert facts["input_size"] == [64, 96] and facts["boxes"]["size"] == [1.0, 0.8]
    assert [step["type"] for step in facts["crop"]] == ["GetBBoxCenterScale", "TopdownAffine"]
    if name == "custom_hourglass":
        return  # maps of a network that knows nothing: rounding moves their points
    codec = KEYPOINT_CODECS.build(facts["codec"])
    points, scores = codec.decode(*given)
    meta = batch["data_samples"][0].metainfo
    points = (
        points / facts["input_size"] * meta["input_scale"] + meta["input_center"] - meta["input_scale"] / 2
    )
    found = TopDownPredictor(trained)(image, box[None])
    assert points == pytest.approx(found.keypoints, abs=0.02)
    assert scores == pytest.approx(found.scores, abs=1e-4)


def test_what_it_refuses(make_run: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = make_run("custom_hourglass")
    config, checkpoint = run / "custom_hourglass.py", run / "epoch_1.pth"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match="no trained run here"):
        export()
    with pytest.raises(BadInputError, match=r"net\.pt: not the name of an ONNX file.*--out FILE"):
        export(config, checkpoint, "net.pt")
    other = tmp_path / "other.py"
    other.write_text(config.read_text().replace("num_stacks=2", "num_stacks=1"))
    with pytest.raises(BadInputError, match="checkpoint of another model"):
        export(other, checkpoint)
    padded = tmp_path / "padded.py"
    padded.write_text(
        f"_base_ = {str(config)!r}\nmodel = dict(data_preprocessor=dict(pad_size_divisor=128))\n"
    )
    with pytest.raises(BadInputError, match=r"pad_size_divisor.*divides 64×96; found 128"):
        export(padded, checkpoint)
    kind = tmp_path / "kind.py"
    kind.write_text(f"_base_ = {str(config)!r}\nmodel = dict(type='BottomupPoseEstimator')\n")
    with pytest.raises(BadInputError, match="only top-down.*found BottomupPoseEstimator with UDPHeatmap"):
        export(kind, checkpoint)
    whole = tmp_path / "whole.py"
    whole.write_text(
        f"_base_ = {str(config)!r}\ntest_dataloader = dict(dataset=dict(data_mode='bottomup'))\n"
    )
    with pytest.raises(BadInputError, match="only top-down.*found one that finds boxes and keypoints"):
        export(whole, checkpoint)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(BadInputError, match=r"onnxscript.*kpplugins\[export\]"):
        export(config, checkpoint)
    assert not list(run.glob("*.onnx")) and not list(tmp_path.glob("*.onnx"))


def test_outputs_by_name():
    maps, bins, points = torch.zeros(2, 5, 8, 6), torch.zeros(2, 5, 12), torch.zeros(2, 5, 2)
    last = maps + 1
    assert list(_named([maps, last])) == ["heatmaps"] and _named([maps, last])["heatmaps"] is last
    assert list(_named((bins, bins))) == ["simcc_x", "simcc_y"]
    assert _named(points)["coordinates"] is points
    assert _named((points, maps))["coordinates"] is points  # integral regression
    with_sigmas = _named(torch.zeros(2, 5, 4))["coordinates"]
    assert (with_sigmas[..., :2] == 0).all() and (with_sigmas[..., 2:] == 0.5).all()
    with pytest.raises(BadInputError, match=r"unknown outputs.*found \(2, 5, 12\)"):
        _named(bins)
    with pytest.raises(BadInputError, match="unknown outputs.*found dict"):
        _named({"maps": maps})
