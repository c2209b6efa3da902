"""Three states of a schema: pairs known, known to have none, unknown; and who decides."""

from dataclasses import replace

import numpy as np
import pytest

from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import infer_schema
from kpplugins.schema.settled_flips import contradictions, settled_flips, with_pairs
from tests.schema.test_flip_proposal import CARD, FACE, seen

EYES_EARS = (("left_eye", "right_eye"), ("left_ear", "right_ear"))
NAMED = ("left_eye", "right_eye", "nose", "left_ear", "right_ear", "chin")
SWAHILI = ("jicho_kushoto", "jicho_kulia", "pua", "sikio_kushoto", "sikio_kulia", "kidevu")
DOG = np.array([[-1.2, -0.9], [1.1, -0.6], [-0.7, 0], [-0.5, -0.06], [0.5, 0], [0.75, -0.06]])
DOG_NAMES = ("nose", "tail", "LF", "RF", "LH", "RH")


def settle(
    names: tuple[str, ...], shape: np.ndarray = FACE, pairs=None, n: int = 60, tilt: float | None = 0.1, **how
):
    noise = 0.03 if shape is DOG else 0.08
    return settled_flips(infer_schema("thing", names, flip_pairs=pairs), *seen(shape, n, tilt, noise), **how)


def test_pairs_that_the_names_state_are_used_without_a_word():
    schema, lines = settle(NAMED)
    assert schema == infer_schema("thing", NAMED) and schema.flip_pairs == EYES_EARS
    assert (schema.flips, schema.unflipped, lines) == ("known", "", [])


def test_names_of_an_unknown_language_are_off_until_accepted():
    schema, lines = settle(SWAHILI)
    assert (schema.flips, schema.flip_pairs) == ("unknown", ()) and "not known" in schema.unflipped
    assert len(lines) == 1 and lines[0].startswith("flips are off: the names state no sides")
    for words in (
        "jicho_kushoto/jicho_kulia, sikio_kushoto/sikio_kulia",
        "--accept-flip-pairs",
        "--flip-pairs",
        "--no-flip-pairs",
    ):
        assert words in lines[0]
    schema, lines = settle(SWAHILI, accept=True)
    assert schema.flip_pairs == (SWAHILI[:2], SWAHILI[3:5]) and schema.unflipped == ""
    assert "accepted" in lines[0] and len(lines) == 1


def test_numbers_for_names_are_off_until_accepted():
    names = tuple(f"kpt_{i}" for i in range(6))
    schema, lines = settle(names)
    assert schema.flips == "unknown" and "kpt_0/kpt_1, kpt_3/kpt_4" in lines[0]
    assert settle(names, accept=True)[0].flip_pairs == (("kpt_0", "kpt_1"), ("kpt_3", "kpt_4"))


def test_the_labels_decide_what_numbers_in_names_mean_and_both_ways_are_said():
    names = ("eye1", "eye2", "spine1", "ear1", "ear2", "spine2")  # spines on the axis
    schema, lines = settle(names)
    assert schema.flip_pairs == (("eye1", "eye2"), ("ear1", "ear2")) and schema.unflipped == ""
    assert "eye1/eye2, ear1/ear2 are taken as left and right" in lines[0]
    assert "spine1 and spine2 are not" in lines[0] and "--no-flip-pairs" in lines[0]
    line = np.array([[-1, 0], [0, 0], [1.4, 0.0]])
    schema, lines = settle(("head", "spine1", "spine2"), line, tilt=None)
    assert (schema.flips, schema.flip_pairs) == ("known", ())
    assert "spine1 and spine2 are not left and right" in lines[0]


