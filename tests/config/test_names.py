"""Names at the top of a config that would change nothing are told, not swallowed."""

from pathlib import Path

import pytest

from kpplugins.config.load import load_config
from kpplugins.structures import BadInputError

CASES = [
    ("glue_tubes_keypoint_rcnn", "image_augment = dict(zoom=(0.5, 1.0))", "a RandomImageAffine step"),
    ("glue_tubes_keypoint_rcnn", "num_stacks = 2", "a part of the model that has num_stacks"),
    ("detector_rtmdet_tiny", "image_augment = dict(zoom=(0.5, 1.0))", "a RandomImageAffine step"),
    ("custom_centernet", "box_padding = 1.0", "a GetBBoxCenterScale step"),
    ("custom_centernet", "box_augment = dict(rotate_factor=9)", "a RandomBoxTransform step"),
]


@pytest.fixture
def child(root: Path, tmp_path: Path, cups_and_plates: Path):
    """Load a child of a config with a line of its own, on the cups and plates."""

    def load(base: str, line: str, **options):
        path = tmp_path / "child.py"
        path.write_text(f'_base_ = "{root}/configs/{base}.py"\n{line}\n')
        return load_config(path, data=cups_and_plates, cfg_options=options)

    return load


@pytest.mark.parametrize(("base", "line", "place"), CASES)
def test_a_line_that_goes_nowhere_is_told(child, base: str, line: str, place: str):
    name, value = line.split(" = ", 1)
    with pytest.raises(BadInputError, match=f"{name} would change nothing; expected {place}"):
        child(base, line)
    with pytest.raises(BadInputError, match=f"{name} would change nothing"):
        child(base, "", **{name: eval(value)})


def test_lines_that_go_somewhere_are_not(child):
    assert child("custom_centernet", "num_stacks = 2").model.backbone.num_stacks == 2
    cfg = child(
        "glue_tubes_keypoint_rcnn_mobilenet", "input_size = (256, 192)\nimage_augment = dict(degrees=9)"
    )
    affine = next(s for s in cfg.train_dataloader.dataset.pipeline if s.type == "RandomImageAffine")
    assert (affine.input_size, affine.degrees, cfg.model.min_size, cfg.model.max_size) == (
        (256, 192),
        9,
        192,
        256,
    )
    cfg = child("glue_tubes_keypoint_rcnn", "input_size = (640, 480)")
    assert (cfg.model.min_size, cfg.model.max_size) == (480, 640)
    assert child("detector_rtmdet_tiny", "input_size = (64, 64)").train_dataloader.dataset.pipeline[
        -2
    ].size == (64, 64)


def test_what_a_base_says_may_go_nowhere_in_a_child(root: Path, tmp_path: Path, cups_and_plates: Path):
    (tmp_path / "base.py").write_text(f'_base_ = "{root}/configs/custom_centernet.py"\nnum_stacks = 2\n')
    other = 'model = dict(backbone=dict(_delete_=True, type="X"), head=dict(_delete_=True, type="Y"))\n'
    (tmp_path / "child.py").write_text('_base_ = "base.py"\n' + other)
    assert load_config(tmp_path / "child.py", data=cups_and_plates).model.head.type == "Y"
