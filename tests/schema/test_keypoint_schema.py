import json
from pathlib import Path

import pytest

from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

FACE = KeypointSchema(
    name="face",
    keypoints=("left_eye", "right_eye", "nose"),
    flip_pairs=(("left_eye", "right_eye"),),
    skeleton=(("left_eye", "nose"), ("right_eye", "nose")),
    sigmas=(0.025, 0.03, 0.026),
)


def test_flip_indices_exchange_pairs_and_keep_the_rest():
    assert FACE.flip_indices == [1, 0, 2]


def test_a_subset_keeps_its_meaning_in_the_order_asked_for():
    part = FACE.subset(["nose", "right_eye"])
    assert part.keypoints == ("nose", "right_eye")
    assert part.sigmas == (0.026, 0.03)
    assert part.flip_pairs == ()  # its partner is gone
    assert part.skeleton_indices == [(1, 0)]
    assert part.colors == (FACE.colors[2], FACE.colors[1])


def test_half_of_a_pair_cannot_be_mirrored():
    assert FACE.subset(["left_eye", "nose"]).unpaired == ("left_eye",)
    assert FACE.subset(["left_eye", "right_eye"]).unpaired == ()
    assert FACE.subset(["left_eye", "nose"]).subset(["nose"]).unpaired == ()


def test_no_subset_is_all():
    assert FACE.subset(None) is FACE


def test_sigmas_default_to_the_stated_one():
    assert KeypointSchema("x", ("a", "b")).sigmas == (0.05, 0.05)


def test_json_round_trip(tmp_path: Path):
    FACE.save(tmp_path / "schema.json")
    assert KeypointSchema.load(tmp_path / "schema.json") == FACE


def test_mmpose_reads_it_and_it_reads_mmpose():
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    import kpplugins.register  # noqa: F401

    parsed = parse_pose_metainfo(FACE.to_metainfo())
    assert parsed["flip_indices"] == FACE.flip_indices
    assert parsed["skeleton_links"] == [(0, 2), (1, 2)]
    back = KeypointSchema.from_metainfo(parsed)
    assert (back.keypoints, back.skeleton, back.colors) == (FACE.keypoints, FACE.skeleton, FACE.colors)
    assert back.flip_pairs == FACE.flip_pairs
    assert back.sigmas == pytest.approx(FACE.sigmas)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (dict(keypoints=()), "at least one"),
        (dict(keypoints=("a", "a")), "'a' twice"),
        (dict(keypoints=("a", "b"), flip_pairs=(("a", "c"),)), "known keypoints"),
        (dict(keypoints=("a", "b"), flip_pairs=(("a", "a"),)), "two different"),
        (dict(keypoints=("a", "b", "c"), flip_pairs=(("a", "b"), ("c", "a"))), "two flip pairs"),
        (dict(keypoints=("a", "b"), skeleton=(("a", "z"),)), "known keypoints"),
        (dict(keypoints=("a", "b"), sigmas=(0.1,)), "expected 2; found 1"),
        (dict(keypoints=("a",), sigmas=(-0.1,)), "positive"),
    ],
)
def test_contradictions_are_refused(wrong: dict, words: str):
    with pytest.raises(BadInputError, match=words):
        KeypointSchema(name="x", **wrong)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(BadInputError, match="unknown keypoint 'tail'.*left_eye, right_eye, nose"):
        FACE.subset(["tail"])


@pytest.mark.parametrize("content", ["", "[]", '{"name": 3}', '{"nome": "x"}'])
def test_a_file_that_is_no_schema_is_named(tmp_path: Path, content: str):
    path = tmp_path / "schema.json"
    path.write_text(content)
    with pytest.raises(BadInputError, match=r"schema.json"):
        KeypointSchema.load(path)


@pytest.mark.parametrize(
    ("stored", "flips", "pairs", "off"),
    [
        (
            {"keypoints": ["left_eye", "right_eye"], "flip_pairs": [["left_eye", "right_eye"]]},
            "known",
            1,
            False,
        ),
        (
            {"keypoints": ["左眼", "右眼"], "flip_pairs": []},
            "known",
            1,
            False,
        ),  # written before flips had a state
        ({"keypoints": ["left_eye", "nose"], "flip_pairs": []}, "known", 0, True),
        ({"keypoints": ["a", "b"], "flip_pairs": []}, "unknown", 0, True),
        ({"keypoints": ["a", "b"]}, "unknown", 0, True),
        ({"keypoints": ["a", "b"], "flips": "known"}, "known", 0, False),
        (
            {"keypoints": ["a", "b"], "flips": "unknown", "flip_pairs": [["a", "b"]]},
            "known",
            1,
            False,
        ),  # by hand
        ({"keypoints": ["a", "b"], "flips": "one-sided", "flip_pairs": [["a", "b"]]}, "one-sided", 1, True),
    ],
)
def test_three_states_of_the_flips(tmp_path: Path, stored: dict, flips: str, pairs: int, off: bool):
    path = tmp_path / "schema.json"
    path.write_text(json.dumps({"name": "thing", **stored}))
    schema = KeypointSchema.load(path)
    assert (schema.flips, len(schema.flip_pairs), bool(schema.unflipped)) == (flips, pairs, off)
    schema.save(path)
    assert KeypointSchema.load(path) == schema
    chosen = schema.subset(schema.keypoints[::-1])
    assert (chosen.flips, bool(chosen.unflipped)) == (flips, off)


def test_another_word_for_the_state(tmp_path: Path):
    path = tmp_path / "schema.json"
    path.write_text(json.dumps({"name": "thing", "keypoints": ["a"], "flips": "yes"}))
    with pytest.raises(BadInputError, match="known, unknown or one-sided; found 'yes'"):
        KeypointSchema.load(path)


def test_a_subset_of_known_pairs_may_have_none():
    schema = KeypointSchema("x", ("l", "r", "n", "m"), flip_pairs=(("l", "r"),))
    assert schema.subset(["n", "m"]).unflipped == "" and schema.subset(["n", "m"]).flip_pairs == ()
    assert "l without partners" in schema.subset(["l", "n"]).unflipped
