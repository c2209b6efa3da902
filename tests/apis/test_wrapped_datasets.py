"""Datasets inside wrappers train as plain ones do, and leave the same beside the weights."""

import shutil
from pathlib import Path

import pytest

from kpplugins.apis.train import train
from kpplugins.inference.predictor import Predictor
from kpplugins.schema import KeypointSchema
from kpplugins.weights.checkpoints import read_checkpoint
from kpplugins.weights.run_record import record_of

SMALL = """
_base_ = "{root}/configs/{base}.py"
input_size = (64, 64)
max_epochs = 1
alone = dict(num_workers=0, persistent_workers=False, batch_size=4)
train_dataloader = alone
val_dataloader = alone
test_dataloader = alone
train_cfg = dict(val_interval=1)
data_root = {data!r}
"""
TOP_DOWN = """
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=2))
steps = _base_.custom_train_pipeline
parts = [
    dict(type="CustomKeypointDataset", data_root=root, split="train", pipeline={inside})
    for root in ({data!r}, {other!r})
]
train_dataloader = dict(**alone, dataset=dict(_delete_=True, {wrapper}))
"""
ONE_STAGE = """
model = dict(backbone=dict(channels=16, depth=2), head=dict(in_channels=16, feat_channels=16))
one = dict(
    type="CustomKeypointDataset", data_root={data!r}, split="train", data_mode="bottomup",
    pipeline=_base_.train_pipeline,
)
train_dataloader = dict(**alone, dataset=dict(_delete_=True, type="RepeatDataset", times=2, dataset=one))
"""
METAINFO = KeypointSchema("cup", ("head", "tail")).to_metainfo()
WRAPPERS = {
    "ConcatDataset": 'type="ConcatDataset", datasets=parts',
    "RepeatDataset": 'type="RepeatDataset", times=2, dataset=parts[0]',
    "nested": 'type="RepeatDataset", times=2, dataset=dict(type="ConcatDataset", datasets=parts)',
    "CombinedDataset": f'type="CombinedDataset", metainfo={METAINFO}, datasets=parts, pipeline=steps',
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapped_dataset_trains(root: Path, tmp_path: Path, cups_and_plates: Path, name: str):
    data, other = tmp_path / "a", tmp_path / "b"
    for folder in (data, other):
        shutil.copytree(cups_and_plates, folder)
    text = (SMALL + TOP_DOWN).replace("{inside}", "[]" if name == "CombinedDataset" else "steps")
    text = text.replace("{wrapper}", WRAPPERS[name])
    names = dict(root=root, base="custom_hourglass_small", data=str(data), other=str(other))
    for key, value in names.items():
        text = text.replace(f"{{{key}}}", str(value)).replace(f"{{{key}!r}}", repr(value))
    (tmp_path / "run.py").write_text(text)
    checkpoint = train(tmp_path / "run.py", work_dir=tmp_path / "out") / "epoch_1.pth"
    record = record_of(read_checkpoint(checkpoint), checkpoint)
    assert record.schema.keypoints == ("head", "tail")
    # boxes of 30×24, in which the points are 2 and 27 pixels from the left and on half the height
    assert [x for place in record.layout.places for x in place] == pytest.approx([-13 / 30, 0, 12 / 30, 0])
    shutil.rmtree(data)
    moved = shutil.copy(checkpoint, tmp_path / "moved.pth")
    image = cups_and_plates / "images/0.png"
    assert Predictor(checkpoint=moved, device="cpu")(image).keypoints.shape == (1, 2, 2)


def test_classes_of_a_wrapped_dataset_are_known(root: Path, tmp_path: Path, cups_and_plates: Path):
    names = dict(root=root, base="custom_centernet", data=str(cups_and_plates))
    (tmp_path / "run.py").write_text((SMALL + ONE_STAGE).format(**names))
    checkpoint = train(tmp_path / "run.py", work_dir=tmp_path / "out") / "epoch_1.pth"
    assert record_of(read_checkpoint(checkpoint), checkpoint).classes == ("cup", "plate")
