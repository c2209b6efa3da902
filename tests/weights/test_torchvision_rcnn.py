"""The weights of torchvision's Keypoint R-CNN, converted or as they are."""

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models.detection import keypointrcnn_resnet50_fpn
from torchvision.ops import FrozenBatchNorm2d

from kpplugins.apis.convert_weights import convert_weights
from kpplugins.inference.predictor import Predictor
from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import read_checkpoint


def _detector(points: int = 17) -> Any:
    """A small Keypoint R-CNN of torchvision, in whose random results something is found."""
    from torchvision.models.detection import KeypointRCNN, keypoint_rcnn
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

    torch.manual_seed(0)
    net = KeypointRCNN(
        resnet_fpn_backbone(backbone_name="resnet18", weights=None, trainable_layers=5),
        num_classes=2,
        keypoint_head=keypoint_rcnn.KeypointRCNNHeads(256, (24, 16)),
        keypoint_predictor=keypoint_rcnn.KeypointRCNNPredictor(16, points),
        min_size=64,
        box_score_thresh=0.0,
    )
    return net.eval()


DETECTOR = """
model = dict(
    type="KeypointRCNN", backbone="resnet18", norm="frozen", keypoint_layers=(24, 16), min_size=64,
    test_cfg=dict(score_thr=0.0), class_names=["person"], keypoint_names={names},
)
"""


@pytest.fixture
def detector_config(tmp_path: Path):
    """Writes a config of that detector with these points."""
    from kpplugins.models.detectors.keypoint_rcnn_weights import COCO_KEYPOINTS

    def write(names=COCO_KEYPOINTS) -> Path:
        (tmp_path / f"detector_{len(names)}.py").write_text(DETECTOR.format(names=list(names)))
        return tmp_path / f"detector_{len(names)}.py"

    return write


@pytest.fixture(scope="module")
def detector() -> Any:
    return _detector()


def _of_2019(weights: dict[str, Tensor]) -> OrderedDict[str, Tensor]:
    """Named as torchvision named them when it published the file."""
    names = {k: re.sub(r"(_blocks\.\d)\.0\.|(head\.conv)\.0\.0\.", r"\1\2.", k) for k in weights}
    assert sum(k != v for k, v in names.items()) == 18
    return OrderedDict((names[k], v) for k, v in weights.items())


def test_the_outputs_are_torchvisions(model_of, tmp_path, detector, detector_config):
    torch.save(_of_2019(detector.state_dict()), tmp_path / "tv.pth")
    done = convert_weights(
        "torchvision", tmp_path / "tv.pth", tmp_path / "ours.pth", config=detector_config()
    )
    assert not done.left_out
    assert done.tensors == len(detector.state_dict())
    model, image = model_of(detector_config(), tmp_path / "ours.pth"), torch.rand(3, 70, 90)
    with torch.no_grad():
        (expected,), (found,) = detector([image]), model([image])
    assert len(expected["boxes"]) > 10
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=0, atol=1e-4)


@pytest.mark.parametrize("way", ["as it is", "converted"])
def test_the_published_file_is_used_where_there_are_no_data(root, tmp_path, way: str):
    """Its frozen norm adds nothing to the variance, though the config is one that would train with more."""
    torch.manual_seed(0)
    bare = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    counters = {k: v for k, v in bare.state_dict().items() if k.endswith("num_batches_tracked")}
    file = tmp_path / "keypointrcnn_resnet50_fpn_coco-fc266e95.pth"
    torch.save(bare.state_dict(), file)
    if way == "converted":
        file = convert_weights("torchvision", file, tmp_path / "ours.pth").path
    predictor = Predictor(root / "configs/coco_keypoint_rcnn.py", file, "cpu")
    network = predictor.model.trained.network
    assert counters and not any(k in network.state_dict() for k in counters)
    assert {part.eps for part in network.modules() if isinstance(part, FrozenBatchNorm2d)} == {0.0}
    assert predictor.schema.keypoints[0] == "nose" and predictor.model.trained.classes == ("person",)


def test_what_torchvisions_training_scripts_write_is_read_too(tmp_path, detector, detector_config):
    torch.save({"model": detector.state_dict(), "epoch": 3}, tmp_path / "tv.pth")
    convert_weights("torchvision", tmp_path / "tv.pth", tmp_path / "ours.pth", config=detector_config())
    found = read_checkpoint(tmp_path / "ours.pth")["state_dict"]
    assert found.keys() == detector.state_dict().keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in detector.state_dict().items())


def test_other_points_keep_rows_by_name_and_say_what_begins_anew(
    model_of, tmp_path, detector, detector_config
):
    torch.save(detector.state_dict(), tmp_path / "tv.pth")
    config = detector_config(["tail", "right_eye", "nose"])
    layer = "roi_heads.keypoint_predictor.kps_score_lowres"
    weights = []
    for name in ("a.pth", "b.pth"):
        torch.rand(3)
        done = convert_weights("torchvision", tmp_path / "tv.pth", tmp_path / name, config=config)
        content = read_checkpoint(tmp_path / name)
        weights.append(content["state_dict"][f"{layer}.weight"])
    assert done.left_out == [f"{layer} of tail"]
    assert content["meta"]["dataset_meta"]["keypoint_id2name"] == {0: "tail", 1: "right_eye", 2: "nose"}
    assert torch.equal(weights[0][:, 1:], detector.state_dict()[f"{layer}.weight"][:, [2, 0]])
    assert torch.equal(*weights)  # what begins anew has the same seed
    model_of(config, tmp_path / "a.pth")


def test_points_that_have_no_names_in_common_are_left_out(tmp_path, detector_config):
    torch.save(_detector(points=9).state_dict(), tmp_path / "tv.pth")
    config = detector_config(["head", "tail"])
    done = convert_weights("torchvision", tmp_path / "tv.pth", tmp_path / "ours.pth", config=config)
    layer = "roi_heads.keypoint_predictor.kps_score_lowres"
    assert {f"{layer}.weight", f"{layer}.bias"} <= set(done.left_out)
    weights = read_checkpoint(tmp_path / "ours.pth")["state_dict"]
    assert not set(done.left_out) & set(weights)
    assert "backbone.body.conv1.weight" in weights


def test_a_detector_with_a_tensor_too_few_or_too_many_is_refused(tmp_path, detector, detector_config):
    source, out, weights = tmp_path / "tv.pth", tmp_path / "a.pth", detector.state_dict()
    for name in ("roi_heads.box_predictor.bbox_pred.bias", "rpn.head.bbox_pred.bias"):
        torch.save({k: v for k, v in weights.items() if k != name}, source)
        with pytest.raises(BadInputError, match=r"tv\.pth: weights of another.*" + re.escape(name)):
            convert_weights("torchvision", source, out, config=detector_config())
    torch.save({**weights, "rpn.more": torch.zeros(1)}, source)
    with pytest.raises(BadInputError, match=r"tv\.pth: weights of another.*rpn\.more is left over"):
        convert_weights("torchvision", source, out, config=detector_config())
    with pytest.raises(BadInputError, match=r"tv\.pth: weights of another"):
        convert_weights("torchvision", source, out)  # a ResNet-18 for torchvision's ResNet-50
