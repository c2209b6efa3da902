import pytest

from kpplugins.schema.from_names import flip_pairs_by_name, infer_schema


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
