"""The description of an exported file says enough: docs/onnx_alone.py crops and decodes by it as the run does."""

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmpose.registry import KEYPOINT_CODECS

import kpplugins.register  # noqa: F401
from kpplugins.data.images import read_image
from kpplugins.data.pixel_rule import PixelRule
from kpplugins.deploy.description import describe, unknown_parts
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.inference.trained.trained_top_down import sample_of
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BoxLayout

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
def alone(root: Path) -> dict[str, Any]:
    pytest.importorskip("onnxruntime", reason="extra 'export' is not installed")
    init_default_scope("mmpose")
    return runpy.run_path(str(root / "docs/onnx_alone.py"))


def described(
    codec: dict[str, Any],
    steps: list[dict[str, Any]] = AFFINE,
    test_cfg: dict[str, Any] | None = None,
    **before: Any,
) -> dict[str, Any]:
    outputs = {"SimCCLabel": ["simcc_x", "simcc_y"], "RegressionLabel": ["coordinates"]}
    head = SimpleNamespace(decoder=KEYPOINT_CODECS.build(codec))
    network = SimpleNamespace(head=head, test_cfg=test_cfg, data_preprocessor=SimpleNamespace(**before))
    steps = [{"type": "LoadImage"}, *steps, {"type": "PackPoseInputs"}]
    return describe(
        network, steps, codec, outputs.get(codec["type"], ["heatmaps"]), CAT_SCHEMA, None, PixelRule()
    )


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
def test_places_are_read_from_the_outputs_as_the_codec_reads_them(alone: dict[str, Any], name: str):
    method, codec = CODECS[name]
    values, facts = outputs_of(codec), described(codec)
    assert facts["decode"]["method"] == method and not unknown_parts(facts)
    built = KEYPOINT_CODECS.build(codec)
    if method == "coordinates":
        (expected,), (scores,) = built.decode(values[0][None])
    else:
        (expected,), (scores,) = built.decode(*(v.copy()[None] if v.ndim == 2 else v.copy() for v in values))
    session = SimpleNamespace(run=lambda _, given: [v[None] for v in values])
    box = [3.0, 4.0, 43.0, 44.0]
    points, given_scores = alone["find"](session, facts, np.zeros((50, 50, 3), np.uint8), box)
    scale = np.array([50.0, 70.0])  # 40 · 1.25, and 60:84
    known = scores > 0.1  # on the others, outside the map, there is no peak: rounding moves DARK's places
    assert known.sum() >= 40
    assert points[known] == pytest.approx((expected / SIZE * scale + [23 - 25, 24 - 35])[known], abs=1e-3)
    assert given_scores == pytest.approx(scores, abs=1e-6)


@pytest.mark.parametrize("size", [(400, 300), (90, 128)], ids=str)
@pytest.mark.parametrize("name", CROPS)
def test_the_crop_is_the_pipelines(alone: dict[str, Any], name: str, size: tuple[int, int]):
    generator, (width, height) = np.random.default_rng(1), size
    image = cv2.GaussianBlur(generator.integers(0, 256, (height, width, 3), np.uint8), (0, 0), 1)
    facts, pipeline = described(CODECS["circles"][1], CROPS[name]), Compose([*CROPS[name], PACK])
    for _ in range(20):
        corner, side = generator.uniform(-10, 60, 2), generator.uniform(20, 250, 2)
        box = np.concatenate([corner, corner + side])
        packed = pipeline(sample_of(image, box, CAT_SCHEMA))
        expected, meta = packed["inputs"].numpy().transpose(1, 2, 0), packed["data_samples"].metainfo
        crop, origin, scale = alone["cut"](image, box, facts)
        away = np.abs(crop.astype(int) - expected)
        assert crop.shape == expected.shape and (away.max() <= 2 and (away > 0).mean() < 0.005)
        assert scale == pytest.approx(meta["input_scale"], rel=1e-6)
        assert origin == pytest.approx(meta["input_center"] - meta["input_scale"] / 2, abs=1e-4)


def test_no_default_is_left_implicit():
    facts = described({"type": "UDPHeatmap", "sigma": 2, **MAPS})
    assert facts["crop"][0] == {"type": "GetBBoxCenterScale", "padding": 1.25}
    assert facts["crop"][1] == {"type": "TopdownAffine", "input_size": [60, 84], "use_udp": False}
    assert facts["warp"] == {"kind": "affine", "padding": 1.25, "span": [60, 84]}
    assert facts["codec"] == {
        "type": "UDPHeatmap", "heatmap_type": "gaussian", "sigma": 2, "radius_factor": 0.0546875,
        "blur_kernel_size": 11, "input_size": [60, 84], "heatmap_size": [15, 21],
    }  # fmt: skip
    assert facts["decode"]["blur_kernel"] == 11 and facts["decode"]["divide"] == [14, 20]
    assert facts["normalisation"]["mean"] == [0, 0, 0] and facts["normalisation"]["channels"] == "BGR"
    assert "· 1.25" in facts["words"]["warp"] and "11×11" in facts["words"]["decode"]
    udp = described({"type": "UDPHeatmap", "sigma": 2, **MAPS}, CROPS["UDP"])
    assert udp["warp"] == {"kind": "affine", "padding": 1.1, "span": [59, 83]}
    assert "(59, 83)" in udp["words"]["warp"] and udp["flip_test"] == {"on": False}
    circles = described(CODECS["circles"][1], CROPS["canvas"])
    assert circles["warp"]["canvas_size"] == [128, 128] and circles["crop"][0]["margin"] == 20
    dark = described(CODECS["SimCC, DARK"][1])  # int((6 · 20 - 7) / 3) = 37
    assert dark["decode"]["blur_kernel"] == [37, 37] and dark["decode"]["divide"] == [120, 168]


