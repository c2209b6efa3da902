"""Weights from elsewhere: the outputs stay the same; a file that is not what it should be is one line."""

import hashlib
import logging
import re
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from kpplugins.apis.convert_weights import convert_weights
from kpplugins.commands.convert_weights import main
from kpplugins.config.load import load_config
from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import read_checkpoint

DEPTH, DIMS, BLOCKS, WIDTH = 2, (256, 24, 32), (1, 2, 3), 40
"""A narrow hourglass: halvings, channels and blocks of each level, channels behind it."""
BRANCHES = {"hm": 1, "wh": 2, "hps": 34, "reg": 2, "hm_hp": 17, "hp_offset": 2}


class _Convolution(nn.Module):
    """Convolution, perhaps normalisation, ReLU, as the authors' files name them."""

    def __init__(self, cin: int, cout: int, size: int, stride: int = 1, norm: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, size, stride, size // 2, bias=not norm)
        self.bn = nn.BatchNorm2d(cout) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x)).relu()


class _Residual(nn.Module):
    def __init__(self, cin: int, cout: int, stride: int = 1):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)
        self.conv2, self.bn2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout)
        self.skip = _projection(cin, cout, stride) if stride > 1 or cin != cout else nn.Sequential()

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (inner + self.skip(x)).relu()


class _Hourglass(nn.Module):
    """One level: a branch at this size, and one at half of it that holds the next level."""

    def __init__(self, depth: int, dims: tuple[int, ...], blocks: tuple[int, ...]):
        super().__init__()
        here, below = dims[:2]
        self.up1 = nn.Sequential(*(_Residual(here, here) for _ in range(blocks[0])))
        self.low1 = nn.Sequential(
            _Residual(here, below, 2), *(_Residual(below, below) for _ in range(blocks[0] - 1))
        )
        self.low2 = (
            _Hourglass(depth - 1, dims[1:], blocks[1:])
            if depth > 1
            else nn.Sequential(*(_Residual(below, below) for _ in range(blocks[1])))
        )
        self.low3 = nn.Sequential(
            *(_Residual(below, below) for _ in range(blocks[0] - 1)), _Residual(below, here)
        )

    def forward(self, x: Tensor) -> Tensor:
        low = self.low3(self.low2(self.low1(x)))
        return self.up1(x) + low.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)


class _Reference(nn.Module):
    """CenterNet's two stacked hourglasses with six branches, as the papers say, with the names of the authors' files.

    Newell et al., "Stacked Hourglass Networks", 2016; Law and Deng, "CornerNet", 2018 (the 104 layers); Zhou et al.,
    "Objects as Points", 2019 (the branches).
    """

    def __init__(self, depth: int = DEPTH, dims=DIMS, blocks=BLOCKS, width: int = WIDTH, branches=BRANCHES):
        super().__init__()
        self.pre = nn.Sequential(_Convolution(3, 128, 7, 2), _Residual(128, 256, 2))
        self.kps = nn.ModuleList(_Hourglass(depth, dims, blocks) for _ in range(2))
        self.cnvs = nn.ModuleList(_Convolution(dims[0], width, 3) for _ in range(2))
        self.inters = nn.ModuleList([_Residual(dims[0], dims[0])])
        self.inters_ = nn.ModuleList([_projection(dims[0], dims[0])])
        self.cnvs_ = nn.ModuleList([_projection(width, dims[0])])
        self.branches = list(branches)
        for name, channels in branches.items():
            branch = [
                nn.Sequential(_Convolution(width, dims[0], 3, norm=False), nn.Conv2d(dims[0], channels, 1))
                for _ in range(2)
            ]
            self.add_module(name, nn.ModuleList(branch))

    def forward(self, x: Tensor) -> list[dict[str, Tensor]]:
        x, outputs = self.pre(x), []
        for stack in range(2):
            features = self.cnvs[stack](self.kps[stack](x))
            outputs.append({name: getattr(self, name)[stack](features) for name in self.branches})
            if stack == 0:
                x = self.inters[0]((self.inters_[0](x) + self.cnvs_[0](features)).relu())
        return outputs


def _projection(cin: int, cout: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))


