"""Peers on the same data: the neutral form, the scores, the task, the environments and the command line."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import __main__ as command
from benchmarks.peers import program_run
from benchmarks.peers.environment import Environment
from benchmarks.peers.peer import FOUND, GIVEN, PEERS, Peer
from benchmarks.peers.results import read_results
from benchmarks.peers.scoring import scored, with_boxes
from benchmarks.peers.table import HEADER, peers_table
from benchmarks.peers.task import Task
from kpplugins.structures import BadInputError

SEEING = """
from protocol import Stopwatch, coco, entry, finish, labelled, one_by_one, task
import numpy as np

given, watch = task(), Stopwatch(1)
truths = coco(given, "test")["annotations"]

def predict(image):
    rows = []
    for a in labelled(truths):
        if a["image_id"] == image["id"] and a["id"] != max(t["id"] for t in truths):
            points = np.array(a["keypoints"], float).reshape(-1, 3)[:, :2] + (3, 0)
            rows.append(entry(image["id"], a["category_id"], points, np.ones(len(points)), 0.9, a["bbox"]))
    return rows

watch.images = 12
watch.stopped = 6.0
finish(given, watch, one_by_one(predict), parameters=5, shape=(64, 32), train_images=6)
"""
"""Finds every test instance but the last, 3 px to the right."""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs with ``seeing.py`` and ``broken.py``, and peers of these names."""
    folder = tmp_path / "programs"
    shutil.copytree(program_run.PROGRAMS, folder)
    (folder / "seeing.py").write_text(SEEING)
    (folder / "broken.py").write_text("raise RuntimeError('no weights')\n")
    monkeypatch.setattr(program_run, "PROGRAMS", folder)
    monkeypatch.setitem(PEERS, "seeing", Peer("seeing", "seeing.py", "sees", FOUND))
    monkeypatch.setitem(PEERS, "broken", Peer("broken", "broken.py", "is broken", FOUND))
    monkeypatch.setattr(Task, "fingerprint", lambda self, peer: f"{peer.name} {self.minutes}")
    return folder


@pytest.fixture
def task(cups_and_plates: Path, tmp_path: Path) -> Task:
    return Task(cups_and_plates, tmp_path / "data", 0.5)


def row(image_id: int, category_id: int, points: list[float], score: float, **more) -> dict:
    return {"image_id": image_id, "category_id": category_id, "keypoints": points, "score": score, **more}


def test_the_command_runs_what_is_not_finished_and_says_why_one_has_no_result(
    cups_and_plates: Path, tmp_path: Path, programs: Path, capsys: pytest.CaptureFixture
):
    words = [
        "--data",
        str(cups_and_plates),
        "--cpu-minutes",
        "0.5",
        "--out",
        str(tmp_path / "out"),
        "--peers",
    ]
    names = ["mean_keypoints", "seeing", "broken"]
    assert command.main([*words, *names]) == 0
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if line.startswith("| ")]
    assert [line.split("|")[1].strip() for line in lines] == ["method", "mean_keypoints", "seeing"]
    assert "- broken: " in said and "RuntimeError: no weights" in said
    content = json.loads((tmp_path / "out/peers.json").read_text())
    assert content["images"] == {"train": 6, "val": 2, "test": 2} and content["test instances"] == 4
    mean, seeing, broken = content["peers"]
    assert mean["numbers"]["EPE"] == pytest.approx(
        0, abs=1e-3
    )  # keypoints are at the same place in every box
    assert mean["numbers"]["AP"] == 1 and mean["numbers"]["missed"] == 0
    assert seeing["numbers"]["EPE"] == pytest.approx(3) and seeing["numbers"]["missed"] == 1
    assert seeing["numbers"]["PCK@0.1"] == pytest.approx(
        3 / 4
    )  # exactly 0.1 of 30 px; the missed one is wrong
    assert seeing["numbers"]["PCK@0.05"] == 0
    assert (seeing["epochs"], seeing["cpu_minutes"], seeing["training_images_per_second"]) == (2, 0.1, 2)
    assert seeing["input"] == "64×32" and seeing["parameters"] == 5 and "torch" in seeing["versions"]
    assert "error" in broken and "numbers" not in broken

    stamps = [(tmp_path / f"out/{name}/results.json").stat().st_mtime_ns for name in names[:2]]
    (programs / "broken.py").write_text(SEEING)
    assert command.main([*words, *names]) == 0
    assert [(tmp_path / f"out/{name}/results.json").stat().st_mtime_ns for name in names[:2]] == stamps
    assert "Without a result" not in capsys.readouterr().out  # the one that failed was tried again
    assert command.main([*words, "seeing", "--again"]) == 0
    assert (tmp_path / "out/seeing/results.json").stat().st_mtime_ns > stamps[1]


