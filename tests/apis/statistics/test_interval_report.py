"""Intervals of a test in ``metrics.json`` and in lines, and which images belong together."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from kpplugins.apis.statistics.image_groups import image_groups_of, videos_in_words
from kpplugins.apis.statistics.interval_report import (
    MeasuredImages,
    few_in_words,
    interval_lines,
    interval_report,
    wide_in_words,
)
from kpplugins.apis.test import write_report
from kpplugins.curation.checks.images.videos import sequences, video_names
from kpplugins.evaluation import BoxKeypointMetric, BoxMetric, EvaluationResult, KeypointMetric
from kpplugins.evaluation.intervals.spread import Spread
from kpplugins.evaluation.metrics.box_metric import BoxMetric as BoxMetricItself
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

SCHEMA = KeypointSchema("face", ("eye", "box"), sigmas=(0.05, 0.05))
DATASET = SimpleNamespace(data_root="data")


def result(n: int = 60, categories: int = 1) -> EvaluationResult:
    """Two instances an image, the second 2 px worse."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(10, 90, (n, 2, 2))
    off = rng.gamma(2, 1, (n, 2, 2)) + 2 * (np.arange(n) % 2)[:, None, None]
    return EvaluationResult(
        schema=SCHEMA, images=[f"data/images/v{i // 20}_{i // 2}.png" for i in range(n)],
        categories=[f"c{i % categories}" for i in range(n)], image_ids=np.arange(n) // 2, sizes=np.full((n, 2), 100),
        truth=truth, visibility=np.full((n, 2), 2), predicted=truth + off, scores=rng.uniform(0.3, 1, (n, 2)),
        box_scores=np.ones(n), boxes=np.tile([0.0, 0, 100, 100], (n, 1)), areas=np.full(n, 5000.0), interocular=None,
    )  # fmt: skip


def metric_of(found: EvaluationResult, prefix: str | None = None) -> KeypointMetric:
    metric = KeypointMetric(prefix=prefix)
    metric.result = found
    return metric


def test_the_report_covers_all_numbers_and_is_written(tmp_path: Path):
    found = result(categories=2)
    report = interval_report(MeasuredImages.of([metric_of(found)]), DATASET, resamples=300)
    assert list(report["numbers"]) and set(report["numbers"]) == set(found.summary)
    assert (report["images"], report["groups"]) == (30, 30) and report["level"] == 0.95
    for key in ("AP", "AR", "PCK@0.05", "NME", "EPE", "RMSE"):
        low, high = report["numbers"][key]
        assert low < found.summary[key] < high, key
    assert report["numbers"]["AP(L)"] is None or found.summary["AP(L)"] == -1
    rows = found.per_keypoint()
    assert [row["keypoint"] for row in report["per_keypoint"]] == ["eye", "box"]  # a name like a prefix
    for row, ends in zip(rows, report["per_keypoint"], strict=True):
        assert ends["EPE"][0] < row["EPE"] < ends["EPE"][1]
    assert report["per_category"]["c0"]["EPE"][1] < report["per_category"]["c1"]["EPE"][0]
    image = np.zeros((100, 100, 3), np.uint8)
    table = write_report(tmp_path, found.summary, found, {}, lambda _: image, intervals=report)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["EPE"] == found.summary["EPE"] and content["intervals"]["numbers"]["EPE"] == list(
        report["numbers"]["EPE"]
    )
    low, high = report["per_keypoint"][0]["EPE"]
    assert f"{rows[0]['EPE']:.2f} ({low:.2f} to {high:.2f})" in table
    low, high = report["per_category"]["c0"]["EPE"]
    assert f"({low:.3f} to {high:.3f})" in table.split("category", 1)[1]


def test_groups_are_drawn_as_a_whole_and_prefixes_kept():
    found = result()
    tested = MeasuredImages.of([metric_of(found, "mine"), SimpleNamespace(prefix=None)])
    report = interval_report(tested, DATASET, group_by=r"/(v\d+)_", resamples=300)
    assert (report["images"], report["groups"]) == (30, 3)
    assert set(report["numbers"]) == {f"mine/{key}" for key in found.summary}
    assert report["warnings"][0].startswith("only 3 groups of 30 images: intervals from fewer than 50")
    lines = interval_lines({"mine/EPE": 3.25, "loss": 1.0}, {"mine/EPE": (3.0, 3.5)})
    assert lines == "mine/EPE  3.2500  (3.0000 to 3.5000)\nloss      1.0000\n"


