"""Weights of Keypoint R-CNN from files that the tests write: all of them, rows by name, or an error."""

import copy
import logging
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torchvision.models import get_model
from torchvision.models.detection import KeypointRCNN_ResNet50_FPN_Weights, keypointrcnn_resnet50_fpn
from torchvision.ops import FrozenBatchNorm2d

import kpplugins.register  # noqa: F401
from kpplugins.models.detectors.keypoint_rcnn import KeypointRCNN
from kpplugins.models.detectors.keypoint_rcnn_weights import (
    BOXES,
    COCO_KEYPOINTS,
    POINTS,
    SCORES,
    address_of,
    norm_eps_of,
    read_weights,
    transfer,
)
from kpplugins.structures import BadInputError

TINY = dict(backbone="mobilenet_v3_small", min_size=64, max_size=96, keypoint_layers=(16,))
NAME = "keypointrcnn_resnet50_fpn_coco-fc266e95.pth"


@pytest.fixture(scope="module")
def coco() -> KeypointRCNN:
    """A small network of COCO's points and class."""
    torch.manual_seed(1)
    return KeypointRCNN(17, 1, **TINY)


@pytest.fixture(scope="module")
def bare() -> dict:
    """torchvision's own network, with the counters of its batch norms."""
    torch.manual_seed(0)
    return keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict()