def test_flip_tests():
    on = {"flip_test": True}
    assert described(CODECS["MSRA"][1], test_cfg={**on, "shift_heatmap": True})["flip_test"] == {
        "on": True, "indices": CAT_SCHEMA.flip_indices, "shift_cells": 1,
    }  # fmt: skip
    assert described(CODECS["MSRA"][1], test_cfg=on)["flip_test"]["shift_cells"] == 0
    assert described(CODECS["regression"][1], test_cfg=on)["flip_test"]["one"] == pytest.approx(1 - 1 / 60)
    centred = described(CODECS["regression"][1], test_cfg={**on, "shift_coords": False})["flip_test"]
    assert centred["one"] == 1 and centred["mirrored_x"] == "1 - x"
    assert described(CODECS["SimCC"][1], test_cfg=on)["flip_test"] == {
        "on": True,
        "indices": CAT_SCHEMA.flip_indices,
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"codec": {"type": "MegviiHeatmap", "kernel_size": 11, **MAPS}}, ["the decoding by MegviiHeatmap"]),
        ({"codec": {"type": "UDPHeatmap", "heatmap_type": "combined", **MAPS}}, ["the decoding by UDPHeatmap"]),
        ({"steps": [AFFINE[1]]}, ["the crop by TopdownAffine"]),
        ({"steps": [*AFFINE, {"type": "FilterAnnotations"}]},
         ["the crop by GetBBoxCenterScale, TopdownAffine, FilterAnnotations"]),
        ({"test_cfg": {"flip_test": True, "flip_mode": "udp_combined"}}, ["the flip test"]),
    ],
)  # fmt: skip
def test_what_is_not_described_is_named(change: dict[str, Any], words: list[str]):
    facts = described(**{"codec": CODECS["MSRA"][1], **change})
    assert unknown_parts(facts) == words
    assert set(facts["words"]) == {"pixels", "input", "warp", "decode", "flip_test"} - {
        key for key in ("warp", "decode", "flip_test") if facts[key] is None
    }


def test_it_is_plain_data():
    import json

    layout = BoxLayout(((0.1, 0.2),) * 9, (1.0, 0.8))
    head = SimpleNamespace(decoder=KEYPOINT_CODECS.build(CODECS["SimCC"][1]))
    network = SimpleNamespace(head=head, test_cfg=None, data_preprocessor=None)
    facts = describe(
        network,
        AFFINE,
        CODECS["SimCC"][1],
        ["simcc_x", "simcc_y"],
        CAT_SCHEMA,
        layout,
        PixelRule(range=(0, 4095)),
    )
    assert json.loads(json.dumps(facts)) == facts
    assert (
        facts["pixels"] == {"range": [0, 4095], "percentile": None}
        and "4095 becomes 255" in facts["words"]["pixels"]
    )
    assert facts["flips"] == "known" and facts["flip_pairs"][0] == ["left_eye", "right_eye"]
    unknown = KeypointSchema("marks", ("a", "b"))
    assert (
        describe(network, AFFINE, CODECS["SimCC"][1], ["simcc_x"], unknown, None, PixelRule())["flips"]
        == "unknown"
    )
    assert facts["boxes"]["size"] == [1.0, 0.8] and facts["schema"]["keypoints"] == list(CAT_SCHEMA.keypoints)


@pytest.mark.parametrize(
    "rule", [PixelRule(), PixelRule(range=(500, 9000)), PixelRule(percentile=(1, 99))], ids=repr
)
@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3), (40, 50, 4)], ids=str)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_the_program_reads_images_as_we_do(
    alone: dict[str, Any], tmp_path: Path, rule: PixelRule, shape: tuple[int, ...], kind: type
):
    image = np.random.default_rng(0).integers(0, min(np.iinfo(kind).max, 10_000), shape).astype(kind)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    facts = {"pixels": {"range": rule.range, "percentile": rule.percentile}}
    assert (alone["read"](tmp_path / "a.png", facts) == read_image(tmp_path / "a.png", rule)).all()
