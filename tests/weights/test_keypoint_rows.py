"""Keypoints keep what was learnt of them, whatever their number and order."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from mmpose.registry import MODELS

from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.schema import KeypointSchema
from kpplugins.weights.keypoint_rows import KeypointAxis, by_keypoint_name, keypoint_axes, with_our_keypoints


def model_of(root: Path, name: str, schema: KeypointSchema) -> Any:
    return load_config(
        root / f"configs/{name}.py", schema=schema, cfg_options={"num_stacks": 2} if "hour" in name else {}
    ).model


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("custom_simplebaseline_r50", {"head.final_layer.weight": (0, 1), "head.final_layer.bias": (0, 1)}),
        ("facial_resnet18_fc", {"head.last.weight": (0, 4), "head.last.bias": (0, 4)}),
        (
            "custom_centernet",
            {"head.branches.0.hps.2.bias": (0, 2), "head.branches.0.hm_hp.2.weight": (0, 1)},
        ),
    ],
)
def test_the_tensors_of_keypoints(root: Path, name: str, axes: dict[str, tuple[int, int]]):
    found = keypoint_axes(model_of(root, name, CAT_SCHEMA).to_dict(), 9)
    assert {key: found[key] for key in axes} == {key: KeypointAxis(*value) for key, value in axes.items()}
    assert all(key.startswith("head.") for key in found)


def test_stacks_take_the_heatmaps_of_the_one_before_along_another_axis(root: Path):
    found = keypoint_axes(model_of(root, "custom_hourglass_small", CAT_SCHEMA).to_dict(), 9)
    assert {place.axis for place in found.values()} == {0, 1}


def test_rows_by_name_by_hand():
    own, weights = (
        dict(a=torch.zeros(6, 1), b=torch.zeros(2)),
        dict(a=torch.arange(4.0)[:, None], b=torch.ones(2)),
    )
    made = by_keypoint_name(own, weights, {"a": KeypointAxis(0, 2)}, ["nose", "tail", "ear"], ["ear", "nose"])
    assert made["a"].flatten().tolist() == [2, 3, 0, 0, 0, 1] and made["b"].tolist() == [1, 1]


def test_another_width_is_left_as_it_is():
    own, weights = dict(a=torch.zeros(3, 5)), dict(a=torch.ones(2, 4))
    assert by_keypoint_name(own, weights, {"a": KeypointAxis(0, 1)}, ["x", "y", "z"], ["x", "y"])[
        "a"
    ].shape == (2, 4)


def test_the_same_predictions_for_the_same_names_in_another_order(
    root: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    some = CAT_SCHEMA.subset(["mouth", "left_eye"])
    first = MODELS.build(model_of(root, "custom_rtmpose_t", CAT_SCHEMA)).eval()
    config = model_of(root, "custom_rtmpose_t", some)
    second = MODELS.build(config).eval()
    weights = with_our_keypoints(second, config.to_dict(), first.state_dict(), some, CAT_SCHEMA)
    second.load_state_dict(weights)
    image = torch.rand(1, 3, 256, 192)
    with torch.no_grad():
        ours, theirs = second.head(second.extract_feat(image)), first.head(first.extract_feat(image))
    places = [CAT_SCHEMA.keypoints.index(name) for name in some.keypoints]
    assert ours[0].shape[1] == 2 and second.head.final_layer.weight.shape[0] == 2
    assert torch.equal(weights["head.final_layer.weight"], first.head.final_layer.weight[places])
    assert theirs[0].shape[1] == 9
    assert "the checkpoint has 9 keypoints: 2 of ours start from it by name (mouth, left_eye)" in caplog.text


def test_the_same_number_of_other_keypoints_is_not_taken_by_position(root: Path):
    others = KeypointSchema(name="dog", keypoints=tuple(f"p{i}" for i in range(8)) + ("mouth",))
    config = model_of(root, "custom_simplebaseline_r50", others)
    model = MODELS.build(config)
    weights = dict(model.state_dict())
    weights["head.final_layer.bias"] = torch.arange(9.0) + 1
    made = with_our_keypoints(model, config.to_dict(), weights, others, CAT_SCHEMA)["head.final_layer.bias"]
    own = model.head.final_layer.bias.detach()
    assert torch.equal(made[:8], own[:8]) and made[8] == CAT_SCHEMA.keypoints.index("mouth") + 1


def test_a_training_starts_so(root: Path, drawn_cats: Path, tmp_path: Path):
    from kpplugins.apis.train import train

    options = {
        "dataset_type": "CatDataset", "max_epochs": 1, "input_size": (32, 32), "model.head.depth": 1,
        "model.backbone.channels": 16, "model.head.in_channels": 16, "val_dataloader": None, "val_evaluator": None,
        "val_cfg": None, "train_dataloader.num_workers": 0, "train_dataloader.persistent_workers": False,
        "default_hooks.checkpoint.save_best": None,
    }  # fmt: skip
    config = root / "configs/custom_hourglass_small.py"
    first = train(config, work_dir=tmp_path / "all", data=drawn_cats, cfg_options=options)
    few = {
        **options,
        "keypoints": ["mouth", "left_eye"],
        "load_from": str(first / "epoch_1.pth"),
        "lr": 1e-12,
    }
    second = train(config, work_dir=tmp_path / "few", data=drawn_cats, cfg_options=few)
    before, after = (
        torch.load(run / "epoch_1.pth", weights_only=False)["state_dict"] for run in (first, second)
    )
    name = next(n for n in after if n.startswith("head.") and n.endswith("weight") and after[n].shape[0] == 2)
    places = [CAT_SCHEMA.keypoints.index(k) for k in ("mouth", "left_eye")]
    assert torch.allclose(after[name], before[name][places], atol=1e-6)
