"""Runs to ONNX: the file alone finds what the run finds, in kpplugins and in docs/onnx_alone.py."""

import functools
import json
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, KEYPOINT_CODECS, MODELS

from kpplugins.apis.export import _named, export
from kpplugins.config.load import load_config, schema_of
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.formats.load_annotations import load_annotations
from kpplugins.inference.predictor import Predictor
from kpplugins.inference.trained.trained_model import load_trained
from kpplugins.inference.trained.trained_top_down import TrainedTopDown
from kpplugins.structures import BadInputError, BoxLayout

SMALL = {"input_size": (64, 96)}
HOURGLASS = {
    "model.backbone.channels": 16, "model.head.in_channels": 16, "model.head.depth": 2, "model.head.num_stacks": 2,
}  # fmt: skip
ON_CATS = {"dataset_type": "CatDataset"}
RUNS: dict[str, tuple[dict, int, float]] = {
    "custom_hourglass": ({**SMALL, **HOURGLASS, **ON_CATS}, 60, 0.2),
    "facial_resnet18_fc": ({**SMALL, **ON_CATS}, 3, 0.0),
    "cat_heatmap_circle": ({"keypoints": ["left_eye", "right_eye", "mouth"]}, 3, -np.inf),
    "custom_rtmpose_t": ({"input_size": (96, 128), **ON_CATS}, 3, 0.0),
}
"""Options; how many steps are learnt; least score that is compared: in a map without a peak, rounding moves DARK's."""
OUTPUTS = {
    "custom_hourglass": {"heatmaps": ["batch", 9, 24, 16]},
    "facial_resnet18_fc": {"coordinates": ["batch", 9, 4]},
}
RAW = {
    "custom_hourglass": lambda raw: [raw[-1]],
    "facial_resnet18_fc": lambda raw: [torch.cat([raw[..., :2], raw[..., 2:].sigmoid()], dim=-1)],
}