def test_what_the_command_does_not_know_is_one_line(cups_and_plates: Path, tmp_path: Path, caplog):
    words = ["--data", str(cups_and_plates), "--out", str(tmp_path / "out")]
    assert command.main([*words, "--cpu-minutes", "1", "--peers", "openpose"]) == 2
    assert command.main([*words, "--cpu-minutes", "0"]) == 2
    assert command.main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--cpu-minutes", "1"]) == 2


def test_every_peer_has_a_program_or_is_only_installed():
    for peer in PEERS.values():
        assert not peer.program or (program_run.PROGRAMS / peer.program).is_file(), peer.name
        assert peer.program or peer.packages, peer.name
        assert peer.boxes in (GIVEN, FOUND)


def test_a_program_gets_images_labels_and_flips(task: Task, tmp_path: Path):
    file = task.write(PEERS["mean_keypoints"], tmp_path / "peer")
    given = json.loads(file.read_text())
    assert given["keypoints"] == ["head", "tail"] and given["classes"] == ["cup", "plate"]
    assert given["most_instances"] == 2 and given["longest"] == 80 and given["minutes"] == 0.5
    assert given["flip_indices"] == [0, 1] and given["boxes"] == GIVEN
    images = json.loads(Path(given["test"]).read_text())["images"]
    assert all((Path(given["images"]) / image["file_name"]).is_file() for image in images)
    yolo = (Path(given["yolo"]) / "data.yaml").read_text()
    assert "kpt_shape" in yolo and "test: images/test" in yolo


def test_the_neutral_form_is_checked(task: Task, tmp_path: Path):
    content, truths = task.content("test"), task.truths()
    given = [
        row(t["image_id"], t["category_id"], [1.0] * 6, 1.0, bbox=t["bbox"], annotation_id=t["id"])
        for t in truths
    ]

    def read(rows: list[dict], boxes: bool = True) -> list[dict]:
        file = tmp_path / "results.json"
        file.write_text(json.dumps(rows))
        return read_results(file, content, truths if boxes else None)

    assert [r["annotation_id"] for r in read(given[::-1])] == [t["id"] for t in truths]
    without = [{k: v for k, v in r.items() if k not in ("bbox", "annotation_id")} for r in given]
    assert read(without, boxes=False) == without and read([], boxes=False) == []
    for rows, words in (
        (given[1:], "not one prediction for each given box"),
        (without, "no bbox"),
        (
            [{**given[0], "keypoints": [1.0] * 9}, *given[1:]],
            "keypoints of another length; expected 6; found 9",
        ),
        ([{**given[0], "score": float("nan")}, *given[1:]], "not finite"),
        ([{**given[0], "image_id": 99}, *given[1:]], "of no image or category"),
    ):
        with pytest.raises(BadInputError, match=words):
            read(rows)
    with pytest.raises(BadInputError, match="no bbox"):
        read([*without[:1], *given[1:]], boxes=False)
    with pytest.raises(BadInputError, match="no predictions"):
        read_results(tmp_path / "gone.json", content, None)


def test_given_and_found_boxes_give_the_same_errors(task: Task):
    """Exact but for the first keypoint of the first instance, 6 px off."""
    truths = task.truths()
    points = [list(map(float, t["keypoints"])) for t in truths]
    points[0][1] += 6
    rows = [
        row(t["image_id"], t["category_id"], p, 1.0, bbox=t["bbox"])
        for t, p in zip(truths, points, strict=True)
    ]
    given, found = scored(task, rows, True), scored(task, rows, False)
    for numbers in (given, found):
        assert numbers["EPE"] == pytest.approx(6 / 8) and numbers["RMSE"] == pytest.approx(np.sqrt(36 / 16))
        assert numbers["PCK@0.1"] == pytest.approx(7 / 8) and numbers["PCK@0.2"] == 1
        assert numbers["instances"] == 4 and numbers["missed"] == 0
    assert found["box/AP"] == 1 and "box/AP" not in given
    without = [{k: v for k, v in r.items() if k != "bbox"} for r in rows]
    numbers = scored(task, without, False)
    assert numbers["EPE"] == pytest.approx(6 / 8) and "box/AP" not in numbers


