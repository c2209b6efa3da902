"""What is measured of predictions, training and data, with a tiny network."""

import json
from pathlib import Path

import psutil
import pytest
import torch

from benchmarks.predictor import random_run, resident
from kpplugins.apis.benchmarking.benchmark_report import in_milliseconds
from kpplugins.apis.benchmarking.data_speed import data_speed
from kpplugins.apis.benchmarking.predict_speed import predict_speed
from kpplugins.apis.benchmarking.train_speed import train_speed
from kpplugins.commands.benchmark import main
from kpplugins.inference.predictor import Predictor
from kpplugins.structures import BadInputError

TINY = {
    "input_size": (64, 64), "model.backbone.channels": 16, "model.head.in_channels": 16, "model.head.depth": 2,
    "train_dataloader.batch_size": 4, "train_dataloader.num_workers": 0, "train_dataloader.persistent_workers": False,
}  # fmt: skip
CONFIG = "configs/cat_hourglass_sample.py"


@pytest.fixture(scope="module")
def checkpoint(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_run(root / CONFIG, tmp_path_factory.mktemp("run"), TINY)


def test_prediction_by_stages_and_against_its_references(checkpoint: Path, drawn_cats: Path):
    predictor = Predictor(None, checkpoint, "cpu")
    report = predict_speed(predictor, sorted(drawn_cats.rglob("*.jpg"))[:2], boxes=3, rounds=4)
    rows = {row["what"]: row for row in report.rows}
    assert list(rows) == [
        "reading", "preprocessing", "decoding", "network", "drawing", "array to PoseResult", "bare network",
        "MMPose's inference_topdown", "files, overlapped",
    ]  # fmt: skip
    stages = sum(rows[name]["p50 ms"] for name in ("preprocessing", "decoding", "network"))
    assert stages == pytest.approx(rows["array to PoseResult"]["p50 ms"], rel=0.9)
    assert rows["array to PoseResult"]["÷ bare"] > 0 and rows["bare network"]["÷ bare"] is None
    assert all(row["p50 ms"] <= row["p95 ms"] for row in report.rows[:-1])
    assert "decode" not in vars(predictor.model.trained.network.head)  # as it was
    with pytest.raises(BadInputError, match="not a number of boxes"):
        predict_speed(predictor, boxes=0)


def test_training_against_a_bare_loop(root: Path, drawn_cats: Path):
    report = train_speed(root / CONFIG, drawn_cats, epochs=2, rounds=1, cfg_options=TINY)
    runner, bare = report.rows
    assert 0 <= runner["waiting for data"] <= 1
    assert report.facts["Runner ÷ bare loop"] == pytest.approx(
        runner["images a second"] / bare["images a second"]
    )
    with pytest.raises(BadInputError, match="too little to measure"):
        train_speed(root / CONFIG, drawn_cats, epochs=1)


def test_data_by_number_of_workers(root: Path, drawn_cats: Path):
    report = data_speed(root / CONFIG, drawn_cats, [0, 1], 0.1, TINY)
    assert [row["what"] for row in report.rows] == [
        "bare dataset", "nothing kept", "bare decoder", "0 workers", "1 workers",
    ]  # fmt: skip
    speeds = {row["what"]: row["samples a second"] for row in report.rows}
    assert speeds["nothing kept"] < speeds["bare decoder"]
    assert all(row["crops a second"] == row["samples a second"] > 0 for row in report.rows)
    with pytest.raises(BadInputError, match="nothing to measure"):
        data_speed(root / CONFIG, drawn_cats, [-1])


def test_several_instances_of_an_image_are_several_crops(root: Path, cups_and_plates: Path):
    options = {"train_dataloader.batch_size": 2, "input_size": (64, 64)}
    report = data_speed(root / "configs/custom_centernet_resnet18.py", cups_and_plates, [0], 0.1, options)
    assert all(row["crops a second"] > row["samples a second"] for row in report.rows)


def test_the_command_prints_and_writes_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main(["eval", "--num", "20", "--out", str(tmp_path / "new")]) == 0
    page = (tmp_path / "new/benchmark_eval.md").read_text()
    assert capsys.readouterr().out.startswith(page) and "| kpplugins" in page
    assert json.loads((tmp_path / "new/benchmark_eval.json").read_text())["rows"][0]["what"] == "kpplugins"


def test_percentiles():
    assert in_milliseconds([0.001] * 19 + [0.1]) == pytest.approx({"p50 ms": 1.0, "p95 ms": 5.95})


def test_memory_is_measured_while_frames_go_by(checkpoint: Path):
    before, threads = psutil.Process().memory_info().rss / 2**20, torch.get_num_threads()
    early, late = resident(str(checkpoint), frames=20)
    torch.set_num_threads(threads)
    assert 0.5 * before < early < 2 * before + 500 and late > 0.5 * early
