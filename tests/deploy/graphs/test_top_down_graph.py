"""The graph's crop and decoding against the test pipelines and codecs of the run."""

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmpose.models.utils.tta import flip_coordinates, flip_heatmaps, flip_vectors
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor, nn

import kpplugins.register  # noqa: F401
from kpplugins.deploy.graphs.decoding import places_and_scores
from kpplugins.deploy.graphs.top_down_facts import crop_of, decode_facts, flips_of, top_down_facts
from kpplugins.deploy.graphs.top_down_graph import TopDownGraph
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.inference.trained.trained_top_down import sample_of
from kpplugins.structures import BadInputError

SIZE, CELLS = (60, 84), (15, 21)
MAPS = {"input_size": SIZE, "heatmap_size": CELLS}
CODECS: dict[str, tuple[str, dict[str, Any]]] = {
    "UDP": ("dark_udp", {"type": "UDPHeatmap", "sigma": 2, **MAPS}),
    "UDP, kernel 17": ("dark_udp", {"type": "UDPHeatmap", "sigma": 3, "blur_kernel_size": 17, **MAPS}),
    "MSRA": ("quarter", {"type": "MSRAHeatmap", "sigma": 2, **MAPS}),
    "DARK": ("dark", {"type": "MSRAHeatmap", "sigma": 2, "unbiased": True, **MAPS}),
    "circles": ("argmax", {"type": "CircleHeatmap", **MAPS}),
    "means": ("mean", {"type": "CircleHeatmap", "decode": "mean", **MAPS}),
    "means above": ("mean", {"type": "CircleHeatmap", "decode": "mean", "threshold": 0.3, **MAPS}),
    "SimCC": ("simcc", {"type": "SimCCLabel", "input_size": SIZE}),
    "SimCC, DARK": ("simcc_dark", {"type": "SimCCLabel", "input_size": SIZE, "sigma": 6.0, "use_dark": True}),
    "regression": ("coordinates", {"type": "RegressionLabel", "input_size": SIZE}),
}
AFFINE = [{"type": "GetBBoxCenterScale"}, {"type": "TopdownAffine", "input_size": SIZE}]
CROPS: dict[str, list[dict[str, Any]]] = {
    "plain": AFFINE,
    "UDP": [{"type": "GetBBoxCenterScale", "padding": 1.1}, {**AFFINE[1], "use_udp": True}],
    "canvas": [{"type": "CropAroundKeypoints", "input_size": SIZE}],
    "canvas, UDP": [{"type": "CropAroundKeypoints", "input_size": SIZE, "use_udp": True}],
    "canvas with bars": [{"type": "CropAroundKeypoints", "input_size": SIZE, "keep_aspect": True}],
}
PACK = {"type": "PackPoseInputs", "meta_keys": ("input_center", "input_scale", "input_size")}


@pytest.fixture(scope="module", autouse=True)
def scope() -> None:
    init_default_scope("mmpose")


def names_of(codec: dict[str, Any]) -> list[str]:
    names = {"SimCCLabel": ["simcc_x", "simcc_y"], "RegressionLabel": ["coordinates"]}
    return names.get(codec["type"], ["heatmaps"])


def outputs_of(codec: dict[str, Any]) -> list[np.ndarray]:
    """What a network might give for 60 keypoints anywhere, at the edges too: blobs of all widths, and noise."""
    generator, k = np.random.default_rng(0), 60
    places = generator.uniform(-1, 22, (k, 2)) * [1, 1]
    if codec["type"] == "RegressionLabel":
        return [generator.uniform(0, 1, (k, 4)).astype(np.float32)]
    w, h = CELLS if "heatmap_size" in codec else (2 * SIZE[0], 2 * SIZE[1])
    places, spread = places * (w / CELLS[0]), generator.uniform(1, 4, k) * (w / CELLS[0])
    rows = [
        np.exp(-((np.arange(n) - places[:, i, None]) ** 2) / (2 * spread[:, None] ** 2))
        for i, n in enumerate((w, h))
    ]
    values = [rows[1][:, :, None] * rows[0][:, None]] if "heatmap_size" in codec else rows
    return [(v + generator.normal(0, 0.01, v.shape)).astype(np.float32) for v in values]


