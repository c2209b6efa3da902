"""What a run leaves is plain OpenMMLab: its config and checkpoint serve MMPose's own tools, as they lie there.

Every test is a process of its own, into which the config's ``custom_imports`` alone, or one import, brings this
project: ``import mmpose.apis`` needs one of them before it.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kpplugins.apis.train import train
from kpplugins.data.images import read_image
from kpplugins.inference.predictor import Predictor
from kpplugins.weights.checkpoints import default_checkpoint

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
model = {model}
"""
RUNS = {
    "topdown": (
        "custom_hourglass_small",
        "dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=2))",
    ),
    "bottomup": (
        "custom_centernet",
        "dict(backbone=dict(channels=16, depth=2), head=dict(in_channels=16, feat_channels=16),"
        " test_cfg=dict(score_thr=0.0))",
    ),
}
BY_THE_CONFIG = """
import json, sys
from mmengine.config import Config
from mmengine.runner import Runner
config, checkpoint, image = sys.argv[1:]
cfg = Config.fromfile(config)
cfg.load_from = checkpoint
numbers = Runner.from_cfg(cfg).test()
"""
BY_AN_IMPORT = """
import json, sys
import kpplugins
config, checkpoint, image = sys.argv[1:]
numbers = {}
"""
PREDICT = """
import mmcv
from mmpose.apis import MMPoseInferencer, inference_bottomup, inference_topdown, init_model
model = init_model(config, checkpoint, device="cpu")
height, width = mmcv.imread(image).shape[:2]
if MODE == "topdown":
    (found,) = inference_topdown(model, image, [[0, 0, width, height]])
else:
    (found,) = inference_bottomup(model, image)
inferencer = MMPoseInferencer(pose2d=config, pose2d_weights=checkpoint, device="cpu")
options = {} if MODE == "topdown" else dict(bbox_thr=0.0)  # it has a threshold of its own
(instances,) = next(inferencer(image, **options))["predictions"]
print("@", json.dumps(dict(
    numbers=numbers, names=list(model.dataset_meta["keypoint_id2name"].values()),
    functions=found.pred_instances.keypoints.tolist(), inferencer=[one["keypoints"] for one in instances],
)))
"""


@pytest.fixture(scope="module", params=RUNS)
def run(
    request: pytest.FixtureRequest, root: Path, tmp_path_factory, cups_and_plates: Path
) -> tuple[str, Path, Path]:
    """The mode of a trained model, and its config and checkpoint in the work dir."""
    base, model = RUNS[request.param]
    folder = tmp_path_factory.mktemp("openmmlab")
    text = SMALL.format(root=root, base=base, data=str(cups_and_plates), model=model)
    (folder / "run.py").write_text(text)
    out = train(folder / "run.py", work_dir=folder / "out")
    return request.param, out / "run.py", default_checkpoint(out)


def test_mmposes_own_tools_find_the_same(run, cups_and_plates: Path, tmp_path: Path):
    mode, config, checkpoint = run
    start = BY_THE_CONFIG if mode == "topdown" else BY_AN_IMPORT
    image = cups_and_plates / "images/6.png"
    (tmp_path / "script.py").write_text(f"MODE = {mode!r}\n{start}{PREDICT}")
    command = [sys.executable, str(tmp_path / "script.py"), str(config), str(checkpoint), str(image)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("@ ")]
    found = json.loads(line[2:])
    predictor = Predictor(config, checkpoint, "cpu", box_thr=0.0)
    pixels = read_image(image)
    height, width = pixels.shape[:2]
    boxes = np.array([[0.0, 0, width, height]]) if mode == "topdown" else None
    ours = predictor(pixels, boxes).keypoints
    assert len(ours) and found["names"] == list(predictor.schema.keypoints)
    for way in ("functions", "inferencer"):
        theirs = np.array(found[way])
        assert theirs.shape == ours.shape
        nearest = (
            np.abs(theirs[:, None] - ours[None]).max(axis=(2, 3)).min(axis=1)
        )  # MMPose sorts them by score
        assert nearest.max() <= 0.01, way
    if start is BY_THE_CONFIG:
        assert "AP" in found["numbers"]
