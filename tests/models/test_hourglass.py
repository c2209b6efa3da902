"""Gated and vanilla stacked hourglass: shapes, gradients, and every way they are to run."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import kpplugins.register  # noqa: F401
from kpplugins.models import GatedHourglassHead, HourglassStem
from kpplugins.models.blocks.bottleneck_block import BottleneckBlock
from kpplugins.models.blocks.gated_block import GatedBlock


class Net(nn.Module):
    """Stem and head: images to the last heatmaps."""

    def __init__(self, channels: int = 32, num_stacks: int = 2, depth: int = 2, gated: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone = HourglassStem(channels, gated)
        self.head = GatedHourglassHead(channels, 5, num_stacks, depth, gated)
        self.backbone.init_weights()
        self.head.init_weights()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))[-1]


IMAGES = torch.linspace(-2, 2, 2 * 3 * 64 * 48).sin().reshape(2, 3, 64, 48)


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("num_stacks", [1, 2, 4, 8])
def test_one_heatmap_tensor_a_stack(gated: bool, num_stacks: int):
    net = Net(16, num_stacks, gated=gated)
    outputs = net.head(net.backbone(IMAGES))
    assert [tuple(o.shape) for o in outputs] == [(2, 5, 16, 12)] * num_stacks


def test_gated_block_is_alpha_x_plus_the_three_outputs_side_by_side():
    block = GatedBlock(16, 16, gate_init=0.25).eval()
    x = torch.randn(1, 16, 6, 6)
    first = block.conv1(x)
    second = block.conv2(first)
    third = block.conv3(second)
    assert [t.shape[1] for t in (first, second, third)] == [8, 4, 4]
    assert torch.allclose(block(x), 0.25 * x + torch.cat([first, second, third], 1))


def test_block_parameters_counted_by_hand():
    # BN 2·16, 16→8 3×3; BN 2·8, 8→4; BN 2·4, 4→4; α 16
    assert sum(p.numel() for p in GatedBlock(16, 16).parameters()) == 32 + 1152 + 16 + 288 + 8 + 144 + 16
    # BN 2·16, 16→8 1×1; BN 2·8, 8→8 3×3; BN 2·8, 8→16 1×1
    assert sum(p.numel() for p in BottleneckBlock(16, 16).parameters()) == 32 + 128 + 16 + 576 + 16 + 128


def test_gradients_reach_every_alpha_and_every_weight():
    net = Net(num_stacks=2)
    sum(o.square().sum() for o in net.head(net.backbone(IMAGES))).backward()
    alphas = [(n, p) for n, p in net.named_parameters() if n.endswith("alpha")]
    # the stem has 3; a stack has 2 a level, 1 at the bottom and 1 after the hourglass
    assert len(alphas) == 3 + 2 * (2 * 2 + 1 + 1)
    dead = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []


def test_initial_alpha_is_configurable_and_vanilla_has_none():
    assert all(
        (p == 0.5).all()
        for n, p in HourglassStem(32, gate_init=0.5).named_parameters()
        if n.endswith("alpha")
    )
    assert not any(n.endswith("alpha") for n, _ in Net(gated=False).named_parameters())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: HourglassStem(40), "multiple of 16, found 40"),
        (lambda: GatedHourglassHead(32, 5, num_stacks=9), "1 to 8, found 9"),
        (lambda: GatedHourglassHead(32, 5, depth=0), "1 or more, found 0"),
        (lambda: GatedHourglassHead(32, None), "expected the number of keypoints, found None"),
        (lambda: GatedHourglassHead(32, 5, depth=4)((torch.zeros(1, 32, 16, 12),)), "12×16.*multiples of 16"),
    ],
)
def test_impossible_sizes_are_refused(make, words: str):
    with pytest.raises(ValueError, match=words):
        make()


def test_channels_last_gives_the_same():
    net = Net().eval()
    actual = net(IMAGES)
    assert net.backbone(IMAGES)[-1].is_contiguous(memory_format=torch.channels_last)
    expected = net.to(memory_format=torch.contiguous_format)(IMAGES)
    assert torch.allclose(actual, expected, rtol=1e-3, atol=1e-5 * expected.abs().max().item() + 1e-6)


def test_trains_under_autocast():
    net = Net()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = net(IMAGES)
    assert output.dtype == torch.float32  # the last layer, for the precision of heatmaps
    output.square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)


def test_torch_compile_takes_it_as_one_graph():
    # the backend that needs no C++ compiler; a graph break would raise under fullgraph
    net = Net().eval()
    expected = net(IMAGES)
    assert torch.allclose(
        torch.compile(net, fullgraph=True, backend="aot_eager")(IMAGES), expected, rtol=1e-3, atol=1e-5
    )


def test_onnx_runtime_gives_the_same(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="extra 'export' is not installed")
    pytest.importorskip("onnxscript", reason="extra 'export' is not installed")
    net = Net().eval()
    expected = net(IMAGES).detach().numpy()
    path = tmp_path / "net.onnx"
    torch.onnx.export(net, (IMAGES,), dynamo=True, input_names=["input"], verbose=False).save(path)
    (actual,) = onnxruntime.InferenceSession(path).run(None, {"input": IMAGES.numpy()})
    assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("gated", [True, False])
def test_overfits_four_images_to_half_a_pixel(gated: bool):
    """Four images, a bright square each at another place; the heatmap's peak must come to lie on it."""
    places = torch.tensor([[3.0, 2.0], [10.0, 5.0], [6.0, 11.0], [13.0, 13.0]])
    grid_y, grid_x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.1
    for i, (x, y) in enumerate(places.int().tolist()):
        images[i, :, 4 * y - 4 : 4 * y + 8, 4 * x - 4 : 4 * x + 8] += 2
    squared = [(grid_x - x) ** 2 + (grid_y - y) ** 2 for x, y in places.tolist()]
    target = torch.stack([torch.exp(-d / 4.5) for d in squared])[:, None].expand(-1, 5, -1, -1)
    net = Net(16, 1, 2, gated).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3)
    for _ in range(60):
        loss = sum((o - target).square().mean() for o in net.head(net.backbone(images)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    peaks = net(images)[:, 0].flatten(1).argmax(1)
    found = torch.stack([peaks % 16, peaks // 16], 1).float()
    assert (found - places).norm(dim=1).max() <= 0.5
