"""MMPose's models on own data: built for its points, trained for two batches, tested, used for prediction."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmpose.registry import MODELS

from kpplugins.apis.export import export
from kpplugins.apis.test import test as test_run
from kpplugins.apis.train import train
from kpplugins.config.load import datasets_of, load_config
from kpplugins.curation.convert import convert
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.inference.predictor import Predictor
from kpplugins.structures import BadInputError

BASELINES = {
    "custom_rtmpose_t": (384, 512),  # SimCC: two positions a pixel of 192 and of 256
    "custom_rtmpose_s": (384, 512),
    "custom_rtmpose_m": (384, 512),
    "custom_hrnet_w32": (48, 64),  # heatmaps of a quarter
    "custom_simplebaseline_r50": (48, 64),
    "custom_vitpose_s": (48, 64),
}
LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
TINY = {
    "input_size": (64, 64),
    "max_epochs": 1,
    "default_hooks.checkpoint.save_optimizer": False,  # two thirds of the file
    "train_dataloader.batch_size": 8,  # 16 images: two batches
    **{f"{loader}.num_workers": 0 for loader in LOADERS},
    **{f"{loader}.persistent_workers": False for loader in LOADERS},
}
FEWER = {
    "custom_rtmpose_t": {},
    "custom_hrnet_w32": {
        f"model.backbone.extra.stage{i}.{key}": value
        for i in (1, 2, 3, 4)
        for key, value in (("num_modules", 1), ("num_blocks", (1,) * i))
    },
    "custom_simplebaseline_r50": {"model.backbone.depth": 18, "model.head.in_channels": 512},
    "custom_vitpose_s": {"model.backbone.arch.num_layers": 3, "optim_wrapper.paramwise_cfg.num_layers": 3},
}
"""Those that are trained, with fewer parts; RTMPose-s and -m are -t with other widths."""
without_mmpretrain = importlib.util.find_spec("mmpretrain") is None


@pytest.fixture(params=BASELINES)
def name(request: pytest.FixtureRequest) -> str:
    if request.param == "custom_vitpose_s" and without_mmpretrain:
        pytest.skip("mmpretrain is not installed")
    return request.param


@pytest.fixture(scope="module")
def own_data(drawn_cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("own") / "data"
    convert(drawn_cats, out)
    return out


def test_the_data_size_the_model(root: Path, name: str):
    cfg = load_config(root / f"configs/{name}.py", schema=CAT_SCHEMA)
    width, height = BASELINES[name]
    head = MODELS.build(cfg.model).head
    assert head.out_channels == 9
    if "rtmpose" in name:
        assert (head.cls_x.out_features, head.cls_y.out_features) == (width, height)
        assert head.final_layer.out_channels == 9
    else:
        assert tuple(cfg.codec.heatmap_size) == (width, height)
        assert head.final_layer.out_channels == 9


def test_nothing_of_coco_is_left(root: Path, name: str):
    cfg = load_config(root / f"configs/{name}.py", schema=CAT_SCHEMA)
    assert {d.type for _, d in datasets_of(cfg)} == {"CustomKeypointDataset"}
    assert {d.data_root for _, d in datasets_of(cfg)} == {"data/custom"}
    assert not any({"ann_file", "bbox_file", "data_prefix"} & d.keys() for _, d in datasets_of(cfg))
    assert cfg.val_evaluator.to_dict() == cfg.test_evaluator.to_dict() == {"type": "KeypointMetric"}
    assert cfg.default_hooks.checkpoint.save_best == "AP"
    for _, dataset in datasets_of(cfg):
        steps = {step.type: step for step in dataset.pipeline}
        assert tuple(steps["TopdownAffine"].input_size) == tuple(cfg.codec.input_size)
        assert steps["TopdownAffine"].get("use_udp", False) is (cfg.codec.type == "UDPHeatmap")
        assert steps.get("GenerateTarget", {}).get("encoder", cfg.codec) == cfg.codec
        assert not {"Albumentation", "RandomHalfBody"} & steps.keys()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", FEWER, indirect=True)
def test_two_batches_then_test_prediction_and_export(root: Path, name: str, own_data: Path, tmp_path: Path):
    options = {**TINY, **FEWER[name]}
    out = train(
        root / f"configs/{name}.py", data=own_data, work_dir=tmp_path, cfg_options=options, from_scratch=True
    )
    numbers, _, table = test_run(out / f"{name}.py", work_dir=out)
    assert numbers["EPE"] > 0 and "| left_ear_2" in table
    image = cv2.imread(str(next((own_data / "images").rglob("*.jpg"))))
    found = Predictor(out / f"{name}.py", out / "epoch_1.pth", device="cpu")(image)
    assert found.keypoints.shape == (1, 9, 2)
    assert np.isfinite(found.keypoints).all()
    pytest.importorskip("onnxscript", reason="extra 'export' is not installed")
    file, proof = export(out / f"{name}.py", out / "epoch_1.pth")
    assert file == out / f"{name}_onnx" and proof["keypoints"]["max_px"] <= 0.1
    assert proof["keypoints"]["compared"] + proof["keypoints"]["unsteady"] >= 9


def test_a_child_changes_data_points_size_and_length_by_one_line_each(root: Path, tmp_path: Path):
    path = tmp_path / "child.py"
    path.write_text(
        f"_base_ = '{root / 'configs/custom_rtmpose_s.py'}'\n"
        "data_root = 'mine'\nkeypoints = ['left_eye', 'right_eye']\ninput_size = (256, 256)\nmax_epochs = 42\n"
    )
    cfg = load_config(path, schema=CAT_SCHEMA.subset(["left_eye", "right_eye"]))
    assert {(d.data_root, tuple(d.keypoints)) for _, d in datasets_of(cfg)} == {
        ("mine", ("left_eye", "right_eye"))
    }
    assert (cfg.model.head.input_size, cfg.model.head.in_featuremap_size) == ((256, 256), (8, 8))
    assert cfg.model.head.out_channels == 2
    assert cfg.codec.sigma == pytest.approx((5.66, 5.66), abs=0.005)  # MMPose's own of 256×256: √(256 / 8)
    warm_up, cosine = cfg.param_scheduler
    assert (warm_up.end, cosine.begin, cosine.T_max, cosine.end) == (200, 21, 21, 42)
    assert cosine.eta_min == pytest.approx(cfg.optim_wrapper.optimizer.lr / 20)


def test_what_mmpose_averages_is_averaged(root: Path):
    """RTMPose-t has no EMA in MMPose, -s and -m have."""
    for size, averaged in (("t", False), ("s", True), ("m", True)):
        cfg = load_config(root / f"configs/custom_rtmpose_{size}.py", schema=CAT_SCHEMA)
        kinds = [hook.type for hook in cfg.custom_hooks]
        assert ("EMAHook" in kinds) is averaged
        assert kinds[-3:] == ["SyncBuffersHook", "ProgressBarHook", "ValLossHook"]


@pytest.mark.skipif(without_mmpretrain, reason="mmpretrain is not installed")
def test_vitpose_has_a_position_for_every_patch_of_another_size(root: Path):
    cfg = load_config(
        root / "configs/custom_vitpose_s.py", schema=CAT_SCHEMA, cfg_options={"input_size": (64, 128)}
    )
    assert cfg.model.backbone.img_size == (128, 64)  # (h, w) for an input (w, h)
    assert MODELS.build(cfg.model).backbone.pos_embed.shape == (1, 8 * 4, 384)  # patches of 16


@pytest.mark.skipif(not without_mmpretrain, reason="mmpretrain is installed")
def test_vitpose_says_what_to_install(root: Path):
    with pytest.raises(BadInputError, match="mmpretrain.*pip install onedl-mmpretrain") as caught:
        load_config(root / "configs/custom_vitpose_s.py", schema=CAT_SCHEMA)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "line", "words"),
    [
        ("custom_hrnet_w32", "model = dict(head=dict(out_channels=16))", "found 16 .HeatmapHead. and 9"),
        ("custom_rtmpose_t", "input_szie = (64, 64)", "unknown config key 'input_szie'.*'input_size'"),
        ("custom_rtmpose_t", "custom_epochs = 3", "custom_epochs would change nothing.*has built its own"),
    ],
)
def test_faults_of_a_child_are_one_line(root: Path, tmp_path: Path, name: str, line: str, words: str):
    path = tmp_path / "child.py"
    path.write_text(f"_base_ = '{root / f'configs/{name}.py'}'\n{line}\n")
    with pytest.raises(BadInputError, match=words) as caught:
        load_config(path, schema=CAT_SCHEMA)
    assert "\n" not in str(caught.value)
