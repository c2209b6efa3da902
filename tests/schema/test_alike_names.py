import pytest

from kpplugins.schema.alike_names import alike_names


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["left_eye", "LEye", "nose"], [("left_eye", "LEye")]),
        (["eye_left", "lefteye", "EyeL"], [("eye_left", "lefteye", "EyeL")]),
        (["left_eye", "right_eye", "ear_1", "ear_2", "左眼", "右眼"], []),
    ],
)
def test_spellings_of_one_keypoint(names: list[str], groups: list[tuple[str, ...]]):
    assert alike_names(names) == groups