def test_numbers_beside_sides_are_put_right_by_the_labels():
    """Ears counted from left to right: the names pair left 1 with right 1, the shapes left 1 with right 2."""
    ears = np.array([[3, -1], [2, -1.6], [-2, -1.6], [-3, -1], [0, 1]])
    names = ("left_ear1", "left_ear2", "right_ear1", "right_ear2", "chin")
    schema, lines = settle(names, ears)
    assert (
        schema.flip_pairs == (("left_ear1", "right_ear2"), ("left_ear2", "right_ear1"))
        and schema.unflipped == ""
    )
    assert "left_ear1/right_ear2, left_ear2/right_ear1 are taken as left and right" in lines[0]


@pytest.mark.parametrize("n", [4, 12, 60])
def test_some_names_state_sides_and_others_only_numbers(n: int):
    """Ears by number: with enough labels they become a pair; with fewer, flips are off, and that is said."""
    names = ("left_eye", "right_eye", "nose", "ear_1", "ear_2", "chin")
    schema, lines = settle(names, n=n)
    if schema.unflipped:
        assert any("flips are off" in line and "ear_1" in line and "--flip-pairs" in line for line in lines)
    else:
        assert set(schema.flip_pairs) == {("left_eye", "right_eye"), ("ear_1", "ear_2")}
        assert "ear_1/ear_2 are taken as left and right" in lines[0]
    assert n > 4 or schema.unflipped
    stated, _ = settled_flips(
        infer_schema("thing", names, flip_pairs=[names[:2], names[3:5]]), *seen(FACE, n), stated=True
    )
    assert stated.unflipped == ""


def test_numbers_on_the_axis_beside_sides_stay_each_on_its_own():
    """Once the labels say so; a handful leaves it open."""
    names = ("left_eye", "right_eye", "spine_1", "left_ear", "right_ear", "spine_2")
    schema, lines = settle(names)
    assert (schema.flip_pairs, schema.unflipped, lines) == (EYES_EARS, "", [])
    assert "spine_1/spine_2 may be left and right" in settle(names, n=4)[1][-1]


def test_what_has_no_sides_is_flipped_and_said():
    line = np.array([[-1, 0], [0, 0], [1.4, 0]])
    schema, lines = settle(("snout", "back", "tail"), line, tilt=None)
    assert (schema.flips, schema.flip_pairs, schema.unflipped) == ("known", (), "")
    assert lines[0].startswith("flips exchange no keypoints")
    two = np.array([[-1, 0], [1, 0]])
    assert settle(("head", "tail"), two, tilt=None)[0].flips == "known"  # in any direction
    assert settle(("kpt_0", "kpt_1"), two, tilt=None)[0].flips == "unknown"
    assert settle(("jicho_kushoto", "jicho_kulia"), two, tilt=None)[0].flips == "unknown"  # two of a kind


def test_what_the_labels_cannot_tell_is_off():
    schema, lines = settle(("1", "2", "3", "4"), CARD, tilt=None)
    assert schema.flips == "unknown" and "the labels do not tell either" in lines[0]
    assert settle(("1", "2", "3", "4"), CARD, tilt=None, accept=True)[0].flips == "unknown"
    schema, lines = settle(SWAHILI, n=9)
    assert schema.flips == "unknown" and "too few instances" in lines[0] and "--no-flip-pairs" in lines[0]
    assert settle(NAMED, n=9) == (infer_schema("thing", NAMED), [])  # names are enough


def test_never_seen_mirrored_is_off_with_and_without_names():
    schema, lines = settle(DOG_NAMES, DOG, tilt=0)
    assert schema.flips == "one-sided" and schema.flip_pairs == (("LF", "RF"), ("LH", "RH"))
    assert "never seen mirrored" in schema.unflipped and len(lines) == 1 and "from one side" in lines[0]
    schema, lines = settle(("a", "b", "c", "d", "e", "f"), DOG, tilt=0)
    assert schema.flips == "unknown" and "look like none of the real ones" in lines[0]
    assert settle(("a", "b", "c", "d", "e", "f"), DOG, tilt=0, accept=True)[0].flips == "unknown"