def test_instances_without_boxes_are_paired_with_the_nearest_the_best_first():
    true = [
        {"category_id": 1, "num_keypoints": 2, "iscrowd": 0, "bbox": [0, 0, 10, 10], "keypoints": [0, 0, 2, 10, 10, 2]},
        {"category_id": 1, "num_keypoints": 2, "iscrowd": 0, "bbox": [50, 0, 9, 9], "keypoints": [50, 0, 2, 59, 9, 2]},
    ]  # fmt: skip
    near_first = [2.0, 0, 1, 12, 10, 1]
    rows = [
        row(1, 1, near_first, 0.5),
        row(1, 1, [1.0, 0, 1, 11, 10, 1], 0.9),
        row(1, 1, [7.0, 8, 1, 9, 9, 1], 0.1),
    ]
    assert [r["bbox"] for r in with_boxes(rows, true)] == [[50, 0, 9, 9], [0, 0, 10, 10], [7.0, 8, 0, 0]]
    boxed = [row(1, 1, near_first, 0.5, bbox=[1, 2, 3, 4])]
    assert with_boxes(boxed, true) == boxed


def test_an_environment_sees_this_ones_packages_and_says_what_it_cannot_install(tmp_path: Path):
    environment = Environment(tmp_path / "env", (str(tmp_path / "no_such_package"),))
    with pytest.raises(BadInputError, match="pip cannot install .*no_such_package"):
        environment.make()
    assert (tmp_path / "env/pip.log").is_file() and not (tmp_path / "env/ready.json").exists()
    assert set(environment.versions(["torch", "no-such-package"])) == {"torch"}
    assert Environment(tmp_path / "own").python != environment.python


def test_the_table_has_a_column_for_each_heading():
    numbers = {
        "RMSE": float("nan"),
        "EPE": 1.0,
        "PCK@0.05": 0.5,
        "PCK@0.1": 1,
        "AP": 0.25,
        "missed": 1,
        "instances": 4,
    }
    facts = {
        "parameters": 1_500_000, "input": "-", "epochs": None, "cpu_minutes": 4, "training_images_per_second": None,
        "test_images_per_second": 3.0, "versions": {"x": "1.0"}, "numbers": numbers,
    }  # fmt: skip
    text = peers_table(
        [{"name": "a", "words": "a net", "boxes": FOUND, **facts}, {"name": "b", "error": "no weights"}]
    )
    cells = [cell.strip() for cell in text.splitlines()[2].strip("|").split("|")]
    assert len(cells) == len(HEADER) and cells[2] == "-" and cells[7] == "1 of 4" and cells[8] == "1.50"
    assert "\n- a: a net\n" in text
    assert text.endswith("Without a result:\n\n- b: no weights\n")


def test_a_table_is_put_into_a_page_in_place_of_the_earlier_one(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("# Peers\n\nWords.\n")
    command.put_into(page, "cups", "| a |\n")
    command.put_into(page, "mice", "| b |\n")
    command.put_into(page, "cups", "| c |\n")
    cups, mice = (
        f"<!-- peers on {n} -->\n| {t} |\n<!-- end of peers on {n} -->\n"
        for n, t in (("cups", "c"), ("mice", "b"))
    )
    assert page.read_text() == f"# Peers\n\nWords.\n\n{cups}\n{mice}"


def test_the_command_of_the_page_is_understood(root: Path, cups_and_plates: Path, tmp_path: Path):
    (line,) = re.findall(r"^python -m benchmarks\.peers (.*)$", (root / "docs/peers.md").read_text(), re.M)
    words = (
        line.replace("data/custom", str(cups_and_plates))
        .replace("work_dirs/peers", str(tmp_path / "out"))
        .split()
    )
    assert str(cups_and_plates) in words and str(tmp_path / "out") in words
    assert command.main([*words, "--peers", "mean_keypoints"]) == 0
    assert (tmp_path / "out/peers.md").is_file()
