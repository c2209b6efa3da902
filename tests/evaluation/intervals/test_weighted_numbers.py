"""Numbers for weighted images: at weights of one those of the evaluator, at others those of images written again."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kpplugins.evaluation import DetectionResult, EvaluationResult
from kpplugins.evaluation.intervals.per_image_table import OF_KEYPOINT, PerImageTable
from kpplugins.evaluation.intervals.resampling import Resampling
from kpplugins.evaluation.scene import Scene
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

EXACT = 1e-12


def schema(k: int) -> KeypointSchema:
    return KeypointSchema("thing", tuple(f"p{i}" for i in range(k)), sigmas=(0.08,) * k)


def scene(rng: np.random.Generator, image_id: int, k: int, classes: int) -> Scene:
    """Crowds, truths without keypoints, all sizes, ties of scores, second and false predictions, empty images."""
    g = int(rng.integers(0, 5))
    corners, sides = rng.uniform(0, 300, (g, 2)), rng.uniform(5, 200, (g, 2))
    truth = corners[:, None] + rng.uniform(0, 1, (g, k, 2)) * sides[:, None]
    visibility = rng.integers(0, 3, (g, k)) * (rng.random((g, 1)) > 0.15)
    near = np.repeat(np.arange(g), rng.integers(0, 3, g))
    m, false = len(near), int(rng.integers(0, 3))
    boxes = np.concatenate([corners, corners + sides], axis=1)[near] + rng.normal(0, 5, (m, 4))
    points = truth[near] + rng.normal(0, 0.06, (m, k, 2)) * sides[near][:, None]
    kinds = rng.integers(0, classes, g)
    scores = rng.random(m + false).round(1)
    return Scene(
        image=f"{image_id:04}.jpg", image_id=image_id, size=(640, 480), true_classes=kinds,
        true_boxes=np.concatenate([corners, sides], axis=1), areas=0.6 * sides.prod(axis=1),
        crowd=rng.random(g) < 0.1, truth=np.where(visibility[..., None] > 0, truth, 0.0), visibility=visibility,
        classes=np.concatenate([kinds[near], rng.integers(0, classes, false)]),
        boxes=np.concatenate([boxes, np.tile([10.0, 20, 60, 90], (false, 1))]), box_scores=scores,
        points=np.concatenate([points, rng.uniform(0, 400, (false, k, 2))]), point_scores=np.full((m + false, k), 0.6),
        scores=scores,
    )  # fmt: skip


def detections(seed: int, images: int = 25) -> DetectionResult:
    rng, k, classes = np.random.default_rng(seed), (2, 5, 9)[seed % 3], 1 + seed % 3
    scenes = [scene(rng, int(i), k, classes) for i in rng.permutation(images)]
    return DetectionResult.of(scenes, [str(c) for c in range(classes)], schema(k), None)


def paired(seed: int, n: int = 60, k: int = 4) -> EvaluationResult:
    """Top-down, up to three instances an image, two categories, tied scores, keypoints without a label."""
    rng = np.random.default_rng(seed)
    truth, side = rng.uniform(0, 1, (n, k, 2)), rng.uniform(20, 250, (n, 1, 1))
    ids = np.sort(rng.integers(0, n // 2, n))
    boxes = np.concatenate([np.zeros((n, 2)), np.broadcast_to(side[:, 0], (n, 2))], axis=1)
    return EvaluationResult(
        schema=schema(k), images=[f"{i}.jpg" for i in ids], categories=rng.choice(["a", "b"], n).tolist(),
        image_ids=ids, sizes=np.full((n, 2), 400), truth=truth * side,
        visibility=np.where(rng.random((n, k)) > 0.2, 2, 0), boxes=boxes, box_scores=np.ones(n),
        scores=rng.choice([0.1, 0.5, 0.9], (n, k)),
        predicted=(truth + rng.normal(0, 0.06, truth.shape)) * side, areas=0.5 * side[:, 0, 0] ** 2,
        interocular=("p0", "p1"),
    )  # fmt: skip


def numbers(table: PerImageTable, weights: np.ndarray | None = None) -> dict[str, float]:
    weights = np.ones(len(table.images), int) if weights is None else weights
    return {key: float(values[0]) for key, values in table.numbers(weights[None].astype(np.int32)).items()}


def require_same(found: dict[str, float], wanted: dict[str, float]) -> None:
    for key, value in wanted.items():
        if value == -1 or np.isnan(value):
            assert np.isnan(found[key]), key
        else:
            assert found[key] == pytest.approx(value, rel=EXACT, abs=EXACT), key


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("made", [detections, paired])
def test_at_weights_of_one_they_are_the_evaluators(made, seed: int):
    result = made(seed)
    found = numbers(PerImageTable.of(result))
    require_same(found, result.summary)
    for row in result.per_keypoint():
        own = {key: row[key] for key in ("EPE", "PCK@0.05", "PCK@0.1", "PCK@0.2")}
        require_same({key: found[f"{OF_KEYPOINT}{row['keypoint']}/{key}"] for key in own}, own)


@pytest.mark.parametrize("seed", range(6))
def test_an_image_of_weight_three_counts_as_three_images(seed: int):
    """Without ties within an image, whose copies would be ranked among each other."""
    result = detections(seed)
    rng = np.random.default_rng(seed)
    total = sum(len(s.scores) for s in result.scenes)
    ranks = iter(rng.permutation(total) / total)
    scenes = []
    for one in result.scenes:
        scores = np.array([next(ranks) for _ in one.scores])
        scenes.append(replace(one, scores=scores, box_scores=scores))
    scenes.sort(key=lambda one: one.image_id)
    weights = rng.multinomial(len(scenes), np.full(len(scenes), 1 / len(scenes)))
    again = [one for one, often in zip(scenes, weights, strict=True) for _ in range(often)]
    again = [replace(one, image_id=i) for i, one in enumerate(again)]
    settings = (result.classes, result.schema, None)
    found = numbers(PerImageTable.of(DetectionResult.of(scenes, *settings)), weights)
    wanted = DetectionResult.of(again, *settings).summary
    rows = sum(len(one.truth[one.counted]) for one in scenes) / max(1, wanted["matched"] + wanted["missed"])
    wanted = {key: value * (rows if key in ("matched", "missed") else 1) for key, value in wanted.items()}
    require_same(found, wanted)


def test_ap_by_hand():
    """Two images, a truth each; the better-scored prediction is wrong: AP is 1/2 up to a recall of 0.5, so 51/202."""
    one = np.array([[10.0, 10], [30, 30]])
    base = dict(
        size=(100, 100), true_classes=np.zeros(1, int), true_boxes=np.array([[0.0, 0, 40, 40]]),
        areas=np.array([1600.0]), crowd=np.zeros(1, bool), truth=one[None],
        visibility=np.full((1, 2), 2), classes=np.zeros(1, int),
        boxes=np.array([[0.0, 0, 40, 40]]), point_scores=np.ones((1, 2)),
    )  # fmt: skip
    scenes = [
        Scene("a", 1, points=one[None] + 90, scores=np.array([0.9]), box_scores=np.array([0.9]), **base),
        Scene("b", 2, points=one[None], scores=np.array([0.5]), box_scores=np.array([0.5]), **base),
    ]
    table = PerImageTable.of(DetectionResult.of(scenes, ["thing"], schema(2), None))
    assert numbers(table)["AP"] == pytest.approx(51 / 202)
    assert numbers(table)["AR"] == 0.5
    assert numbers(table, np.array([0, 2]))["AP"] == pytest.approx(1)
    assert numbers(table, np.array([2, 0]))["AP"] == 0
    # two wrong ones before: precision 1/3 up to a recall of 1/3
    assert numbers(table, np.array([2, 1]))["AP"] == pytest.approx(34 / 101 / 3)
    assert numbers(table, np.array([1, 1]))["missed"] == 0
    assert np.isnan(numbers(table, np.array([0, 0]))["AP"])


def test_a_table_comes_back_from_its_file(tmp_path: Path):
    table = PerImageTable.of(detections(1))
    table.save(tmp_path / "per_image.npz")
    again = PerImageTable.load(tmp_path / "per_image.npz")
    assert again.images == table.images
    assert numbers(again) == pytest.approx(numbers(table), nan_ok=True)
    for content in (b"", b"PK\x03\x04nothing", b"[]"):
        (tmp_path / "broken.npz").write_bytes(content)
        with pytest.raises(BadInputError, match="not the results of a test"):
            PerImageTable.load(tmp_path / "broken.npz")


@pytest.mark.parametrize("empty", ["truths", "predictions"])
def test_nothing_to_match_is_no_crash(empty: str):
    result = detections(1)
    keep = slice(0, 0)
    names = ("true_classes", "true_boxes", "areas", "crowd", "truth", "visibility")
    if empty == "predictions":
        names = ("classes", "boxes", "box_scores", "points", "point_scores", "scores")
    scenes = [replace(one, **{name: getattr(one, name)[keep] for name in names}) for one in result.scenes]
    changed = DetectionResult.of(scenes, result.classes, result.schema, None)
    require_same(numbers(PerImageTable.of(changed)), changed.summary)


def test_a_thousand_resamples_of_two_thousand_instances_take_seconds():
    result = paired(0, n=2000, k=15)
    begun = time.process_time()
    counted = PerImageTable.of(result)
    spread = Resampling(counted.images).spread(counted)
    assert all(spread.interval(key) is not None for key in ("AP", "AR", "EPE", "PCK@0.1"))
    assert time.process_time() - begun < 10
