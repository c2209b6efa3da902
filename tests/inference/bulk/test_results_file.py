"""A file of results is whole lines of one run, whatever happens."""

import json
import os
import resource
from pathlib import Path

import pytest

from kpplugins.inference.bulk.outcome import Outcome
from kpplugins.inference.bulk.results_file import ResultsFile, bad_path_of, lines_of, read_run
from kpplugins.structures import BadInputError, MachineError
from kpplugins.structures.line_file import LineFile

FACTS = {
    "model": {"file": "a.pth", "checksum": "1"}, "options": {"box_thr": 0.3}, "shard": "1/1", "folder": "/a",
    "relative": True, "inputs": ["images"],
}  # fmt: skip


def found(*sources: str) -> list[Outcome]:
    return [Outcome(source, line=json.dumps({"image": source, "x": 1})) for source in sources]


def write(path: Path, *sources: str, **facts: object) -> None:
    with ResultsFile(path, FACTS | facts) as results:
        results.append(found(*sources))
        results.finish({"images": len(sources)})


def test_what_was_written_is_known_when_it_goes_on(tmp_path: Path):
    path = tmp_path / "new/a.jsonl"
    write(path, "a.jpg", "é\n猫.jpg")
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.jsonl", "a.jsonl.run.json"]
    assert read_run(path)["finished"] is True
    with ResultsFile(path, FACTS | {"model": {"file": "elsewhere.pth", "checksum": "1"}}) as results:
        assert results.done.has(["a.jpg", "é\n猫.jpg", "./a.jpg", "b.jpg"]).tolist() == [
            True,
            True,
            False,
            False,
        ]
        assert read_run(path)["finished"] is False
        results.append(found("b.jpg"))
    assert [source for source, _ in lines_of(path)] == ["a.jpg", "é\n猫.jpg", "b.jpg"]


def test_bad_images_stand_apart_and_are_forgotten_when_they_are_tried_again(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    with ResultsFile(path, FACTS) as results:
        results.append([*found("a.jpg"), Outcome("b.jpg", fault="is empty")])
        assert results.bad == 1
    assert [json.loads(line) for line in bad_path_of(path).read_text().splitlines()] == [
        {"image": "b.jpg", "fault": "is empty"}
    ]
    with ResultsFile(path, FACTS) as results:
        assert not results.done.has(["b.jpg"])[0] and not bad_path_of(path).exists()


@pytest.mark.parametrize("end", ["x", '{"image": "c.jpg", "keyp', '{"image": "c.jpg"}', "\0" * 3_000_000])
def test_a_torn_last_line_is_cut_off_and_told(tmp_path: Path, end: str, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "a.jsonl"
    write(path, "a.jpg", "b.jpg")
    whole = path.read_bytes()
    path.write_bytes(whole + end.encode())
    with ResultsFile(path, FACTS) as results:
        assert len(results.done) == 2
    assert path.read_bytes() == whole
    assert f"last line of {len(end)} bytes" in caplog.text


def test_a_file_of_one_torn_line_becomes_empty(tmp_path: Path):
    write(tmp_path / "a.jsonl", "a.jpg")
    (tmp_path / "a.jsonl").write_text('{"sour')
    with ResultsFile(tmp_path / "a.jsonl", FACTS) as results:
        assert len(results.done) == 0


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (
            {"model": {"file": "a.pth", "checksum": "2"}},
            "of another model; expected.*checksum 1.*found.*checksum 2",
        ),
        ({"options": {"box_thr": 0.5}}, "of other options; expected box_thr 0.3; found box_thr 0.5"),
        ({"shard": "1/2"}, "of another shard"),
        ({"folder": "/b"}, "relative to another folder; expected /a; found /b"),
    ],
)
def test_results_of_another_run_are_not_continued(tmp_path: Path, facts: dict, line: str):
    path = tmp_path / "a.jsonl"
    write(path, "a.jpg")
    before = path.read_bytes()
    with (
        pytest.raises(BadInputError, match=f"a.jsonl: these results.*{line}") as fault,
        ResultsFile(path, FACTS | facts),
    ):
        pass
    assert "\n" not in str(fault.value) and path.read_bytes() == before
    write(path, "b.jpg")  # and the lock is free


def test_absolute_names_may_be_given_from_elsewhere(tmp_path: Path):
    write(tmp_path / "a.jsonl", "/i/a.jpg", relative=False)
    write(tmp_path / "a.jsonl", "/i/b.jpg", relative=False, folder="/b")


@pytest.mark.parametrize(
    "content", [b"nonsense\n", b"[]\n", b'{"source": "a.jpg"}\n', b"\xff\n", b'{"image": 1}\n']
)
def test_a_damaged_line_is_named(tmp_path: Path, content: bytes):
    path = tmp_path / "a.jsonl"
    write(path, "a.jpg")
    path.write_bytes(path.read_bytes() + content)
    with (
        pytest.raises(BadInputError, match="a.jsonl:2: a damaged line.*delete this line"),
        ResultsFile(path, FACTS),
    ):
        pass


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "do not say"),
        ("{", "do not say"),
        ("[]", "do not say"),
        ('{"format": 99}', "by a newer kpplugins"),
    ],
)
def test_results_without_their_record_are_not_continued(tmp_path: Path, content: str | None, line: str):
    path, beside = tmp_path / "a.jsonl", tmp_path / "a.jsonl.run.json"
    write(path, "a.jpg")
    beside.unlink() if content is None else beside.write_text(content)
    with pytest.raises(BadInputError, match=line), ResultsFile(path, FACTS):
        pass


@pytest.fixture
def small_files():
    """No file may become larger than 1000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_whole_lines(tmp_path: Path, small_files: None):
    with LineFile(tmp_path / "a") as file:
        file.append(["x" * 600])
        with pytest.raises(MachineError, match="a: cannot be written .File too large"):
            file.append(["y" * 100, "z" * 600])
        file.append(["w" * 100])
    assert (tmp_path / "a").read_text() == "x" * 600 + "\n" + "w" * 100 + "\n"


def test_a_real_full_disk_is_the_machines_fault_and_goes_on_when_there_is_room(small_disk):
    disk = small_disk("32k")
    path = disk / "a.jsonl"
    lines = [Outcome(f"{i}.jpg", line=json.dumps({"image": f"{i}.jpg", "x": "y" * 1000})) for i in range(100)]
    with pytest.raises(MachineError, match="No space left on device"), ResultsFile(path, FACTS) as results:
        for i in range(0, 100, 4):
            results.append(lines[i : i + 4])
    written = [source for source, _ in lines_of(path)]
    assert 4 <= len(written) < 30 and len(written) % 4 == 0
    os.truncate(path, sum(len(line) + 1 for _, line in list(lines_of(path))[:2]))
    with ResultsFile(path, FACTS) as results:
        results.append(lines[2:4])
    assert [source for source, _ in lines_of(path)] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


def test_a_folder_is_no_file_of_results(tmp_path: Path):
    with pytest.raises(BadInputError, match="not a file"), ResultsFile(tmp_path, FACTS):
        pass
