import pytest
import torch
from mmpose.registry import MODELS

import kpplugins.register  # noqa: F401
from kpplugins.models.data_preprocessors.picture_list_preprocessor import PictureListPreprocessor
from kpplugins.structures import BadInputError


def test_each_picture_keeps_its_size_and_becomes_rgb_in_0_to_1():
    pictures = [torch.arange(3 * h * w).reshape(3, h, w).to(torch.uint8) for h, w in ((4, 5), (7, 2))]
    before = [picture.clone() for picture in pictures]
    samples = [object(), object()]
    batch = MODELS.build(dict(type="PictureListPreprocessor"))({"inputs": pictures, "data_samples": samples})
    assert batch["data_samples"] is samples
    for out, given, old in zip(batch["inputs"], pictures, before, strict=True):
        assert out.dtype == torch.float32 and torch.equal(out, old.flip(0).float() / 255)
        assert torch.equal(given, old)


def test_a_stacked_batch_is_taken_apart_and_float_pictures_are_left_alone():
    stacked = torch.full((2, 3, 4, 4), 51.0)
    batch = PictureListPreprocessor()({"inputs": stacked, "data_samples": None})
    assert [p.shape for p in batch["inputs"]] == [(3, 4, 4)] * 2
    assert torch.allclose(batch["inputs"][0], torch.tensor(0.2)) and (stacked == 51).all()


@pytest.mark.parametrize("shape", [(1, 4, 4), (4, 4)])
def test_what_is_no_picture_is_named(shape: tuple):
    with pytest.raises(BadInputError, match=r"\(3, h, w\) BGR"):
        PictureListPreprocessor()({"inputs": [torch.zeros(shape)], "data_samples": None})