def _seeded(net: nn.Module, seed: int = 0) -> nn.Module:
    """Random weights, statistics of batches among them, for which all layers matter."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
            module.weight.data.uniform_(0.2, 0.6, generator=generator)
            module.bias.data.normal_(0, 0.1, generator=generator)
        elif isinstance(module, nn.Conv2d):
            std = (2 / module.weight[0].numel()) ** 0.5
            module.weight.data.normal_(0, std, generator=generator)
            if module.bias is not None:
                module.bias.data.normal_(0, 0.1, generator=generator)
    return net.eval()


CONFIG = """
model = dict(
    type="BottomupPoseEstimator",
    backbone=dict(
        type="HourglassNet", downsample_times={depth}, stage_channels={dims}, stage_blocks={blocks},
        feat_channel={width},
    ),
    head=dict(
        type="CenterNetPoseHead", in_channels={width}, feat_channels={dims[0]}, num_stacks=2, out_channels={points},
        num_classes={classes},
    ),
)
"""


@pytest.fixture
def config(tmp_path: Path):
    """Writes a config of the narrow hourglass."""

    def write(points: int = 17, classes: int = 1) -> Path:
        path = tmp_path / f"narrow_{points}_{classes}.py"
        sizes = dict(depth=DEPTH, blocks=BLOCKS, dims=DIMS, width=WIDTH)
        path.write_text(CONFIG.format(points=points, classes=classes, **sizes))
        return path

    return write


@pytest.fixture(scope="module")
def narrow() -> nn.Module:
    return _seeded(_Reference())


@pytest.fixture
def authors(tmp_path: Path, narrow: nn.Module):
    """Writes what the authors' training would have written of the narrow hourglass, some of it changed."""

    def write(prefix: str = "module.", old: bool = True, **changes: Tensor | None) -> Path:
        weights = {k: v for k, v in (narrow.state_dict() | changes).items() if v is not None}
        content = {
            "epoch": 50,
            "state_dict": OrderedDict((prefix + k, v) for k, v in weights.items()),
            "optimizer": {"state": {}, "param_groups": []},
        }
        torch.save(content, tmp_path / "multi_pose.pth", _use_new_zipfile_serialization=not old)
        return tmp_path / "multi_pose.pth"

    return write


@pytest.mark.parametrize("prefix", ["module.", ""])
@pytest.mark.parametrize("old", [True, False], ids=["torch 0.4's file", "today's file"])
def test_the_outputs_are_those_of_the_authors_network(
    model_of, tmp_path, config, authors, narrow, prefix: str, old: bool
):
    out = tmp_path / "ours" / "hg.pth"
    done = convert_weights("centernet", authors(prefix, old=old), out, config=config())
    x = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        model = model_of(config(), out)
        expected, found = narrow(x), model.head.forward(model.backbone(x))
    assert not done.left_out
    assert len(expected) == len(found) == 2
    for theirs, ours in zip(expected, found, strict=True):
        assert set(ours) == set(BRANCHES)
        for name, channels in BRANCHES.items():
            assert ours[name].shape == (1, channels, 16, 24)
            assert theirs[name].std() > 0.01
            torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=1e-4)


