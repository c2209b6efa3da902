"""A pool of images and a video: one of those that look the same, written for an annotation tool with predictions."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmpose.registry import MODELS

from kpplugins.apis.labelling.appraisal import appraise
from kpplugins.apis.labelling.next_images import next_images
from kpplugins.apis.labelling.pool import pool_of
from kpplugins.commands.dataset import main
from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.formats.open_source import open_source
from kpplugins.inference.predictor import Predictor
from kpplugins.inference.trained.trained_model import with_features
from kpplugins.structures import BadInputError

TINY = """
_base_ = "{root}/configs/custom_hourglass_small.py"
input_size = (64, 64)
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=1), test_cfg=dict(flip_test=False))
"""


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work dir of a run whose weights were not trained."""
    folder = tmp_path_factory.mktemp("runs") / "cats"
    folder.mkdir()
    (folder / "cats.py").write_text(TINY.format(root=root))
    CAT_SCHEMA.save(folder / "schema.json")
    torch.manual_seed(0)
    network = MODELS.build(load_config(folder / "cats.py", schema=CAT_SCHEMA).model)
    torch.save({"state_dict": network.state_dict()}, folder / "epoch_1.pth")
    return folder


def scene(seed: int) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(small, (96, 72), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight images, a brighter copy of the first, a file that is none, and a video of two scenes of two seconds."""
    folder = tmp_path_factory.mktemp("pool")
    for i in range(8):
        cv2.imwrite(str(folder / f"image{i}.png"), scene(i))
    cv2.imwrite(str(folder / "image8.png"), np.clip(scene(0).astype(int) + 5, 0, 255).astype(np.uint8))
    (folder / "image9.jpg").write_bytes(b"no image")
    writer = cv2.VideoWriter(str(folder / "film.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (96, 72))
    for i in range(40):
        writer.write(scene(100 if i < 20 else 101))
    writer.release()
    return folder


def test_the_pool_has_one_of_those_that_look_the_same(pool: Path, tmp_path: Path):
    found = pool_of([pool], tmp_path, every=0.5)
    assert found.counts == {
        "images": 10, "videos": 1, "frames": 8, "cannot be read": 1, "look like another one": 7
    }  # fmt: skip
    assert found.names == [
        "film_000000.png", "film_000020.png", *(f"image{i}.png" for i in range(8))
    ]  # fmt: skip
    assert found.alike == [4, 4, 2, *[1] * 7] and found.origins[1] == f"{pool / 'film.avi'} frame 20"
    known = open_labels(tmp_path / "labels", [0, 3])
    again = pool_of([pool / "*.png"], tmp_path / "more", every=1, labelled=known)
    assert again.counts["look like a labelled one"] == 3 and len(again.images) == 6
    for every, inputs, words in (
        (0, [pool], "--every"),
        (1, [pool / "image9.jpg"], "no image to choose from"),
    ):
        with pytest.raises(BadInputError, match=words):
            pool_of(inputs, tmp_path / "none", every=every)


def open_labels(folder: Path, seeds: list[int]) -> list:
    from kpplugins.data import ImageInfo

    folder.mkdir()
    for seed in seeds:
        cv2.imwrite(str(folder / f"{seed}.jpg"), scene(seed))
    return [ImageInfo(path, 96, 72) for path in folder.iterdir()]


def test_the_command_writes_what_the_annotation_tool_opens(
    run: Path, pool: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    out = tmp_path / "next"
    words = ["next", str(pool), "--run", str(run), "--number", "5", "--out", str(out), "--every", "0.5"]
    assert main([*words, "--score-thr", "0"]) == 0
    said = capsys.readouterr().out
    for line in (
        "chosen: 5",
        "frames: 8",
        "cannot be read: 1",
        f"written: {out}: next.json, next.jpg, labelme",
    ):
        assert line in said
    assert f"labelme {out / 'labelme'}" in said
    content = json.loads((out / "next.json").read_text())
    chosen = [row["name"] for row in content["images"]]
    assert len(set(chosen)) == 5 and content["of"] == 10 and content["chosen by"] == "diverse"
    _, reading = open_source(out / "labelme")
    assert {r.image.name for r in reading.records} == set(chosen)
    assert reading.schema.keypoints == CAT_SCHEMA.keypoints
    predictor = Predictor(run)
    plain = next(name for name in chosen if name.startswith("image"))
    found, record = predictor(pool / plain), next(r for r in reading.records if r.image.name == plain)
    labelled = record.keypoints[:, 2] > 0
    assert labelled.sum() >= 4
    assert np.abs(record.keypoints[labelled, :2] - found.keypoints[0, labelled]).max() < 0.01
    assert cv2.imread(str(out / "next.jpg")).shape == (240, 5 * 240, 3)
    assert main(words) == 2  # not into the same folder


def test_what_cannot_be_done_is_said(run: Path, pool: Path, tmp_path: Path):
    for options, words in (
        ({"number": 0}, "--number"), ({"way": "clever"}, "--by"), ({"to": "paper"}, "--to"),
    ):  # fmt: skip
        with pytest.raises(BadInputError, match=words):
            next_images([pool], run, out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_features_are_means_and_deviations_of_the_backbone(run: Path):
    predictor = Predictor(run, device="cpu")
    trained = predictor.model.trained
    units = [predictor.model.prepare(scene(i), np.array([0.0, 0, 95, 71]))[1] for i in (1, 2, 3)]
    outputs, features = with_features(trained, units)
    with torch.inference_mode():
        data = trained.network.data_preprocessor({"inputs": [u["inputs"] for u in units],
                                                  "data_samples": [u["data_samples"] for u in units]})  # fmt: skip
        maps = trained.network.extract_feat(data["inputs"])
    last = (maps[-1] if isinstance(maps, (tuple, list)) else maps).float().flatten(2).numpy()
    assert np.allclose(features, np.concatenate([last.mean(axis=2), last.std(axis=2)], axis=1), atol=1e-4)
    plain = trained.predict(units, quick=True)
    for one, other in zip(outputs, plain, strict=True):
        assert np.array_equal(one.pred_instances.keypoints, other.pred_instances.keypoints)


def test_an_image_that_is_seen_otherwise_in_a_larger_box_is_less_sure(run: Path, pool: Path):
    paths = [pool / f"image{i}.png" for i in range(8)]
    boxes = [np.array([[10.0, 10, 80, 60], [5, 5, 40, 40]])] * 8
    seen = appraise(Predictor(run), paths, boxes)
    assert seen.features.shape[0] == 8 and [len(r) for r in seen.results] == [2] * 8
    assert seen.unsureness.min() > 0 and seen.unsureness.max() <= 1 and len(set(seen.unsureness)) > 1
    means = np.array([r.scores.mean() for r in seen.results])
    assert seen.unsureness[means.argmin()] >= 0.5  # the first half of it
