"""The encoder-decoder, and the CAT recipe that stands on it: labels, sizes, training, test, demo."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS

import kpplugins.codecs.circle_heatmap  # noqa: F401  # registers the codec
import kpplugins.datasets.transforms.crop_around_keypoints  # noqa: F401  # registers the step
from kpplugins.apis.test import test as run_test
from kpplugins.apis.train import train
from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.inference.predictor import Predictor
from kpplugins.models.backbones.encoder_decoder import EncoderDecoder
from kpplugins.models.heads.output_size import require_output_size
from kpplugins.structures import BadInputError

LABELS = {
    "circle": "",
    "msra": 'codec = dict(_delete_=True, type="MSRAHeatmap", sigma=2, **size)',
    "udp": 'codec = dict(_delete_=True, type="UDPHeatmap", sigma=2, **size)',
    "dark": 'codec = dict(_delete_=True, type="MSRAHeatmap", sigma=2, unbiased=True, **size)',
}
QUIET = {
    f"{loader}_dataloader.{key}": value
    for loader in ("train", "val", "test")
    for key, value in {"num_workers": 0, "persistent_workers": False, "batch_size": 6}.items()
}


@pytest.fixture(scope="module")
def config(root: Path) -> Path:
    return root / "configs/cat_heatmap_circle.py"


def _with_labels(config: Path, line: str, folder: Path) -> Path:
    """The recipe with its line of the codec replaced by another."""
    text = config.read_text().replace('"_base_/topdown.py"', repr(str(config.parent / "_base_/topdown.py")))
    lines = text.splitlines()
    (at,) = [i for i, one in enumerate(lines) if one.startswith("codec = ")]
    lines[at] = line or lines[at]
    path = folder / "recipe.py"
    path.write_text("\n".join(lines) + "\n")
    return path


def _batch(cfg: Config) -> dict:
    init_default_scope("mmpose")
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    return pseudo_collate([dataset[i] for i in range(4)])


@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize(("channels", "depth", "size"), [(8, 1, (6, 10)), (4, 3, (16, 8)), (16, 4, (64, 64))])
def test_features_are_as_large_as_the_image_and_gradients_reach_every_weight(channels, depth, size, skips):
    torch.manual_seed(0)
    network = EncoderDecoder(channels, depth, max_channels=16, skips=skips)
    network.init_weights()
    (features,) = network(torch.randn(2, 3, *size))
    assert features.shape == (2, channels, *size)
    (features * torch.randn_like(features)).sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None and weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize("skips", [True, False])
def test_only_skips_lead_around_the_bottom(skips: bool):
    network = EncoderDecoder(4, 2, skips=skips)
    network.eval()
    torch.nn.init.zeros_(
        network.down[-1][-2].weight
    )  # its last batch norm: the bottom gives the same for all
    one, other = (network(torch.randn(1, 3, 16, 16))[0] for _ in range(2))
    assert torch.equal(one, other) is not skips


@pytest.mark.parametrize("wrong", [dict(channels=0), dict(depth=0), dict(max_channels=-1)])
def test_wrong_arguments_are_named(wrong: dict):
    with pytest.raises(BadInputError, match=rf"model\.backbone\.{next(iter(wrong))}"):
        EncoderDecoder(**wrong)


def test_an_input_that_the_stride_does_not_divide_is_refused_with_both_numbers():
    with pytest.raises(BadInputError, match=r"multiples of 16.*found 64×60"):
        EncoderDecoder(4, 4)(torch.zeros(1, 3, 60, 64))


@pytest.mark.parametrize("kind", LABELS)
def test_labels_change_by_one_line(config: Path, drawn_cats: Path, tmp_path: Path, kind: str):
    assert kind in ("circle", "dark") or f"# {LABELS[kind]}" in config.read_text().splitlines()
    cfg = load_config(_with_labels(config, LABELS[kind], tmp_path), data=drawn_cats)
    model = MODELS.build(cfg.model)
    require_output_size(model)
    assert model.head.out_channels == 3
    data = _batch(cfg)
    losses = model.loss(**model.data_preprocessor(data, True))
    losses["loss_kpt"].backward()
    weights = torch.cat([d.gt_instance_labels.keypoint_weights for d in data["data_samples"]])
    assert weights.tolist() == [[1, 1, 1]] * 4
    tested = DATASETS.build({**cfg.val_dataloader.dataset, "split": "train"})
    for i, (sample, raw) in enumerate(zip(data["data_samples"], data["inputs"], strict=True)):
        assert raw.shape == (3, 64, 64)
        assert torch.equal(raw, tested[i]["inputs"])
        maps = sample.gt_fields.heatmaps.numpy()
        assert maps.shape == (3, 64, 64) and maps.min() >= 0 and 0.5 < maps.max() <= 1.001
        points, meta = model.head.decoder.decode(maps)[0], tested[i]["data_samples"]
        scale = meta.input_scale
        back = points / meta.input_size * scale + meta.input_center - scale / 2  # as MMPose's estimator does
        error = np.abs(back - sample.gt_instances.keypoints) / (scale / 64)
        # circles: half a canvas pixel, at most 1.6 input pixels, and half a cell; others: half a cell or nothing
        assert error.max() < (1.3 if kind == "circle" else 0.8)


def test_the_image_is_divided_by_255_and_nothing_else(config: Path, drawn_cats: Path):
    cfg = load_config(config, data=drawn_cats)
    model, data = MODELS.build(cfg.model), _batch(cfg)
    inputs = model.data_preprocessor(data, True)["inputs"]
    assert torch.allclose(inputs[0], data["inputs"][0][[2, 1, 0]].float() / 255)
    assert cfg.train_dataloader.dataset.type == "CatDataset"
    assert "RandomFlip" not in str(cfg.train_dataloader.dataset.pipeline)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codec.heatmap_size": (32, 32)}, r"codec\.heatmap_size.*expected 64×64.*found 32×32"),
        ({"codec.input_size": (60, 64)}, r"codec\.input_size.*multiples of 16.*found 60×64"),
        ({"model.backbone.channels": 8}, r"input of 64×64.*found .*channels"),
    ],
)
def test_sizes_that_disagree_stop_before_training(config: Path, options: dict, message: str):
    cfg = load_config(config, schema=CAT_SCHEMA.subset(["left_eye", "mouth"]), cfg_options=options)
    model = MODELS.build(cfg.model).train()
    with pytest.raises(BadInputError, match=message):
        require_output_size(model)
    assert model.training and model.head.training


def test_models_of_other_kinds_pass_the_check_of_sizes(root: Path):
    cfg = load_config(root / "configs/cat_hourglass_sample.py", schema=CAT_SCHEMA)
    require_output_size(MODELS.build(cfg.model))
    require_output_size(torch.nn.Linear(2, 2))


def test_four_cats_are_learnt_by_heart(config: Path, drawn_cats: Path):
    torch.manual_seed(0)
    cfg = load_config(config, data=drawn_cats, cfg_options={"model.backbone.channels": 16})
    model = MODELS.build(cfg.model)
    model.init_weights()
    data = model.data_preprocessor(_batch(cfg), True)
    target = torch.stack([d.gt_fields.heatmaps for d in data["data_samples"]])

    def error() -> float:
        """Mean distance in input pixels."""
        with torch.no_grad():
            found = model.head(model.extract_feat(data["inputs"])).numpy()
        decode = model.head.decoder.decode
        pairs = [(decode(f)[0], decode(t.numpy())[0]) for f, t in zip(found, target, strict=True)]
        return float(np.mean([np.linalg.norm(f - t, axis=-1) for f, t in pairs]))

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    before, losses = error(), []
    for _ in range(60):
        loss = model.loss(**data)["loss_kpt"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert error() < min(2, before / 4)


def test_the_recipe_trains_tests_and_looks_at_a_image_without_a_box(
    config: Path, drawn_cats: Path, tmp_path: Path
):
    train(config, data=drawn_cats, work_dir=tmp_path, cfg_options={**QUIET, "max_epochs": 1})
    numbers, out, table = run_test(
        tmp_path / config.name, work_dir=tmp_path, data=drawn_cats, cfg_options=QUIET
    )
    assert np.isfinite(numbers["EPE"]) and "left_eye" in table
    assert json.loads((out / "metrics.json").read_text())["instances"] == 4
    predictor = Predictor(tmp_path / config.name, next(tmp_path.glob("best_AP*.pth")), device="cpu")
    image = cv2.imread(str(next(drawn_cats.glob("CAT_*/*.jpg"))))
    found = predictor(image)
    assert found.keypoints.shape == (1, 3, 2)
    height, width = image.shape[:2]
    assert (found.keypoints >= -1).all() and (found.keypoints <= [width, height]).all()
    given = predictor(image, np.array([[10.0, 20.0, 90.0, 80.0]]))
    assert (given.keypoints >= [9, 19]).all() and (given.keypoints <= [91, 81]).all()
