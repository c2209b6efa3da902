"""Facts of data sets whose numbers are known."""

import json
from pathlib import Path

import numpy as np
import pytest

from kpplugins.apis.recommending.data_facts import data_facts, turn_spread
from kpplugins.curation.convert import convert
from kpplugins.structures import BadInputError


@pytest.mark.parametrize("spread", [0, 10, 30])
def test_the_spread_of_turns_is_that_of_the_shapes(spread: float):
    generator = np.random.default_rng(0)
    shape = generator.normal(size=(6, 2))
    angles = np.radians(generator.normal(0, spread, 400))
    turns = np.stack([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]).transpose(2, 0, 1)
    points = np.einsum("nij,kj->nki", turns, shape) * generator.uniform(5, 50, (400, 1, 1)) + 100
    labelled = generator.random((400, 6)) < 0.9
    labelled[:, :2] = True
    assert turn_spread(points, labelled) == pytest.approx(spread, abs=3)


def test_any_way_is_more_than_a_right_angle_and_single_points_are_unknown():
    generator = np.random.default_rng(0)
    ends = generator.normal(size=(300, 2, 2))
    assert turn_spread(ends, np.ones((300, 2), bool)) > 90
    assert turn_spread(ends, np.tile([True, False], (300, 1))) is None
    assert turn_spread(ends[:4], np.ones((4, 2), bool)) is None
    assert turn_spread(np.zeros((9, 2, 2)), np.ones((9, 2), bool)) is None


def test_drawn_cats_as_they_are_and_converted(drawn_cats: Path, tmp_path: Path):
    plain = data_facts(drawn_cats)
    assert plain.dataset_type == "CatDataset" and plain.validated is None
    assert (plain.keypoints, plain.images, plain.instances, plain.categories) == (9, 12, 12, 1)  # of 20, 60 %
    assert plain.crowded == 0 and plain.mean_instances == 1 and plain.whole_images == 0
    assert 0 < plain.small_side <= plain.box_side and 0 < plain.box_share < 1
    assert plain.turned is not None and plain.turned < 30 and plain.unflipped == "" and plain.paired
    convert(drawn_cats, tmp_path / "own", ratios=(50, 25, 25))
    own = data_facts(tmp_path / "own")
    assert own.dataset_type == "CustomKeypointDataset"
    counts = json.loads((tmp_path / "own/report.json").read_text())["split"]
    assert (own.images, own.validated) == (counts["train"], counts["val"])
    assert own.different == own.images and own.alike == 0


def test_faces_fill_their_images(kaggle_folder: Path):
    facts = data_facts(kaggle_folder)
    assert facts.dataset_type == "KaggleFacialDataset" and facts.image_size == (96, 96)
    assert facts.whole_images == 1 and facts.box_share == pytest.approx(1, abs=0.02)


def test_what_cannot_be_recommended_for_is_one_line(one_cat: Path, tmp_path: Path):
    with pytest.raises(BadInputError, match=r"too few labelled instances.*100 to 200.*found 1;") as caught:
        data_facts(one_cat)
    assert "\n" not in str(caught.value)
    with pytest.raises(BadInputError, match="no such file or folder"):
        data_facts(tmp_path / "gone")
    point = {"label": "tip", "points": [[1, 1]], "shape_type": "point", "group_id": None, "flags": {}}
    page = {"version": "5.0", "shapes": [point], "imagePath": "a.jpg", "imageHeight": 80, "imageWidth": 100}
    (tmp_path / "labelled").mkdir()
    (tmp_path / "labelled/a.json").write_text(json.dumps({**page, "imageData": None, "flags": {}}))
    (tmp_path / "labelled/a.jpg").write_bytes((one_cat / "CAT_00/a.jpg").read_bytes())
    with pytest.raises(BadInputError, match=r"no dataset reads this.*kpplugins dataset convert"):
        data_facts(tmp_path / "labelled")
