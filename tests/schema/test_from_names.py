import pytest

from kpplugins.schema.from_names import flip_pairs_by_name, infer_schema, numbered_names, renamed_schema


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("left_eye", "right_eye"),
        ("eye_left", "eye_right"),
        ("leftEye", "rightEye"),
        ("EyeLeft", "EyeRight"),
        ("LEye", "REye"),
        ("eye_l", "eye_r"),
        ("l-eye", "r-eye"),
        ("eye.L", "eye.R"),
        ("lefteye", "righteye"),
        ("left_eye_inner_corner", "right_eye_inner_corner"),
        ("Left Eye", "Right Eye"),
    ],
)
def test_left_and_right_in_the_usual_spellings(left: str, right: str):
    assert flip_pairs_by_name(["nose", right, left]) == [(left, right)]


def test_what_has_no_partner_stays_alone():
    assert flip_pairs_by_name(["left_eye", "bright", "light", "tail", "l", "rear"]) == []


def test_ambiguous_names_are_not_paired():
    assert flip_pairs_by_name(["left_eye", "leftEye", "right_eye"]) == []


def test_sigmas_are_cocos_only_where_all_names_are():
    assert infer_schema("x", ["nose", "leftEye", "RIGHT_EYE"]).sigmas == (0.026, 0.025, 0.025)
    assert infer_schema("x", ["nose", "tail"]).sigmas == (0.05, 0.05)
    assert "not measured" in infer_schema("x", ["tail"]).sigmas_source
    assert infer_schema("x", ["nose"], sigmas=[0.2]).sigmas_source == "given with the data"


def test_other_names_keep_what_was_given():
    given = infer_schema(
        "x", ["a", "b", "c"], skeleton=[("a", "c")], flip_pairs=[("a", "b")], sigmas=[0.1, 0.1, 0.2]
    )
    named = renamed_schema(given, ["left_eye", "right_eye", "nose"], pairs_given=True)
    assert named.flip_pairs == (("left_eye", "right_eye"),) and named.skeleton == (("left_eye", "nose"),)
    assert (named.sigmas, named.sigmas_source) == ((0.1, 0.1, 0.2), given.sigmas_source)
    plain = infer_schema("x", numbered_names(3))
    assert plain.keypoints == ("kpt_0", "kpt_1", "kpt_2")
    named = renamed_schema(plain, ["left_eye", "right_eye", "nose"], pairs_given=False)
    assert named.flip_pairs == (("left_eye", "right_eye"),) and named.sigmas_source == "COCO's, by name"
    assert renamed_schema(plain, ["left_eye", "right_eye", "nose"], pairs_given=True).flip_pairs == ()