def test_a_bare_dict_of_tensors_without_counters_is_read_too(model_of, tmp_path, config, narrow):
    weights = {k: v for k, v in narrow.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(weights, tmp_path / "bare.pth")
    done = convert_weights("centernet", tmp_path / "bare.pth", tmp_path / "hg.pth", config=config())
    assert done.tensors == len(weights)
    assert done.parameters == sum(v.numel() for v in weights.values())
    model_of(config(), tmp_path / "hg.pth")


def test_the_checkpoint_says_where_it_is_from(tmp_path, config, authors):
    source = authors()
    convert_weights("centernet", source, tmp_path / "hg.pth", config=config())
    meta = read_checkpoint(tmp_path / "hg.pth")["meta"]
    assert meta["source"] == "multi_pose.pth"
    assert meta["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert "centernet" in meta["converter"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hg.pth", "multi_pose.pth", config().name]


def test_another_number_of_points_keeps_the_rest_and_says_what_it_drops(tmp_path, config, authors, caplog):
    from kpplugins.weights.pretrained import keep_fitting

    other = config(points=9, classes=3)
    with caplog.at_level(logging.WARNING):
        done = convert_weights("centernet", authors(), tmp_path / "hg.pth", config=other)
    names = {
        f"head.branches.{stack}.{branch}.2.{kind}"
        for stack in (0, 1)
        for branch in ("hm", "hps", "hm_hp")
        for kind in ("weight", "bias")
    }
    assert sorted(words.split()[0] for words in done.left_out) == sorted(names)
    assert "head.branches.0.hps.2.bias (34,) for (18,)" in done.left_out
    assert "head.branches.0.hm.2.weight (1, 256, 1, 1) for (3, 256, 1, 1)" in caplog.text
    weights, model = (
        read_checkpoint(tmp_path / "hg.pth")["state_dict"],
        MODELS.build(load_config(other).model),
    )
    assert set(weights) == set(model.state_dict()) - names
    assert len(keep_fitting(model, {"state_dict": weights}, "hg.pth")["state_dict"]) == done.tensors


@pytest.mark.parametrize(("scale", "to_rgb"), [(255, False), (255, True), (1, False)])
def test_a_config_whose_images_are_not_the_authors_is_told(
    tmp_path, config, authors, caplog, scale: int, to_rgb: bool
):
    """They keep OpenCV's order of colours, and state means and deviations of values 0..1."""
    mean = [scale * value for value in (0.40789654, 0.44719302, 0.47026115)]
    std = [scale * value for value in (0.28863828, 0.27408164, 0.27809835)]
    path = config()
    given = f'dict(type="PoseDataPreprocessor", mean={mean}, std={std}, bgr_to_rgb={to_rgb})'
    path.write_text(
        path.read_text().replace("model = dict(", f"model = dict(\n    data_preprocessor={given},")
    )
    with caplog.at_level(logging.WARNING):
        convert_weights("centernet", authors(), tmp_path / "hg.pth", config=path)
    told = "model.data_preprocessor should have mean=[104.0136" in caplog.text
    assert told == (scale == 1 or to_rgb)


def test_without_a_config_the_published_model_is_meant(root):
    """The one of ``coco_centernet_hg104``, with its 1,008 tensors; nothing is allocated."""
    from mmengine.registry import init_default_scope
    from mmpose.datasets.datasets.body import CocoDataset
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    from kpplugins.schema import KeypointSchema
    from kpplugins.weights.centernet import converted, published_model

    schema = KeypointSchema.from_metainfo(parse_pose_metainfo(dict(CocoDataset.METAINFO)))
    init_default_scope("mmpose")
    with torch.device("meta"):
        net = _Reference(5, (256, 256, 384, 384, 384, 512), (2, 2, 2, 2, 2, 4), 256)
        weights = net.state_dict()
        published = MODELS.build(published_model(weights)).state_dict()
        cfg = load_config(root / "configs/coco_centernet_hg104.py", schema=schema)
        ours = MODELS.build(cfg.model).state_dict()
    state, left_out, _ = converted(weights, None, Path("hg.pth"))
    shapes = [{name: tensor.shape for name, tensor in some.items()} for some in (state, published, ours)]
    assert len(weights) == 1008
    assert shapes[0] == shapes[1] == shapes[2]
    assert not left_out


def test_what_is_missing_or_left_over_is_named_and_counted(tmp_path, config, authors):
    extra = {f"tl_cnvs.{i}.weight": torch.zeros(2) for i in range(5)}
    gone = {"hps.1.1.bias": None, "kps.0.low2.up1.0.conv1.weight": None}
    with pytest.raises(BadInputError) as caught:
        convert_weights("centernet", authors(**extra, **gone), tmp_path / "hg.pth", config=config())
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'multi_pose.pth'}: weights of another network")
    assert "2 missing (kps.0.low2.up1.0.conv1.weight, hps.1.1.bias)" in message
    assert "5 left over (tl_cnvs.0.weight, tl_cnvs.1.weight, tl_cnvs.2.weight, …)" in message
    assert not (tmp_path / "hg.pth").exists()


@pytest.mark.parametrize("kind", ["centernet", "torchvision"])
def test_weights_of_another_network_are_refused(tmp_path, kind: str):
    dla = {
        "module.base.base_layer.0.weight": torch.zeros(16, 3, 7, 7),
        "module.hm.0.weight": torch.zeros(256, 64, 3, 3),
    }
    torch.save({"epoch": 1, "state_dict": dla}, tmp_path / "multi_pose_dla.pth")
    with pytest.raises(
        BadInputError, match=r"multi_pose_dla\.pth: weights of another network.*base\.base_layer"
    ):
        convert_weights(kind, tmp_path / "multi_pose_dla.pth", tmp_path / "hg.pth")