@pytest.mark.parametrize("name", CODECS)
def test_places_are_read_as_the_codec_reads_them(name: str):
    method, config = CODECS[name]
    codec, values = KEYPOINT_CODECS.build(config), outputs_of(config)
    way = decode_facts(codec, names_of(config), SIZE)
    assert way["method"] == method
    batches = [np.stack([v, v[::-1]]) for v in values]  # two instances
    places, given_scores = places_and_scores([torch.from_numpy(b) for b in batches], way)
    fractions = (places.numpy() + way["add"]) / way["divide"] - way["subtract"]
    for i in range(2):
        if method == "coordinates":
            (expected,), (scores,) = codec.decode(batches[0][i][None])
        else:
            copies = (b[i].copy() for b in batches)
            (expected,), (scores,) = codec.decode(*(v[None] if v.ndim == 2 else v for v in copies))
        assert given_scores[i].numpy() == pytest.approx(scores, abs=1e-6)
        away = np.linalg.norm(fractions[i] * SIZE - expected, axis=1)
        known = scores > 0.1  # elsewhere the logarithm of a flat map: rounding moves DARK's places
        assert known.sum() >= 40 and away[known].max() <= 2e-3


@pytest.mark.parametrize("name", ["UDP", "MSRA", "DARK", "circles", "means", "SimCC", "SimCC, DARK"])
def test_maps_without_a_positive_value_are_read_as_the_codec_reads_them(name: str):
    config = CODECS[name][1]
    codec, values = KEYPOINT_CODECS.build(config), outputs_of(config)
    for v in values:
        v[[0, 7]] = -0.25 - np.abs(v[[0, 7]])
    way = decode_facts(codec, names_of(config), SIZE)
    places, scores = places_and_scores([torch.from_numpy(v[None]) for v in values], way)
    copies = (v.copy() for v in values)
    (expected,), (expected_scores,) = codec.decode(*(v[None] if v.ndim == 2 else v for v in copies))
    fractions = (places[0].numpy() + way["add"]) / way["divide"] - way["subtract"]
    assert (expected_scores[[0, 7]] < 0).all() and scores[0, [0, 7]].numpy() == pytest.approx(
        expected_scores[[0, 7]]
    )
    if "DARK" not in name and name != "UDP":  # these step by the values at the end of another keypoint's map
        assert (fractions * SIZE)[[0, 7]] == pytest.approx(expected[[0, 7]], abs=1e-3)


@pytest.mark.parametrize("size", [(400, 300), (90, 128), (1, 1)], ids=str)
@pytest.mark.parametrize("name", CROPS)
def test_the_crop_is_the_pipelines(name: str, size: tuple[int, int]):
    generator, (width, height) = np.random.default_rng(1), size
    image = cv2.GaussianBlur(generator.integers(0, 256, (height, width, 3), np.uint8), (0, 0), 1)
    pipeline = Compose([*CROPS[name], PACK])
    corners = generator.uniform(-10, 60, (20, 2))
    boxes = np.concatenate([corners, corners + generator.uniform(20, 250, (20, 2))], axis=1)
    facts = top_down_facts(
        KEYPOINT_CODECS.build(CODECS["circles"][1]), [{"type": "LoadImage"}, *CROPS[name], PACK], ["heatmaps"], {},
        CAT_SCHEMA, False,
    )  # fmt: skip
    graph = TopDownGraph(nn.Identity(), facts, 9)  # type: ignore[arg-type]
    different = 0
    crops, origin, scale = graph.crop(torch.from_numpy(image), torch.from_numpy(boxes.astype(np.float32)))
    for i, box in enumerate(boxes):
        packed = pipeline(sample_of(image, box, CAT_SCHEMA))
        expected, meta = packed["inputs"].numpy().transpose(1, 2, 0), packed["data_samples"].metainfo
        away = np.abs(crops[i].numpy() - expected)
        assert away.shape == expected.shape
        different += (away > 0).any()
        assert scale[i].numpy() == pytest.approx(meta["input_scale"], rel=1e-5)
        assert origin[i].numpy() == pytest.approx(meta["input_center"] - meta["input_scale"] / 2, abs=1e-3)
    assert different <= 1  # of 20, by a line


class Constant(nn.Module):
    """Gives outputs that depend on whether the crop is mirrored: its first pixel is black, or its last one."""

    def __init__(self, straight: list[np.ndarray], turned: list[np.ndarray]) -> None:
        super().__init__()
        self.pairs = [torch.from_numpy(np.stack(pair)) for pair in zip(straight, turned, strict=True)]

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        turned = (crops[:, 0, 0, 0] > 0).long()
        return tuple(pair[turned] for pair in self.pairs)