def test_what_the_user_states_is_kept_and_contradictions_are_said():
    wrong = with_pairs(infer_schema("thing", NAMED), [("left_eye", "nose")])
    schema, lines = settled_flips(wrong, *seen(FACE, tilt=0.1), stated=True)
    assert schema is wrong
    assert (
        "contradict the names: left_eye/nose joins a side and none; left_ear and right_ear are no pair"
        in lines[0]
    )
    assert "the keypoints contradict them" in lines[1]
    none = with_pairs(infer_schema("thing", SWAHILI), [])
    assert settled_flips(none, *seen(FACE, tilt=0.1), stated=True)[1] == [
        "no flip pairs are stated, but the labels suggest jicho_kushoto/jicho_kulia, sikio_kushoto/sikio_kulia"
    ]
    one_sided = with_pairs(infer_schema("thing", DOG_NAMES), [("LF", "RF"), ("LH", "RH")])
    schema, lines = settled_flips(one_sided, *seen(DOG, tilt=0, noise=0.03), stated=True)
    assert schema.unflipped == "" and "the keypoints contradict them" in lines[0]


def test_pairs_of_a_file_that_contradict_its_names():
    """The labels decide; if they cannot, nothing is flipped."""
    copied = [("left_eye", "nose"), ("left_ear", "right_ear")]
    schema, lines = settle(NAMED, pairs=copied)
    assert schema.flip_pairs == EYES_EARS and schema.unflipped == ""
    assert "left_eye/nose joins a side and none" in lines[0] and "those of the names" in lines[0]
    schema, lines = settle(NAMED, pairs=copied, n=9)
    assert schema.unpaired == ("left_eye", "right_eye", "nose") and lines[0].startswith(
        "flips are off: the file's"
    )
    misnamed = ("left_eye", "nose", "right_eye", "left_ear", "right_ear", "chin")  # the file knows better
    schema, lines = settle(misnamed, pairs=[("left_eye", "nose"), ("left_ear", "right_ear")])
    assert (
        schema.flip_pairs == (("left_eye", "nose"), ("left_ear", "right_ear"))
        and "the file's, which" in lines[0]
    )
    schema, lines = settle(NAMED, pairs=[])  # none stated
    assert schema.flip_pairs == EYES_EARS and "left_eye and right_eye are no pair" in lines[0]


def test_none_that_a_file_states_is_believed_unless_the_labels_speak_against_it():
    line = np.array([[-1, 0], [0, 0], [1.4, 0]])
    for n in (9, 60):
        assert settle(("1", "2", "3"), line, pairs=[], n=n, tilt=None)[0].unflipped == ""
    schema, lines = settle(SWAHILI, pairs=[])
    assert schema.flips == "unknown" and "the file states no pairs" in lines[0]


def test_a_side_without_its_opposite():
    schema, lines = settle(("left_eye", "snout", "tail"), FACE[:3], n=9)
    assert (
        schema.unpaired == ("left_eye",)
        and schema.unflipped
        and lines[0].startswith("flips are off: left_eye")
    )


@pytest.mark.parametrize("name", ["tip", "kpt_0"])
def test_one_keypoint_has_no_partner(name: str):
    one = np.zeros((20, 1, 2)), np.ones((20, 1), bool)
    assert settled_flips(infer_schema("x", [name]), *one) == (infer_schema("x", [name]), [])
    assert infer_schema("x", [name]).unflipped == ""
    assert infer_schema("x", ["left_eye"]).unflipped


def test_stating_pairs_ends_every_other_state():
    off = KeypointSchema("x", ("a", "b", "c"), unpaired=("a",))
    assert with_pairs(off, [("a", "b")]) == replace(off, flip_pairs=(("a", "b"),), unpaired=())
    assert with_pairs(KeypointSchema("x", ("a", "b")), []).unflipped == ""


def test_cats_pairs_are_of_its_names_though_the_numbers_differ():
    from kpplugins.formats.cat import CAT_SCHEMA

    assert contradictions(CAT_SCHEMA) == []
