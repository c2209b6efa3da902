"""The boxes of a second look."""

import numpy as np

from kpplugins.apis.labelling.second_look import larger_boxes


def test_they_grow_about_their_centres():
    boxes = np.array([[10.0, 20, 50, 40], [0, 0, 20, 100]])
    np.testing.assert_allclose(larger_boxes(boxes), [[7, 18.5, 53, 41.5], [-1.5, -7.5, 21.5, 107.5]])
    assert larger_boxes(np.zeros((0, 4))).shape == (0, 4)