def test_a_backbone_of_another_shape_is_refused(tmp_path, config, authors):
    wide = {"cnvs.1.conv.weight": torch.zeros(48, 256, 3, 3)}
    wanted = r"1 of \d+ \(backbone\.out_convs\.1\.conv\.weight \(48, 256, 3, 3\) for \(40, 256, 3, 3\)\)"
    with pytest.raises(BadInputError, match="another shape.*" + wanted):
        convert_weights("centernet", authors(**wide), tmp_path / "hg.pth", config=config())
    with pytest.raises(BadInputError, match=r"540 missing \(kps\.0\.up1\.1\.conv1\.weight"):
        convert_weights("centernet", authors(), tmp_path / "hg.pth")  # of the full size


def test_a_config_of_another_model_is_refused(tmp_path, authors):
    config = tmp_path / "resnet.py"
    config.write_text(
        'model = dict(type="TopdownPoseEstimator", backbone=dict(type="ResNet", depth=18), '
        'head=dict(type="HeatmapHead", in_channels=512, out_channels=17))'
    )
    with pytest.raises(BadInputError, match=r"config's model is not CenterNet.*backbone\.conv1\.weight"):
        convert_weights("centernet", authors(), tmp_path / "hg.pth", config=config)


@pytest.mark.parametrize("old", [True, False], ids=["torch 0.4's file", "today's file"])
@pytest.mark.parametrize("kept", [0.0, 0.0001, 0.3, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_named(tmp_path, authors, old: bool, kept: float):
    source = authors(old=old)
    content = source.read_bytes()
    source.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(BadInputError, match=r"multi_pose\.pth: not a whole checkpoint"):
        convert_weights("centernet", source, tmp_path / "hg.pth")
    assert not (tmp_path / "hg.pth").exists()


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0 an image", b"]a.", b"R", b"<html>not found</html>"])
def test_a_file_of_another_kind_is_named(tmp_path, content: bytes):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(BadInputError, match=r"a\.pth: not a whole checkpoint") as caught:
        convert_weights("torchvision", tmp_path / "a.pth", tmp_path / "b.pth")
    assert "\n" not in str(caught.value)


class _Bomb:
    def __reduce__(self):
        return print, ("run",)


def test_sources_that_cannot_be_read(tmp_path):
    torch.save({"state_dict": {}, "x": _Bomb()}, tmp_path / "bomb.pth")
    torch.save({"epoch": 3, "state_dict": {"a": 1}}, tmp_path / "empty.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    cases = {
        "none.pth": "no such checkpoint", "bomb.pth": "wants to run.*--trust-checkpoint",
        "empty.pth": "contains no weights", "list.pth": "not a checkpoint of a model",
    }  # fmt: skip
    for name, words in cases.items():
        with pytest.raises(BadInputError, match=re.escape(name) + ".*" + words):
            convert_weights("centernet", tmp_path / name, tmp_path / "hg.pth")
    with pytest.raises(BadInputError, match="contains no weights"):
        convert_weights("centernet", tmp_path / "bomb.pth", tmp_path / "hg.pth", trust_checkpoint=True)
    with pytest.raises(
        BadInputError, match="unknown kind of weights 'openpose'; expected centernet or torchvision"
    ):
        convert_weights("openpose", tmp_path / "list.pth", tmp_path / "hg.pth")


def test_nothing_is_overwritten_unasked(model_of, tmp_path, config, authors):
    source, out = authors(), tmp_path / "hg.pth"
    out.write_bytes(b"mine")
    with pytest.raises(BadInputError, match=r"hg\.pth: exists already; to do: .*--overwrite"):
        convert_weights("centernet", source, out, config=config())
    assert out.read_bytes() == b"mine"
    convert_weights("centernet", source, out, config=config(), overwrite=True)
    model_of(config(), out)
    with pytest.raises(BadInputError, match="is the source itself"):
        convert_weights("centernet", source, source, config=config(), overwrite=True)
    with pytest.raises(BadInputError, match="is a folder"):
        convert_weights("centernet", source, tmp_path, config=config(), overwrite=True)


def test_the_command_says_what_it_did_or_could_not_do(
    tmp_path, config, authors, capsys: pytest.CaptureFixture
):
    command = ["centernet", str(authors()), str(tmp_path / "hg.pth"), "--config", str(config(points=9))]
    assert main(command) == 0
    assert "starts from scratch: head.branches.1.hm_hp.2.bias (17,) for (9,)" in capsys.readouterr().out
    assert main(command) == 2
    assert re.fullmatch(r"error: \S+hg\.pth: exists already; to do: .*\n", capsys.readouterr().err)
