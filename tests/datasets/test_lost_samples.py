"""Samples that cannot be read any more, and coordinates that a pipeline spoilt."""

import numpy as np
import pytest
import torch.multiprocessing as mp

from kpplugins.datasets.lost_samples import LostSamples, failing_image, require_finite_sample
from kpplugins.structures import BadInputError


def _lose(lost: LostSamples, index: int) -> None:
    lost.add(index, OSError("gone"))


def test_what_a_worker_loses_the_trainer_sees():
    lost = LostSamples(4)
    for index in (2, 0, 2):
        worker = mp.get_context("fork").Process(target=_lose, args=(lost, index))
        worker.start()
        worker.join()
    assert lost.indices() == [0, 2]
    lost.add(1, OSError("gone"))
    with pytest.raises(
        BadInputError, match=r"^a\.png: no image of the set can be read any more; found .*is empty"
    ):
        lost.add(3, BadInputError("image is empty", where="a.png"))


@pytest.mark.parametrize(
    ("error", "image"),
    [
        (BadInputError("image is missing", where="a b.png"), "a b.png"),
        (FileNotFoundError(2, "No such file", "a.png"), "a.png"),
        (OSError("`x` occurs when loading `a.png`.Please check whether the file exists."), "a.png"),
        (ValueError("something else"), None),
        (BadInputError("something else"), None),
    ],
)
def test_the_image_that_an_error_is_about(error: Exception, image: str | None):
    assert failing_image(error) == image


def test_what_is_not_finite_names_the_image_unless_it_is_not_labelled():
    nan = np.array([[[1.0, 2.0], [np.nan, 2.0]]])
    for visible in ([[1, 0]], [[[1, 1], [0, 0]]]):
        require_finite_sample({"keypoints": nan, "keypoints_visible": np.array(visible)}, "a.png")
    for name in ("keypoints", "transformed_keypoints"):
        with pytest.raises(BadInputError, match=rf"^a\.png: {name} that are not finite"):
            require_finite_sample({name: nan, "keypoints_visible": np.ones((1, 2))}, "a.png")
    with pytest.raises(BadInputError, match=r"^a\.png: bbox that"):
        require_finite_sample({"bbox": np.array([[0, 0, np.inf, 1]])}, "a.png")
