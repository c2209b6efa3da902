"""Direct regression: the head alone, inside MMPose, and its three recipes."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS, MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from kpplugins.apis.test import test as run_test
from kpplugins.apis.train import train
from kpplugins.config.load import load_config
from kpplugins.formats.kaggle_faces.reader import KAGGLE_SCHEMA
from kpplugins.inference.predictor import Predictor
from kpplugins.models.heads.direct_fc_head import DirectFCHead, positions_of
from kpplugins.structures import BadInputError

CODEC = dict(type="RegressionLabel", input_size=(96, 64))
RLE = dict(type="RLELoss")
TINY = {
    "max_epochs": 1,
    "input_size": (64, 64),
    "train_cfg.val_interval": 1,
    "train_dataloader.batch_size": 8,
    **{f"{part}_dataloader.num_workers": 0 for part in ("train", "val", "test")},
    **{f"{part}_dataloader.persistent_workers": False for part in ("train", "val", "test")},
}


def head_of(**kwargs) -> DirectFCHead:
    torch.manual_seed(0)
    return DirectFCHead(**{"in_channels": 8, "out_channels": 3, "decoder": CODEC, **kwargs}).eval()


def features(n: int = 2) -> tuple[Tensor]:
    return (torch.rand(n, 8, 2, 3, generator=torch.Generator().manual_seed(n)),)


def samples(n: int) -> list[PoseDataSample]:
    return [PoseDataSample(metainfo=dict(flip_indices=[1, 0, 2], input_size=(96, 64))) for _ in range(n)]


@pytest.mark.parametrize("pool", [True, False, "positions"])
@pytest.mark.parametrize("hidden", [(), (7,), (16, 12)])
@pytest.mark.parametrize(("loss", "d"), [(None, 2), (RLE, 4)])
def test_shapes(pool: bool | str, hidden: tuple, loss: dict | None, d: int):
    head = head_of(pool=pool, hidden_channels=hidden, loss=loss)
    assert head(features()).shape == (2, 3, d)
    widths = [{True: 8, False: 8 * 2 * 3, "positions": 2 * 8}[pool], *hidden, 3 * d]
    linear = [m for m in (*head.hidden, head.last) if isinstance(m, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in linear] == list(zip(widths, widths[1:], strict=False))


def test_positions_are_means_under_the_softmax():
    """A channel with one high cell is there; one without any is in the middle; two equal cells are between."""
    maps = torch.zeros(1, 3, 2, 4)  # centres of the columns: -3/4, -1/4, 1/4, 3/4; of the rows: -1/2, 1/2
    maps[0, 0, 1, 3], maps[0, 2, 0, 0], maps[0, 2, 0, 1] = 50, 50, 50
    found = positions_of(maps, torch.ones(3))
    assert torch.allclose(found, torch.tensor([[0.75, 0, -0.5, 0.5, 0, -0.5]]), atol=1e-5)
    halves = positions_of(torch.tensor([[[[math.log(3.0), 0.0]]]]), torch.tensor([1.0]))
    assert torch.allclose(halves, torch.tensor([[-0.25, 0.0]]))  # 3/4 of it at -1/2, 1/4 at 1/2


def test_positions_of_a_mirrored_image_are_mirrored():
    maps = torch.rand(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    plain, mirrored = (positions_of(m, torch.ones(5)).unflatten(1, (2, 5)) for m in (maps, maps.flip(3)))
    assert torch.allclose(mirrored, plain * torch.tensor([-1.0, 1.0])[:, None], atol=1e-6)


def test_dropout_is_after_each_hidden_layer_or_on_the_features():
    for hidden, places in (((16, 12), [2, 5]), ((), [0])):
        layers = head_of(hidden_channels=hidden, dropout=0.3).hidden
        assert [i for i, m in enumerate(layers) if isinstance(m, nn.Dropout) and m.p == 0.3] == places


def test_all_points_start_near_the_middle():
    outputs = head_of(loss=RLE)(features())
    assert outputs[..., :2].sub(0.5).abs().max() < 0.2
    assert outputs[..., 2:].abs().max() < 0.2


def test_flattened_features_need_no_size_where_the_codec_has_one():
    assert head_of(pool=False).in_featuremap_size == (3, 2)
    assert head_of(pool=False, decoder=None, in_featuremap_size=(3, 2)).last.in_features == 48


def test_mixed_precision_keeps_coordinates_in_float32():
    head = head_of(hidden_channels=(16,), loss=RLE)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = head(features())
        truth = samples(2)
        for sample in truth:
            sample.gt_instance_labels = InstanceData(
                keypoint_labels=torch.rand(1, 3, 2), keypoint_weights=torch.ones(1, 3)
            )
        value = head.loss(features(), truth)["loss_kpt"]
    assert outputs.dtype == value.dtype == torch.float32
    assert torch.allclose(outputs, head(features()), atol=1e-2)
    value.backward()
    assert all(torch.isfinite(p.grad).all() for p in head.parameters())


@torch.no_grad()
def test_predictions_are_in_input_pixels_with_scores_of_one():
    head = head_of()
    (prediction,) = head.predict(features(1), samples(1))
    assert prediction.keypoints[0] == pytest.approx(head(features(1))[0].numpy() * [96, 64])
    assert prediction.keypoint_scores.tolist() == [[1, 1, 1]]


@torch.no_grad()
def test_scores_of_rle_are_one_minus_the_mean_sigma():
    head = head_of(loss=RLE)
    (prediction,) = head.predict(features(1), samples(1))
    sigma = 1 / (1 + np.exp(-head(features(1))[..., 2:].numpy()))
    assert prediction.keypoint_scores == pytest.approx((1 - sigma).mean(-1))
    assert prediction.keypoints.shape == (1, 3, 2)


@torch.no_grad()
@pytest.mark.parametrize("loss", [None, RLE])
@pytest.mark.parametrize(("given", "shift"), [({}, True), ({"shift_coords": False}, False)])
def test_flip_test_averages_with_the_mirrored_and_exchanged_points(
    loss: dict | None, given: dict, shift: bool
):
    head, plain, mirrored = head_of(loss=loss), features(1), (features(2)[0][:1],)
    (prediction,) = head.predict([plain, mirrored], samples(1), {"flip_test": True, **given})
    one, other = (head(f)[0].double().numpy() for f in (plain, mirrored))
    back = other[[1, 0, 2]]
    back[:, 0] = 1 - back[:, 0] - (1 / 96 if shift else 0)
    assert prediction.keypoints[0] == pytest.approx((one + back)[:, :2] / 2 * [96, 64], abs=1e-4)
    if loss:
        sigma = (1 / (1 + np.exp(-one[:, 2:])) + 1 / (1 + np.exp(-back[:, 2:]))) / 2
        assert prediction.keypoint_scores[0] == pytest.approx(1 - sigma.mean(-1))


class Net(nn.Module):
    """ResNet-18 and the head: what ``mode='tensor'`` of the model gives."""

    def __init__(self, **kwargs) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone = MODELS.build(dict(type="ResNet", depth=18))
        self.head = DirectFCHead(512, 5, decoder=CODEC, **kwargs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))


NETS = pytest.mark.parametrize(
    "kwargs", [dict(loss=RLE), dict(pool=False, hidden_channels=(16,)), dict(pool="positions")]
)


@NETS
def test_onnx_runtime_gives_the_same(tmp_path: Path, kwargs: dict):
    onnxruntime = pytest.importorskip("onnxruntime", reason="extra 'export' is not installed")
    pytest.importorskip("onnxscript", reason="extra 'export' is not installed")
    net, images = Net(**kwargs).eval(), torch.randn(2, 3, 64, 96)
    expected = net(images).detach().numpy()
    path = tmp_path / "net.onnx"
    torch.onnx.export(net, (images,), dynamo=True, input_names=["input"], verbose=False).save(path)
    (actual,) = onnxruntime.InferenceSession(path).run(None, {"input": images.numpy()})
    assert np.abs(actual - expected).max() <= 1e-4


@NETS
def test_torch_compile_takes_it_as_one_graph(kwargs: dict):
    net, images = Net(**kwargs).eval(), torch.randn(2, 3, 64, 96)
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(images), net(images), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: head_of(out_channels=None), r"model\.head\.out_channels: .*found None.*load_config"),
        (lambda: head_of(loss=RLE, outputs_per_point=2), r"RLELoss needs .*4·K = 12 outputs; found 2·K = 6"),
        (lambda: head_of(outputs_per_point=4), "untrained; expected 2·K = 6 outputs; found 4·K = 12"),
        (
            lambda: head_of(decoder=dict(CODEC, input_size=(100, 96))),
            r"codec\.input_size: .*multiples of 32.*found 100×96.*\(128, 96\)",
        ),
        (lambda: head_of(pool=False, in_featuremap_size=(2, 3)), "expected 3×2: 96×64 .* 32; found 2×3"),
        (
            lambda: head_of(pool="max"),
            r"model\.head\.pool: .*expected True, False or 'positions'; found 'max'",
        ),
        (lambda: head_of(pool=False, decoder=None), "flattened features of unknown size"),
        (
            lambda: head_of(pool=False)((torch.zeros(1, 8, 3, 3),)),
            r"stride or in_featuremap_size: .*expected 8×3×2 \(C×W×H\); found 8×3×3",
        ),
        (lambda: head_of(in_channels=4)(features()), r"expected 4×any size \(C×W×H\); found 8×3×2"),
    ],
)
def test_what_cannot_be_is_refused_with_both_numbers(make, words: str):
    with pytest.raises(BadInputError, match=words):
        make()


RECIPES = ("facial_vgg16_fc", "facial_resnet50_fc", "facial_resnet18_fc")


def recipe(root: Path, name: str, **kwargs) -> Config:
    return load_config(root / f"configs/{name}.py", schema=KAGGLE_SCHEMA, **kwargs)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_builds_at_its_size_and_at_another(root: Path, name: str):
    for size in ((96, 96), (64, 128)):
        cfg = recipe(root, name, cfg_options={"input_size": size})
        model: nn.Module = MODELS.build(cfg.model).eval()
        with torch.no_grad():
            assert model(torch.zeros(1, 3, *size[::-1]), None, mode="tensor").shape == (1, 15, 4)
    assert [
        s.get("use_udp", False) for s in cfg.val_dataloader.dataset.pipeline if s.type == "TopdownAffine"
    ] == [False]


@pytest.mark.parametrize("name", RECIPES)
def test_plain_regression_is_one_line(root: Path, tmp_path: Path, name: str):
    child = tmp_path / "child.py"
    text = (root / f"configs/{name}.py").read_text().replace('"_base_/', f'"{root}/configs/_base_/')
    plain = next(line[2:] for line in text.splitlines() if line.startswith("# loss = "))
    child.write_text("\n".join(plain if t.startswith("loss = ") else t for t in text.splitlines()))
    assert MODELS.build(load_config(child, schema=KAGGLE_SCHEMA).model).head.outputs_per_point == 2


@torch.no_grad()
def test_a_network_that_gives_the_labels_finds_the_annotation(root: Path, kaggle_folder: Path, monkeypatch):
    """Nothing on the way there and back divides twice or is half a pixel off, with and without the flip test."""
    init_default_scope("mmpose")
    plain = {"model.head.loss": {"_delete_": True, "type": "L1Loss"}}
    cfg = recipe(root, "facial_resnet18_fc", data=kaggle_folder, cfg_options=plain)
    data = cfg.test_dataloader.dataset
    keep = data.pipeline.pop()
    data.pipeline += [dict(type="GenerateTarget", encoder=cfg.codec), keep]
    dataset = DATASETS.build(data)
    batch = pseudo_collate([dataset[i] for i in range(2)])
    labels = torch.cat([s.gt_instance_labels.keypoint_labels for s in batch["data_samples"]])
    mirrored = labels[:, KAGGLE_SCHEMA.flip_indices]
    mirrored[..., 0] = (95 - 96 * mirrored[..., 0]) / 96  # pixel i of the mirrored input is pixel 95 - i
    model = MODELS.build(cfg.model).eval()
    for flip_test, given in ((False, [labels]), (True, [labels, mirrored])):
        answers = iter(given)
        monkeypatch.setattr(model.head, "forward", lambda feats, answers=answers: next(answers).clone())
        model.test_cfg["flip_test"] = flip_test
        for i, result in enumerate(model.test_step(batch)):
            expected = dataset.get_data_info(i)["keypoints"]
            assert result.pred_instances.keypoints == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model.head.out_channels": 9}, r"found 9 \(DirectFCHead\) and 15"),
        ({"input_size": (100, 100)}, "multiples of 32.*found 100×100"),
        (
            {"model.head.loss": {"_delete_": True, **RLE}, "model.head.outputs_per_point": 2},
            "4·K = 60 outputs; found 2·K = 30",
        ),
    ],
)
def test_bad_configs_stop_before_training(
    root: Path, kaggle_folder: Path, tmp_path: Path, options: dict, words: str
):
    with pytest.raises(BadInputError, match=words):
        train(
            root / "configs/facial_resnet18_fc.py",
            data=kaggle_folder,
            work_dir=tmp_path / "run",
            cfg_options={**TINY, **options},
        )
    assert not list(tmp_path.rglob("*.pth"))


@pytest.mark.parametrize(("loss", "amp"), [(dict(type="WingLoss"), False), (RLE, True)])
def test_two_iterations_a_test_and_a_prediction(
    root: Path, kaggle_folder: Path, tmp_path: Path, loss: dict, amp: bool
):
    options = {**TINY, "model.head.loss": {"_delete_": True, **loss}, "amp": amp}
    config, work_dir = root / "configs/facial_resnet18_fc.py", tmp_path / "run"
    train(config, data=kaggle_folder, work_dir=work_dir, cfg_options=options)
    numbers, out, _ = run_test(config, data=kaggle_folder, work_dir=work_dir, cfg_options=options)
    assert 0 < numbers["RMSE"] < 96
    assert json.loads((out / "metrics.json").read_text())["instances"] == 2
    best = next(work_dir.glob("best_RMSE*.pth"))
    result = Predictor(work_dir / config.name, best, device="cpu")(np.full((80, 120, 3), 127, np.uint8))
    assert result.keypoints.shape == (1, 15, 2) and np.isfinite(result.keypoints).all()
    assert ((result.scores > 0) & (result.scores < 1) if loss == RLE else result.scores == 1).all()
