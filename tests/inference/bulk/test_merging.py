"""Shards become one file, all of them or none."""

import json
from pathlib import Path

import pytest

from kpplugins.inference.bulk.merging import merge_shards
from kpplugins.inference.bulk.outcome import Outcome
from kpplugins.inference.bulk.results_file import ResultsFile, bad_path_of, lines_of, read_run
from kpplugins.structures import BadInputError

FACTS = {
    "model": {"file": "a.pth", "checksum": "1"},
    "options": {"box_thr": 0.3},
    "folder": "/a",
    "inputs": ["i"],
}


def shard(
    folder: Path, number: int, *sources: str, count: int = 2, finish: bool = True, **facts: object
) -> Path:
    path = folder / f"a.{number}-of-{count}.jsonl"
    with ResultsFile(path, FACTS | {"shard": f"{number}/{count}"} | facts) as results:
        results.append([Outcome(s, line=json.dumps({"image": s})) for s in sources])
        results.append([Outcome(f"bad{number}.jpg", fault="is empty")])
        if finish:
            results.finish({"images": len(sources)})
    return path


def test_shard_by_shard_with_the_bad_ones_and_it_can_be_continued(tmp_path: Path):
    files = [shard(tmp_path, 2, "b.jpg", "c.jpg"), shard(tmp_path, 1, "a.jpg")]
    assert merge_shards(files, tmp_path / "out/all.jsonl") == {"images": 3, "bad": 2}
    path = tmp_path / "out/all.jsonl"
    assert [source for source, _ in lines_of(path)] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [json.loads(line)["image"] for line in bad_path_of(path).open()] == ["bad1.jpg", "bad2.jpg"]
    assert read_run(path)["finished"] and read_run(path)["model"] == FACTS["model"]
    with ResultsFile(path, FACTS | {"shard": "1/1"}) as results:
        assert len(results.done) == 3


def test_what_is_not_all_shards_of_one_run(tmp_path: Path):
    one, out = shard(tmp_path, 1, "a.jpg"), tmp_path / "all.jsonl"
    cases = {
        "not all shards are given; expected 2 files; found without 2/2": [one],
        "each once": [one, one],
        "2-of-3.jsonl: not the shards of one run": [one, shard(tmp_path, 2, count=3)],
        "is not finished": [one, shard(tmp_path, 2, finish=False)],
        "no shards": [],
        "do not say what they were made from": [tmp_path / "gone.jsonl"],
    }
    for line, files in cases.items():
        with pytest.raises(BadInputError, match=line):
            merge_shards(files, out)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(BadInputError, match="shards of two runs: their model differs"):
        merge_shards([one, shard(other, 2, model={"file": "b.pth", "checksum": "2"})], out)
    assert not out.exists()
    out.touch()
    with pytest.raises(BadInputError, match="already such a file"):
        merge_shards([one], out)