@pytest.fixture(scope="module")
def published(bare: dict, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """A file like the published one: frozen norms, older names of the FPN and the RPN, under the same name."""
    weights = {key: value for key, value in bare.items() if "batches" not in key}
    older = OrderedDict()
    for key, value in weights.items():
        for block in range(4):
            key = key.replace(f"_blocks.{block}.0", f"_blocks.{block}")
        older[key.replace("head.conv.0.0", "head.conv")] = value
    assert len(older.keys() - weights.keys()) == 18  # 4 inner and 4 layer blocks and a convolution
    path = tmp_path_factory.mktemp("published") / NAME
    torch.save(older, path)
    return path, weights


def model_of(points: list[str] | None, classes: list[str] | None, k: int = 17, c: int = 1) -> KeypointRCNN:
    torch.manual_seed(2)
    return KeypointRCNN(k, c, keypoint_names=points, class_names=classes, **TINY)


def load(model: KeypointRCNN, source: KeypointRCNN):
    return transfer(model, source.state_dict(), "a file", model.keypoint_names, model.class_names)


def test_coco_is_torchvisions_published_file():
    assert address_of("coco") == KeypointRCNN_ResNet50_FPN_Weights.COCO_V1.url
    assert address_of("coco").endswith(NAME) and address_of("a.pth") == "a.pth"
    # as torchvision's own builder sets it
    assert norm_eps_of(address_of("coco")) == norm_eps_of(f"/some/{NAME}") == 0.0
    assert norm_eps_of("a.pth") == norm_eps_of(None) == 1e-5


def test_the_published_file_loads_as_it_is(
    published: tuple[Path, dict], bare: dict, caplog: pytest.LogCaptureFixture
):
    path, weights = published
    model = KeypointRCNN(17, 1, weights=str(path), keypoint_names=COCO_KEYPOINTS, class_names=["person"])
    with caplog.at_level(logging.INFO):
        model.init_weights()
    own = model.state_dict()
    assert own.keys() == weights.keys()
    assert all(torch.equal(own[key], value) for key, value in weights.items())
    assert f"weights of {path}: {len(own)} tensors kept as they are." in caplog.text
    norms = [m for m in model.modules() if isinstance(m, FrozenBatchNorm2d)]
    assert len(norms) == 53 and {m.eps for m in norms} == {0.0}
    frozen = {name.split(".")[2] for name, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {"conv1", "layer1"}  # three trainable layers, as torchvision fine-tunes
    again = transfer(model, bare, "a file", None, None)
    assert again.left_over == ["53 counters of batches"] and not again.anew


def test_torchvisions_own_state_dict_loads_fully(bare: dict, tmp_path: Path):
    torch.save(bare, tmp_path / "own.pth")
    model = KeypointRCNN(17, 1)
    done = model.load_weights(tmp_path / "own.pth")
    assert len(done.kept) == len(bare) == len(model.state_dict())
    assert not done.anew and not done.left_over and not done.by_name
    assert all(torch.equal(value, bare[key]) for key, value in model.state_dict().items())


def test_points_are_kept_by_name_in_any_order(coco: KeypointRCNN):
    model = model_of(["Left Eye", "tail", "nose"], ["person"], k=3)
    before, source = copy.deepcopy(model.state_dict()), coco.state_dict()
    done = load(model, coco)
    own = model.state_dict()
    for kind, axis in (("weight", 1), ("bias", 0)):
        rows, theirs, fresh = (d[f"{POINTS}.{kind}"] for d in (own, source, before))
        assert torch.equal(rows.select(axis, 0), theirs.select(axis, 1))  # COCO: nose, left_eye, …
        assert torch.equal(rows.select(axis, 1), fresh.select(axis, 1))
        assert torch.equal(rows.select(axis, 2), theirs.select(axis, 0))
    for layer in (SCORES, BOXES):
        assert torch.equal(own[f"{layer}.weight"], source[f"{layer}.weight"])
    assert done.by_name == {POINTS: ["Left Eye", "nose"]}
    assert done.anew == [f"{POINTS} of tail"]
    assert done.left_over == [f"point {name}" for name in COCO_KEYPOINTS[2:]]
    assert len(done.kept) == len(own) - 2
    text = str(done)
    assert text.startswith(
        f"weights of a file: {len(own) - 2} tensors kept as they are; rows of {POINTS} kept for"
    )
    assert (
        "kept for Left Eye, nose; made anew:" in text and "left over in the file: point right_eye, " in text
    )
    assert "\n" not in text


def test_seventeen_other_points_are_not_cocos(coco: KeypointRCNN):
    names = [*COCO_KEYPOINTS[:16], "tail"]
    done = load(model_of(names, ["person"]), coco)
    assert done.by_name == {POINTS: names[:16]} and done.left_over == ["point right_ankle"]


def test_the_class_of_a_person_keeps_its_rows(coco: KeypointRCNN):
    model = model_of(None, ["dog", "person"], c=2)
    before, source = copy.deepcopy(model.state_dict()), coco.state_dict()
    done = load(model, coco)
    own = model.state_dict()
    for layer, n in ((SCORES, 1), (BOXES, 4)):
        for kind in ("weight", "bias"):
            rows, theirs, fresh = (d[f"{layer}.{kind}"] for d in (own, source, before))
            assert torch.equal(rows[:n], theirs[:n])  # background
            assert torch.equal(rows[n : 2 * n], fresh[n : 2 * n])
            assert torch.equal(rows[2 * n :], theirs[n:])
    assert done.by_name == {SCORES: ["background", "person"], BOXES: ["background", "person"]}
    assert done.anew == [f"{SCORES} of dog", f"{BOXES} of dog"] and not done.left_over


def test_nothing_in_common_begins_the_last_layers_anew(coco: KeypointRCNN):
    model = model_of(["head", "tail"], ["glue_tube"], k=2)
    before = copy.deepcopy(model.state_dict())
    done = load(model, coco)
    layers = [f"{layer}.{kind}" for layer in (POINTS, SCORES, BOXES) for kind in ("weight", "bias")]
    assert done.anew == layers and not done.by_name
    assert f"made anew: {POINTS}, {SCORES}, {BOXES}; left" in str(done)
    assert done.left_over == [f"point {name}" for name in COCO_KEYPOINTS] + ["class person"]
    for name, value in model.state_dict().items():
        source = before if name in layers else coco.state_dict()
        assert torch.equal(value, source[name]), name
    assert len(done.kept) == len(before) - len(layers)


def test_without_names_only_the_numbers_count(coco: KeypointRCNN):
    assert not load(model_of(None, None), coco).anew
    assert load(model_of(None, None, k=5), coco).anew == [f"{POINTS}.weight", f"{POINTS}.bias"]
    file = model_of(None, None, k=5)
    assert not load(model_of(["a", "b", "c", "d", "e"], None, k=5), file).anew  # the file names nothing


def test_a_checkpoint_of_training_brings_its_names(tmp_path: Path):
    source = model_of(None, None, k=2, c=2)
    meta = {"dataset_meta": {"keypoint_id2name": {0: "head", 1: "tail"}, "classes": ["tube", "cap"]}}
    weights = {f"module.{key}": value for key, value in source.state_dict().items()}
    torch.save({"meta": meta, "state_dict": weights}, tmp_path / "epoch_1.pth")
    model = model_of(["tail", "middle"], ["cap"], k=2)
    done = model.load_weights(tmp_path / "epoch_1.pth")
    assert done.by_name == {POINTS: ["tail"], SCORES: ["background", "cap"], BOXES: ["background", "cap"]}
    assert done.left_over == ["point head", "class tube"]
    assert torch.equal(model.state_dict()[f"{POINTS}.bias"][0], weights[f"module.{POINTS}.bias"][1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("rpn.head.cls_logits.bias"), "rpn.head.cls_logits.bias is missing"),
        (
            lambda w: w.update({"roi_heads.mask_head.weight": torch.zeros(2)}),
            "roi_heads.mask_head.weight is left over",
        ),
        (
            lambda w: w.update({"rpn.head.cls_logits.bias": torch.zeros(9)}),
            "size mismatch for rpn.head.cls_logits.bias",
        ),
        (lambda w: w.pop(f"{POINTS}.bias"), f"no Keypoint R-CNN in it.*{POINTS}.bias is missing"),
        (lambda w: w.update({f"{POINTS}.weight": torch.zeros(8, 17, 4, 4)}), f"{POINTS}.weight"),
        (lambda w: w.pop(f"{BOXES}.weight"), f"{BOXES}.weight is missing"),
    ],
    ids=["missing", "left over", "shape", "no points", "shape of points", "no boxes"],
)
@pytest.mark.parametrize("points", [17, 2])
def test_what_fits_nowhere_is_an_error_that_names_it(coco: KeypointRCNN, change, message: str, points: int):
    weights = dict(coco.state_dict())
    change(weights)
    model = model_of(None, None, k=points, c=3 if points == 2 else 1)
    with pytest.raises(BadInputError, match=message):
        transfer(model, weights, "a file", None, None)


def test_weights_of_another_backbone_are_refused(coco: KeypointRCNN, tmp_path: Path):
    torch.save(coco.state_dict(), tmp_path / "small.pth")
    model = KeypointRCNN(17, 1, **{**TINY, "backbone": "resnet18"}, weights=str(tmp_path / "small.pth"))
    with pytest.raises(
        BadInputError, match=r"small.pth: weights of another .*found size mismatch for backbone"
    ):
        model.init_weights()


def test_weights_that_cannot_be_had_stop_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(
        BadInputError, match="no such weights.*coco, imagenet, a file or an address.*none.pth"
    ):
        read_weights(tmp_path / "none.pth")

    def unreachable(*_args, **_kwargs):
        raise OSError("Name or service not known")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    with pytest.raises(BadInputError, match=f"{NAME}: weights cannot be downloaded.*fetch them by hand to"):
        read_weights(address_of("coco"))


def test_a_fetched_file_is_read_from_the_hubs_folder(
    published: tuple[Path, dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / NAME).symlink_to(published[0])
    assert len(read_weights(address_of("coco"))) == len(published[1])


def test_mmengines_way_of_naming_weights_is_the_same(published: tuple[Path, dict]):
    init = dict(type="Pretrained", checkpoint=str(published[0]))
    model = KeypointRCNN(2, 1, keypoint_names=["nose", "tail"], init_cfg=init)
    assert model.weights == str(published[0]) and not model.init_cfg
    model.init_weights()
    own = model.state_dict()[f"{POINTS}.bias"]
    assert torch.equal(own[0], published[1][f"{POINTS}.bias"][0])


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet_v3_small"])
def test_a_classifiers_file_gives_the_backbone(backbone: str, tmp_path: Path):
    torch.manual_seed(3)
    classifier = get_model(backbone, weights=None).state_dict()
    torch.save(classifier, tmp_path / "imagenet.pth")
    model = KeypointRCNN(2, 1, **{**TINY, "backbone": backbone}, weights=str(tmp_path / "imagenet.pth"))
    before = copy.deepcopy(model.state_dict())
    done = model.load_weights(model.weights)
    for name, value in model.state_dict().items():
        body = name.startswith("backbone.body.")
        theirs = name[14:] if backbone == "resnet18" else f"features.{name[14:]}"
        assert torch.equal(value, classifier[theirs] if body else before[name]), name
        assert (name in done.kept) is body and (name in done.anew) is not body
    last = "fc" if backbone == "resnet18" else "classifier"
    assert {name.split(".")[0] for name in done.left_over if "." in name} == {last}
    assert address_of("imagenet", backbone).startswith("https://download.pytorch.org/models/" + backbone)
