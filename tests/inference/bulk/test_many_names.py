"""What holds millions of names: sorting, the set, and shards."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpplugins.inference.bulk.name_set import NameSet
from kpplugins.inference.bulk.shard import Shard
from kpplugins.inference.bulk.sorted_names import sorted_names
from kpplugins.structures import BadInputError

NAMES = [f"image {i}\n é{chr(0xDC80 + i % 100)}.jpg" for i in range(500)]


@pytest.mark.parametrize("at_once", [7, 100, 500, 501])
def test_sorting_in_pieces_is_sorting(at_once: int):
    mixed = random.Random(0).sample(NAMES, len(NAMES))
    assert list(sorted_names(iter(mixed), at_once)) == sorted(NAMES)


def test_sorting_nothing():
    assert list(sorted_names([])) == []


@settings(max_examples=40)
@given(st.lists(st.lists(st.text(max_size=3), max_size=30), max_size=20))
def test_a_set_of_names_is_a_set(batches: list[list[str]]):
    ours, theirs = NameSet(), set()
    for batch in batches:
        assert ours.has(batch).tolist() == [name in theirs for name in batch]
        new = []
        for name in batch:
            new.append(name not in theirs)
            theirs.add(name)
        assert ours.add(batch).tolist() == new
        assert len(ours) == len(theirs)


def test_a_set_takes_sixteen_bytes_a_name_and_few_arrays():
    names = NameSet()
    for start in range(0, 50_000, 500):
        names.add([str(i) for i in range(start, start + 500)])
    assert sum(level.nbytes for level in names._levels) == 16 * 50_000
    assert len(names._levels) <= 16


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_each_name_is_in_exactly_one_shard_of_about_equal_size(count: int):
    shards = [Shard(number, count) for number in range(1, count + 1)]
    held = [[shard.number for shard in shards if shard.holds(name)] for name in NAMES]
    assert all(len(one) == 1 for one in held)
    sizes = Counter(one[0] for one in held)
    assert len(sizes) == count and min(sizes.values()) > 0.6 * len(NAMES) / count


def test_shards_are_read_and_name_their_files(tmp_path):
    shard = Shard.parse(" 3/8 ")
    assert (shard.number, shard.count, shard.text) == (3, 8, "3/8")
    assert shard.file(tmp_path / "a.b.jsonl") == tmp_path / "a.b.3-of-8.jsonl"
    assert shard.file(tmp_path / "a.3-of-8.jsonl") == tmp_path / "a.3-of-8.jsonl"
    assert shard.file(tmp_path / "a.3-of-9.jsonl") == tmp_path / "a.3-of-9.3-of-8.jsonl"
    assert Shard().file(tmp_path / "a.jsonl") == tmp_path / "a.jsonl"


@pytest.mark.parametrize("text", ["0/8", "9/8", "3", "3/0", "a/b", "-1/8", "", "3/8/2"])
def test_what_is_no_shard(text: str):
    with pytest.raises(BadInputError, match="--shard: not a shard; expected 1/8 to 8/8"):
        Shard.parse(text)


def test_torchrun_says_which_shard_a_process_does():
    assert Shard.of_launcher({"RANK": "2", "WORLD_SIZE": "4"}) == Shard(3, 4)
    assert Shard.of_launcher({}) == Shard()