@pytest.fixture(scope="module")
def cats(drawn_cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty drawn cats, and before them two photographs, where the real data are."""
    out = tmp_path_factory.mktemp("cats") / "cats"
    shutil.copytree(drawn_cats, out)
    real = (
        Path(os.environ.get("KPPLUGINS_REAL_DATA", Path(__file__).parents[3] / "shared/data")) / "cat/CAT_00"
    )
    for file in sorted(real.glob("*")) if real.is_dir() else []:
        shutil.copy(file, out / "CAT_00" / f"0{file.name}")
    return out


@pytest.fixture(scope="module")
def make_run(root: Path, cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder as training leaves it, whose network has learnt four cats, more or less."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="extra 'export' is not installed")

    @functools.cache
    def make(name: str) -> Path:
        torch.manual_seed(0)
        np.random.seed(0)
        folder = tmp_path_factory.mktemp("export") / "work_dirs" / name
        folder.mkdir(parents=True)
        options, steps, _ = RUNS[name]
        cfg = load_config(root / f"configs/{name}.py", data=cats, cfg_options=options)
        train = cfg.train_dataloader.dataset
        train.pop("subset", None)  # of the Kaggle faces
        train.pipeline = [s for s in train.pipeline if s.type not in ("RandomBoxTransform", "RandomCutout")]
        cfg.model.backbone.init_cfg = None  # from scratch: nothing is downloaded
        init_default_scope("mmpose")
        learn(cfg, folder, steps)
        schema = schema_of(cfg)
        schema.save(folder / "schema.json")
        places = tuple((i / 20, -i / 30) for i in range(schema.num_keypoints))
        BoxLayout(places, (1.0, 0.8)).save(folder / "boxes.json")
        return folder

    return make


def learn(cfg: Config, folder: Path, steps: int) -> None:
    dataset, model = DATASETS.build(cfg.train_dataloader.dataset), MODELS.build(cfg.model).train()
    batch = [dataset[i % 4] for i in range(8)]  # mirrored or not
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(steps):
        ready = model.data_preprocessor(pseudo_collate(batch), True)
        samples = ready["data_samples"]
        if "heatmaps" not in samples[0].get("gt_fields", {}):
            losses = model.loss(ready["inputs"], samples)
            loss = sum(v for key, v in losses.items() if "loss" in key)
        else:  # the recipe's loss first learns that maps are empty
            targets = torch.stack([one.gt_fields.heatmaps for one in samples])
            maps = model.head(model.extract_feat(ready["inputs"]))
            maps = maps if isinstance(maps, list) else [maps]
            loss = sum(((one - targets) ** 2 * (1 + 100 * targets)).mean() for one in maps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    cfg.dump(folder / f"{folder.name}.py")
    torch.save({"state_dict": model.state_dict()}, folder / "epoch_1.pth")


@pytest.fixture(scope="module")
def exported(root: Path, make_run: Callable[[str], Path]) -> Callable[[str], Path]:
    """The file of a run; the first one is written by the command."""

    @functools.cache
    def of(name: str) -> Path:
        run = make_run(name)
        if name == "custom_hourglass":
            by_the_command(root, run)
        else:
            assert export(run / f"{name}.py", run / "epoch_1.pth")[0] == run / f"{name}.onnx"
        return run / f"{name}.onnx"

    return of


def by_the_command(root: Path, run: Path) -> None:
    """Without arguments, where the run is the newest."""
    command = [sys.executable, str(root / "tools/export.py")]
    done = subprocess.run(command, cwd=run.parent.parent, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "heatmaps N×9×24×16: differs by" in done.stdout and "px apart" in done.stdout
    assert "work_dirs/custom_hourglass/custom_hourglass.onnx (0." in done.stdout


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_file_alone_gives_what_the_run_gives(exported: Callable[[str], Path], name: str):
    """From the crop as it is packed, without the run's normalisation, codec or schema."""
    import onnxruntime

    path, run = exported(name), exported(name).parent
    proof = json.loads((run / f"{name}.parity.json").read_text())
    session = onnxruntime.InferenceSession(path)
    assert {o.name: o.shape for o in session.get_outputs()} == OUTPUTS[name]
    assert list(proof["outputs"]) == list(OUTPUTS[name])
    trained = load_trained(run / f"{name}.py", run / "epoch_1.pth", "cpu")
    trained.network.test_cfg["flip_test"] = False
    image = np.random.default_rng(0).integers(0, 256, (120, 100, 3), np.uint8)
    box = np.array([10.0, 20.0, 80.0, 90.0])
    model = TrainedTopDown(trained)
    batch = pseudo_collate([model.prepare(image, box)[1]])
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
        return  # an image of noise: rounding moves the keypoints; the next test has cats
    codec = KEYPOINT_CODECS.build(facts["codec"])
    points, scores = codec.decode(*given)
    meta = batch["data_samples"][0].metainfo
    points = (
        points / facts["input_size"] * meta["input_scale"] + meta["input_center"] - meta["input_scale"] / 2
    )
    (found,) = model.run([model.prepare(image, box)])
    assert points == pytest.approx(found.keypoints, abs=0.02)
    assert scores == pytest.approx(found.scores, abs=1e-4)


@pytest.mark.parametrize("name", RUNS)
def test_the_program_in_the_docs_finds_what_the_predictor_finds(
    root: Path, cats: Path, exported: Callable[[str], Path], name: str
):
    """On real images, if there are any, and drawn ones; with the run's own flip test, or without."""
    import onnxruntime

    path = exported(name)
    alone = runpy.run_path(str(root / "docs/onnx_alone.py"))
    session = onnxruntime.InferenceSession(path)
    facts = json.loads(path.with_suffix(".onnx.json").read_text(encoding="utf-8"))
    in_file = session.get_modelmeta().custom_metadata_map
    assert {k: v if isinstance(facts[k], str) else json.loads(v) for k, v in in_file.items()} == facts
    predictor = Predictor(path.with_suffix(".py"), path.parent / "epoch_1.pth", "cpu")
    assert facts["flip_test"]["on"] == predictor.model.trained.network.test_cfg.flip_test
    compared = 0
    for record in load_annotations(cats).records[:4]:  # those that it has learnt
        image, box = cv2.imread(str(record.image)), record.bbox + [0.3, -0.4, 0.7, 0.1]
        found = predictor(image, box[None])
        given, scores = alone["find"](session, facts, image, box)
        peaked = found.scores[0] >= RUNS[name][2]
        away = np.linalg.norm(given - found.keypoints[0], axis=1)
        assert away[peaked].max(initial=0) <= 0.05 and np.abs(scores - found.scores[0]).max() <= 1e-4
        compared += peaked.sum()
    assert compared >= 0.7 * 4 * len(facts["keypoints"])
    command = [sys.executable, root / "docs/onnx_alone.py", path, record.image, *map(str, box)]
    assert subprocess.run(command, capture_output=True, text=True).stdout.splitlines() == [
        f"{n} {x:.2f} {y:.2f} {s:.3f}" for n, (x, y), s in zip(facts["keypoints"], given, scores, strict=True)
    ]


def test_what_it_refuses(make_run: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = make_run("custom_hourglass")
    before = sorted(run.iterdir())
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
    assert sorted(run.iterdir()) == before and not list(tmp_path.glob("*.onnx"))


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