@pytest.mark.parametrize("name", ["MSRA", "SimCC", "regression"])
@pytest.mark.parametrize("shift", [False, True])
def test_the_flip_test_is_mmposes(name: str, shift: bool):
    config = CODECS[name][1]
    codec, names = KEYPOINT_CODECS.build(config), names_of(config)
    straight, turned = outputs_of(config), [v[::-1].copy() for v in outputs_of(config)]
    straight, turned = [v[:9] for v in straight], [v[:9] for v in turned]
    tests = {"flip_test": True, "shift_heatmap": shift, "shift_coords": shift}
    facts = top_down_facts(codec, CROPS["plain"], names, tests, CAT_SCHEMA, True)
    crops = torch.zeros(1, SIZE[1], SIZE[0], 3)
    crops[:, :, -1] = 255
    fractions, scores = TopDownGraph(Constant(straight, turned), facts, 9).read(crops)  # type: ignore[arg-type]
    flipped = [torch.from_numpy(v[None].copy()) for v in turned]
    indices = CAT_SCHEMA.flip_indices
    if name == "MSRA":
        flipped = [flip_heatmaps(flipped[0], indices, shift_heatmap=shift)]
    elif name == "SimCC":
        flipped = list(flip_vectors(*flipped, indices))
    else:
        flipped = [flip_coordinates(flipped[0], indices, shift, SIZE)]
    mean = [(v + f[0].numpy()) / 2 for v, f in zip(straight, flipped, strict=True)]
    decoded = codec.decode(*(v[None] if v.ndim == 2 else v for v in mean))
    assert fractions[0].numpy() * SIZE == pytest.approx(decoded[0][0], abs=2e-3)
    assert scores[0].numpy() == pytest.approx(decoded[1][0], abs=1e-6)


def test_facts_are_complete_numbers():
    assert crop_of(AFFINE, SIZE) == {"kind": "affine", "padding": 1.25, "span": [60, 84]}
    assert crop_of(CROPS["UDP"], SIZE) == {"kind": "affine", "padding": 1.1, "span": [59, 83]}
    canvas = {"kind": "canvas", "canvas_size": [128, 128], "keep_aspect": False, "span": [60, 84]}
    assert crop_of(CROPS["canvas"], SIZE) == canvas
    dark = decode_facts(KEYPOINT_CODECS.build(CODECS["SimCC, DARK"][1]), ["simcc_x", "simcc_y"], SIZE)
    assert dark["blur_kernel"] == [37, 37] and dark["divide"] == [120, 168]  # int((6 · 20 - 7) / 3) = 37
    on = {"flip_test": True}
    assert flips_of({**on, "shift_heatmap": True}, ["heatmaps"], CAT_SCHEMA, SIZE)["shift_cells"] == 1
    assert flips_of(on, ["heatmaps"], CAT_SCHEMA, SIZE) == {
        "indices": CAT_SCHEMA.flip_indices,
        "shift_cells": 0,
    }
    assert flips_of(on, ["coordinates"], CAT_SCHEMA, SIZE)["one"] == pytest.approx(1 - 1 / 60)
    assert flips_of({**on, "shift_coords": False}, ["coordinates"], CAT_SCHEMA, SIZE)["one"] == 1


@pytest.mark.parametrize(
    ("codec", "steps", "test_cfg", "words"),
    [
        ({"type": "MegviiHeatmap", "kernel_size": 11, **MAPS}, AFFINE, {}, "decoding.*found MegviiHeatmap of heatmaps"),
        ({"type": "UDPHeatmap", "heatmap_type": "combined", **MAPS}, AFFINE, {}, "decoding.*found UDPHeatmap"),
        (CODECS["MSRA"][1], [AFFINE[1]], {}, "crop.*found TopdownAffine"),
        (CODECS["MSRA"][1], [*AFFINE, {"type": "RandomFlip"}], {}, "crop.*found GetBBoxCenterScale, .*RandomFlip"),
        (CODECS["MSRA"][1], [{**CROPS["canvas"][0], "jitter": 3}], {}, "crop.*without jitter"),
        (CODECS["MSRA"][1], AFFINE, {"flip_mode": "udp_combined"}, "flip test.*udp_combined.*without --flip-test"),
    ],
)  # fmt: skip
def test_what_no_graph_is_known_for_is_named(codec: dict, steps: list, test_cfg: dict, words: str):
    with pytest.raises(BadInputError, match=words):
        top_down_facts(KEYPOINT_CODECS.build(codec), steps, ["heatmaps"], test_cfg, CAT_SCHEMA, True)


def test_ports_have_the_names_of_the_folder_format():
    facts = top_down_facts(
        KEYPOINT_CODECS.build(CODECS["MSRA"][1]), AFFINE, ["heatmaps"], {}, CAT_SCHEMA, False
    )
    graph = TopDownGraph(SimpleNamespace, facts, 9) if False else TopDownGraph(nn.Identity(), facts, 9)  # type: ignore
    assert [port.facts["shape"] for port in graph.inputs] == [["H", "W", 3], ["N", 4]]
    assert [(p.name, p.shape) for p in graph.outputs] == [("keypoints", ("N", 9, 2)), ("scores", ("N", 9))]
