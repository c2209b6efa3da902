"""Size and speed of every kind of model, on the test split of its own data."""

from pathlib import Path

import pytest
import torch
from mmpose.registry import MODELS

from kpplugins.apis.comparison.cost import costs
from kpplugins.config.load import load_config, schema_of
from kpplugins.config.parts import classes_of
from kpplugins.structures.model_kind import BOXES, ONE_STAGE, TOP_DOWN
from kpplugins.weights.pretrained import drop_pretrained

ALONE = """
data_root = "{data}"
test_dataloader = dict(num_workers=0, persistent_workers=False)
"""
CONFIGS = {
    "keypoint_rcnn": """
_base_ = "{root}/configs/_base_/keypoint_rcnn.py"
few = dict(rpn_pre_nms_top_n_test=50)
model = dict(weights=None, backbone="mobilenet_v3_small", min_size=96, max_size=128, fpn_channels=32,
             keypoint_layers=(16, 16), torchvision_args=few, test_cfg=dict(score_thr=0.0, max_per_img=10))
""",
    "rtmo": """
_base_ = "mmpose::body_2d_keypoint/rtmo/coco/rtmo-s_8xb32-600e_coco-640x640.py"
dataset_type = "CustomKeypointDataset"
input_size = (128, 128)
""",
}
KINDS = {
    "top_down": TOP_DOWN, "centernet": ONE_STAGE, "detector": BOXES, "keypoint_rcnn": ONE_STAGE, "rtmo": ONE_STAGE,
}  # fmt: skip


def random_run(folder: Path, root: Path, name: str, text: str, data: Path) -> tuple[Path, Path]:
    """What a training leaves, with weights that were not trained."""
    (folder / name).mkdir()
    config, checkpoint = folder / name / f"{name}.py", folder / name / "epoch_1.pth"
    config.write_text((text + ALONE).format(root=root, data=data))
    cfg = load_config(config, data=data)
    drop_pretrained(cfg)
    torch.manual_seed(0)
    network = MODELS.build(cfg.model)
    network.init_weights()
    torch.save({"state_dict": network.state_dict()}, checkpoint)
    schema_of(cfg).save(folder / name / "schema.json")
    if KINDS[name] != TOP_DOWN:
        (folder / name / "classes.json").write_text(str(list(classes_of(cfg))).replace("'", '"'))
    return config, checkpoint


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_kind_of_model_is_measured(
    root: Path, cups_and_plates: Path, tiny_configs: dict[str, str], tmp_path: Path
):
    configs = tiny_configs | CONFIGS
    runs = [random_run(tmp_path, root, name, text, cups_and_plates) for name, text in configs.items()]
    runs.insert(1, (tmp_path / "gone.py", tmp_path / "gone.pth"))
    first, gone, *others = costs(runs, cups_and_plates)
    assert set(gone) == {"note"} and "size and speed not measured" in gone["note"]
    measured = dict(zip(configs, [first, *others], strict=True))
    assert {name: values["kind"] for name, values in measured.items()} == KINDS
    for name, values in measured.items():
        weights = torch.load(tmp_path / name / "epoch_1.pth")["state_dict"]
        buffers = ("running_mean", "running_var", "num_batches_tracked")
        most = sum(tensor.numel() for key, tensor in weights.items() if not key.endswith(buffers))
        assert 0.85 * most <= values["parameters"] <= most, name  # RTMDet's shared layers are written thrice
        assert values["milliseconds"] > 0, name
    adds = {name: values["multiply_adds"] for name, values in measured.items()}
    assert adds["detector"] > adds["top_down"] > 1e6 and adds["rtmo"] > adds["detector"]


def test_the_flip_test_takes_time_but_no_more_multiply_adds(root: Path, drawn_cats: Path, tmp_path: Path):
    """By hand: a 3×3 convolution of 3 to 64 channels and stride 2 alone is 32·32·64·27 multiply-adds."""
    config = tmp_path / "cats.py"
    text = '_base_ = "{root}/configs/cat_hourglass_sample.py"\ninput_size = (64, 64)\n'
    runs = []
    for flip in (True, False):
        folder = tmp_path / str(flip)
        folder.mkdir()
        config = folder / "cats.py"
        config.write_text(text.format(root=root) + f"model = dict(test_cfg=dict(flip_test={flip}))\n")
        cfg = load_config(config, data=drawn_cats)
        torch.save({"state_dict": MODELS.build(cfg.model).state_dict()}, folder / "epoch_1.pth")
        config.write_text(config.read_text() + f'data_root = "{drawn_cats}"\n')
        schema_of(cfg).save(folder / "schema.json")
        runs.append((config, folder / "epoch_1.pth"))
    flipped, plain = costs(runs, drawn_cats)  # which take turns
    assert flipped["multiply_adds"] == plain["multiply_adds"] > 32 * 32 * 64 * 27
    assert flipped["milliseconds"] > 1.2 * plain["milliseconds"]