def test_small_and_uncertain_tests_are_told():
    assert few_in_words(50, 500) == []
    assert "only 49 images" in few_in_words(49, 49)[0]
    sure = norm.ppf((np.arange(1000) + 0.5) / 1000)
    spread = Spread({"AP": 0.5, "EPE": 10.0}, {"AP": 0.5 + 0.05 * sure, "EPE": 10 + 0.1 * sure}, {}, 100)
    (said,) = wide_in_words(spread)
    # from end to end 2 · 1.96 · 0.05; for half of that four times the images
    assert said.startswith("AP is uncertain by 0.2 from end to end; 0.1 would take about ")
    assert int(said.split("about ")[1].split(" ")[0]) == 390
    spread = Spread({"EPE": 10.0}, {"EPE": 10 + sure}, {}, 100)
    assert "EPE is uncertain by 3.9 from end to end; 2 would take about" in wide_in_words(spread)[0]


def test_a_detector_without_keypoints_has_intervals_too():
    metric = BoxMetricItself()
    metric.dataset_meta = {"classes": ("cup",)}
    rng = np.random.default_rng(0)
    for i in rng.permutation(40).tolist():
        box = {"id": i, "category": "cup", "area": 400.0, "bbox": [10, 10, 20, 20], "iscrowd": 0}
        shift = rng.integers(0, 8)
        found = {
            "bboxes": np.array([[10 + shift, 10, 30 + shift, 30.0]]), "scores": rng.random(1), "labels": np.zeros(1),
        }  # fmt: skip
        sample = {"pred_instances": found, "raw_ann_info": [box], "img_id": i, "img_path": f"{i}.png"}
        metric.process(None, [{**sample, "ori_shape": (100, 100)}])
    numbers = metric.compute_metrics(metric.results)
    report = interval_report(MeasuredImages.of([metric]), DATASET, resamples=300)
    low, high = report["numbers"]["box/AP"]
    assert low < numbers["AP"] < high and report["per_keypoint"] == []
    assert MeasuredImages.of([BoxMetric(), BoxKeypointMetric(), KeypointMetric()]) == []  # before any test


def test_the_names_of_frames_are_told(tmp_path: Path):
    frames = [f"data/images/clip{v}_frame{i:03}.png" for v in range(3) for i in range(9)]
    said = videos_in_words(frames)
    assert said is not None and "27 of the images are named as frames of 3 videos" in said
    pattern = said.split("--group-by '")[1].rstrip("'")
    assert len(set(image_groups_of(frames, pattern, DATASET))) == 3
    assert videos_in_words([f"data/images/{i:05}.png" for i in range(50)]) is None
    (one,) = sequences([Path(f"video_7/{i}.png") for i in range(8)])
    assert video_names(one)


@pytest.fixture
def of_coco(tmp_path: Path) -> SimpleNamespace:
    """A dataset whose test images have a camera, whose train images have not."""
    (tmp_path / "annotations").mkdir()
    records = [{"file_name": f"images/{i}.png", "camera": i % 2} for i in range(6)]
    (tmp_path / "annotations/test.json").write_text(json.dumps({"images": records}))
    (tmp_path / "annotations/train.json").write_text(json.dumps({"images": [{"file_name": "images/9.png"}]}))
    files = [tmp_path / "annotations" / name for name in ("train.json", "test.json", "val.json")]
    return SimpleNamespace(data_root=str(tmp_path), split="test", files_read=lambda: files, root=tmp_path)


def test_images_are_grouped_by_a_key_of_their_records(of_coco: SimpleNamespace):
    images = [f"{of_coco.root}/images/{i}.png" for i in (3, 0, 2)]
    groups = image_groups_of(images, "key:camera", of_coco)
    assert groups[1] == groups[2] != groups[0]
    with pytest.raises(BadInputError, match="image without 'video'.*file_name, camera in that of images/"):
        image_groups_of(images, "key:video", of_coco)
    with pytest.raises(BadInputError, match="no record of a test image.*7.png"):
        image_groups_of([*images, f"{of_coco.root}/images/7.png"], "key:camera", of_coco)


def test_patterns_that_group_nothing_or_a_part_are_told(caplog: pytest.LogCaptureFixture):
    images = ["data/images/a_1.png", "data/images/a_2.png", "data/images/b.png"]
    assert image_groups_of(images, None, DATASET) == images
    assert image_groups_of(images, r"(\w)_\d", DATASET) == ["a", "a", "data/images/b.png"]
    assert "matches 2 of 3 test images" in caplog.text
    with pytest.raises(
        BadInputError, match="matches no test image; expected part of a path such as images/a_1"
    ):
        image_groups_of(images, "x", DATASET)
    with pytest.raises(BadInputError, match="not a regular expression"):
        image_groups_of(images, "(", DATASET)


def test_crops_of_an_image_belong_together(tmp_path: Path):
    from kpplugins.data.annotation_set import ORIGINS_FILE

    rows = "".join(f"out/images/{name}.png,{image}\n" for name, image in (("a", "x"), ("b", "x"), ("c", "y")))
    (tmp_path / ORIGINS_FILE).write_text("crop,image\n" + rows)
    images = [f"{tmp_path}/images/{name}.png" for name in "abc"]
    first, second, third = image_groups_of(images, None, SimpleNamespace(data_root=str(tmp_path)))
    assert first == second != third
