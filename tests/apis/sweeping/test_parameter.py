"""What a sweep varies, as it is written."""

import pytest

from kpplugins.apis.sweeping.parameter import Parameter, parse_space
from kpplugins.structures import BadInputError


def test_each_kind_as_it_is_written():
    words = ["lr=log:1e-4:1e-2", "box_padding=lin:1:1.5", "num_stacks=int:1:2", "input_size=one:(64,64)|(96,96)",
             "model.head.loss.type=one:A|B"]  # fmt: skip
    found = parse_space(words)
    assert found[0] == Parameter("lr", "log", 1e-4, 1e-2)
    assert [parameter.ends for parameter in found] == [
        [1e-4, 1e-2], [1.0, 1.5], [1, 2], [(64, 64), (96, 96)], ["A", "B"],
    ]  # fmt: skip
    assert [type(end) for end in found[2].ends] == [int, int]
    assert parse_space(list(map(str, found))) == found
    assert found[0].value(0.00123456) == 0.001235


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("lr", "not a range of values; expected NAME=log"),
        ("=log:1:2", "cannot vary this"),
        ("pipeline.3.prob=lin:0:1", "without items of lists"),
        ("lr=log:0:1", "LOW > 0"),
        ("lr=lin:2:1", "LOW < HIGH"),
        ("lr=lin:nan:1", "LOW < HIGH"),
        ("lr=lin:1:inf", "LOW < HIGH"),
        ("lr=lin:a:b", "two numbers"),
        ("lr=log:1e-3", "two numbers"),
        ("n=int:1:2.5", "whole numbers"),
        ("n=one:a", "two or more different values"),
        ("n=one:a|a", "two or more different values"),
    ],
)
def test_what_is_no_range_is_one_line(word: str, words: str):
    with pytest.raises(BadInputError) as caught:
        parse_space([word])
    assert words in str(caught.value) and word in str(caught.value) and "\n" not in str(caught.value)


def test_none_and_twice():
    with pytest.raises(BadInputError, match="nothing to vary"):
        parse_space([])
    with pytest.raises(BadInputError, match="lr is stated twice"):
        parse_space(["lr=log:1e-4:1e-2", "lr=lin:1:2"])
